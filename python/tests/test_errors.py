"""Bad input gives one clear line, the same as in Rust and on the command line."""

import re

import numpy as np
import pytest

from elinvar.dependence import DistanceCovariance, FairClassifier, FairRegressor
from elinvar.transport import MongeGapMap, monge_gap

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X @ [1.0, -1.0, 0.5]
GROUP = {"gender": np.arange(60) % 2}


def message(kind, call, *arguments, **keywords):
    """The text of the exception, which is one line."""
    with pytest.raises(kind) as caught:
        call(*arguments, **keywords)
    assert type(caught.value) is kind or kind in (OSError, ArithmeticError)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_distance_covariance():
    statistic = DistanceCovariance().statistic
    assert "distance covariance needs at least 4 rows, got 3" in message(ValueError, statistic, y[:3], {"gender": [0, 1, 0]})
    assert "column 'gender' has one level: no dependence can be measured" in message(
        ValueError, statistic, y, {"gender": np.zeros(60, int)}
    )
    bad = y.copy()
    bad[7] = np.nan
    assert re.search(r"row 7\b", message(ValueError, statistic, bad, GROUP))
    assert "60" in message(ValueError, statistic, y[:50], GROUP) and "50" in message(ValueError, statistic, y[:50], GROUP)
    assert "parameter 'c' must be > 0, got -1.0" in message(ValueError, DistanceCovariance(c=-1.0).statistic, y, GROUP)
    assert "parameter 'measure' must be one of" in message(ValueError, DistanceCovariance(measure="cov").statistic, y, GROUP)


def test_fair_regressor():
    def fit(**params):
        FairRegressor(random_state=0, **{"loss": "gaussian", **params}).fit(X, y, GROUP)

    assert "parameter 'lam' must be >= 0, got -1.0" in message(ValueError, fit, lam=-1.0)
    assert "parameter 'batch_size' must be a whole number >= 8, or one of 'auto' or none, got 4" in message(ValueError, fit, batch_size=4)
    assert "parameter 'dropout' must be in [0, 1), got 1.0" in message(ValueError, fit, dropout=1.0)
    assert "batch_size" in message(ValueError, fit, batch_size=1000)
    assert "poisson" in message(ValueError, fit, loss="poisson")
    assert "parameter 'learning_rate' must be finite, got NaN" in message(ValueError, fit, learning_rate=float("nan"))
    bad = X.copy()
    bad[17, 2] = np.nan
    text = message(ValueError, FairRegressor(loss="gaussian").fit, bad, y, GROUP)
    assert text.startswith("X contains a non-finite value at row 17, column 2")


def test_fair_classifier():
    labels = np.array(["a", "b", "c"])[np.arange(60) % 3]
    assert "Only binary classification is supported" in message(ValueError, FairClassifier().fit, X, labels, GROUP)
    assert "y must hold two classes, got one class: a" in message(ValueError, FairClassifier().fit, X, np.full(60, "a"), GROUP)
    assert "continuous" in message(ValueError, FairClassifier().fit, X, y, GROUP)


def test_monge_gap():
    assert "X has 3 features, Y has 2" in message(ValueError, MongeGapMap(num_iters=2, batch_size=8).fit, X, X[:, :2])
    assert "must be row-paired, got 60 and 50 rows" in message(ValueError, monge_gap, X, X[:50])
    assert "parameter 'epsilon' must be > 0 or none, got -1.0; use method='exact' for the unregularised gap" in message(ValueError, monge_gap, X, X, epsilon=-1.0)
    bad = X.copy()
    bad[3, 1] = np.inf
    assert "non-finite value at row 3, column 1" in message(ValueError, monge_gap, X, bad)


def test_models_of_another_method_are_refused(tmp_path, quiet):
    path = tmp_path / "map.safetensors"
    MongeGapMap(num_iters=2, batch_size=8, random_state=0).fit(X, X).save(path)
    text = message(ValueError, FairRegressor.load, path)
    assert "monge-gap" in text and "distance-covariance" in text


def test_damaged_model_files_are_refused(tmp_path):
    path = tmp_path / "map.safetensors"
    path.write_bytes(b"\xff" * 8 + b"{}")
    assert str(path) in message(OSError, MongeGapMap.load, path)
    path.write_bytes(b"")
    assert str(path) in message(OSError, MongeGapMap.load, path)


def test_complex_and_sparse_data_are_refused():
    assert "Complex data not supported" in message(ValueError, DistanceCovariance().statistic, y + 1j, GROUP)
    from scipy import sparse

    assert "Sparse data was passed" in message(TypeError, MongeGapMap().fit, sparse.csr_array(X), X)


def test_random_state_and_limits():
    def fit(**params):
        FairRegressor(loss="gaussian", **params).fit(X, y, GROUP)

    assert "parameter 'random_state' must be a whole number >= 0" in message(ValueError, fit, random_state=-1)
    assert "parameter 'n_jobs' must be a whole number but 0" in message(ValueError, fit, n_jobs=0)
    assert "parameter 'time_limit' must be > 0 or None, got -1" in message(ValueError, fit, time_limit=-1)
    assert "parameter 'mem_limit' must be a number of bytes >= 1 or None, got 0" in message(ValueError, fit, mem_limit=0)
