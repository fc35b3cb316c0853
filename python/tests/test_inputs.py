"""NumPy, pandas, polars, pyarrow and plain dicts give the same numbers."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from elinvar import _core, _tables
from elinvar.dependence import DistanceCovariance

N = 40
rng = np.random.default_rng(5)
YHAT = rng.normal(size=N)
GENDER = np.where(rng.random(N) < 0.4, "woman", "man")
REGION = rng.integers(0, 3, size=N)
AGE = rng.uniform(20, 70, size=N)
PROTECTED = {"gender": GENDER, "region": REGION, "age": AGE}


def statistic(yhat, protected):
    return DistanceCovariance(n_jobs=1).statistic(yhat, protected)


REFERENCE = statistic(YHAT, PROTECTED)


@pytest.mark.parametrize(
    "protected",
    [
        pd.DataFrame(PROTECTED),
        pd.DataFrame(PROTECTED).astype({"gender": "category"}),
        pd.DataFrame(PROTECTED).astype({"gender": object, "region": "Int64", "age": "Float64"}),
        pd.DataFrame(PROTECTED)[["age", "gender", "region"]][["gender", "region", "age"]],
        pl.DataFrame(PROTECTED),
        pl.DataFrame(PROTECTED).with_columns(pl.col("gender").cast(pl.Categorical)),
        pl.DataFrame(PROTECTED).lazy(),
        pa.table(PROTECTED),
        {name: list(column) for name, column in PROTECTED.items()},
        {name: pd.Series(column) for name, column in PROTECTED.items()},
        {name: pl.Series(column) for name, column in PROTECTED.items()},
    ],
    ids=["pandas", "category", "nullable", "order", "polars", "polars-categorical", "lazy", "pyarrow", "lists", "series", "polars-series"],
)
def test_tables_of_every_kind_agree(protected):
    assert statistic(YHAT, protected) == REFERENCE


@pytest.mark.parametrize(
    "yhat",
    [
        np.repeat(YHAT, 2)[::2],
        YHAT[::-1].copy()[::-1],
        YHAT.astype(">f8"),
        YHAT.reshape(-1, 1),
        YHAT.tolist(),
        pd.Series(YHAT),
        pl.Series(YHAT),
        np.frombuffer(b"x" + YHAT.tobytes(), dtype=np.uint8)[1:].view(np.float64),
    ],
    ids=["strided", "reversed", "big-endian", "column", "list", "pandas", "polars", "unaligned"],
)
def test_arrays_of_every_layout_agree(yhat):
    assert statistic(yhat, PROTECTED) == REFERENCE


def test_read_only_arrays_are_read():
    yhat = YHAT.copy()
    yhat.flags.writeable = False
    assert statistic(yhat, PROTECTED) == REFERENCE


def test_single_precision_and_whole_numbers_are_converted():
    assert statistic(YHAT.astype(np.float32), PROTECTED) == pytest.approx(REFERENCE, rel=1e-5)
    assert np.isfinite(statistic(np.arange(N), PROTECTED))
    assert statistic(np.arange(N, dtype=np.int32), PROTECTED) == statistic(np.arange(N, dtype=np.float64), PROTECTED)


def columns(value):
    return {name: cells if isinstance(cells, list) else cells.tolist() for name, cells in _tables.columns(value, "s")}


def test_cells_keep_their_kind_and_missing_ones_are_marked():
    frame = pd.DataFrame(
        {
            "whole": [1, 2],
            "real": [1.5, np.nan],
            "flag": [True, False],
            "text": ["a", None],
            "nullable": pd.array([1, None], dtype="Int64"),
            "category": pd.Categorical([3, 4]),
        }
    )
    kinds = {name: "text" if isinstance(cells, list) else cells.dtype.kind for name, cells in _tables.columns(frame, "s")}
    assert kinds == {"whole": "i", "real": "f", "flag": "b", "text": "text", "nullable": "f", "category": "text"}
    assert columns(frame)["text"] == ["a", None] and columns(frame)["category"] == ["3", "4"]
    assert np.isnan(columns(frame)["nullable"][1])
    assert columns(pl.DataFrame({"text": ["a", None], "whole": [1, None]}))["text"] == ["a", None]
    assert columns(np.array([[1, 2], [3, 4]])) == {"s0": [1, 3], "s1": [2, 4]}
    assert columns(pd.Series([1.0, 2.0], name="age")) == {"age": [1.0, 2.0]}
    assert columns(np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")])) == {"a": [1], "b": [2.0]}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.array(["2020-01-01"] * N, dtype="M8[D]"), "column 'date' must hold numbers, text or booleans, got datetime64"),
        ([object()] * N, "column 'date' must hold numbers, text or booleans, got object"),
        (np.zeros((N, 2)), r"column 'date' must have one value a row, got an array of shape \(40, 2\)"),
    ],
)
def test_cells_of_other_kinds_are_refused(column, message):
    with pytest.raises(ValueError, match=message):
        statistic(YHAT, {"date": column})


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="column 'age' must have 40 rows like 'gender', got 3"):
        statistic(YHAT, {"gender": GENDER, "age": [1.0, 2.0, 3.0]})


def test_results_own_their_memory():
    gradient = DistanceCovariance().gradient(YHAT, PROTECTED)
    assert gradient.flags.writeable and gradient.flags.owndata is False or gradient.base is not None
    gradient[:] = 0.0
    assert not np.all(DistanceCovariance().gradient(YHAT, PROTECTED) == 0.0)


def test_tables_are_read_from_files(tmp_path):
    import elinvar

    frame = pd.DataFrame(PROTECTED)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        table = elinvar.read_table(tmp_path / name)
        assert list(table) == ["gender", "region", "age"]
        assert table.to_pandas()["age"].tolist() == AGE.tolist()
        assert table["gender"].tolist() == GENDER.tolist()
        assert statistic(YHAT, table) == REFERENCE
    with pytest.raises(FileNotFoundError, match="nowhere.csv"):
        elinvar.read_table(tmp_path / "nowhere.csv")


def test_the_core_lends_arrays_without_copying():
    # The core answers for both halves of one buffer while a view of it is in use elsewhere.
    both = np.stack([YHAT, YHAT * 2.0])
    values, *_ = _core.run("distance-covariance", "statistic", {}, {"yhat": both[0], "protected": PROTECTED}, threads=1)
    assert values["statistic"] == REFERENCE
