"""Sweeps: whole designs, point by point, and driven from outside."""

import json

import numpy as np
import pytest

import elinvar

SPACE = {"lam": {"low": 1e-3, "high": 10.0}, "penalty": ["mcp", "scad"]}


def data(n=60):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    return {"X": X, "y": X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=n)}


def test_a_design_is_run_once_and_the_best_point_comes_first(tmp_path):
    seen = []
    settings = dict(space={"lam": [0.01, 3.0]}, cv=3, folder=tmp_path / "trials", **data())
    found = elinvar.sweep("nonconvex-sparse", verbose=lambda step, of, _: seen.append((step, of)), report=tmp_path / "page", **settings)
    assert seen[-1] == (6, 6) and found.planned == 6 and len(found) == 2
    assert found.best == {"lam": 0.01} and found.goal == {"metric": "r2", "maximize": True}
    assert found.best_value > 0.9 > found.points[1]["means"]["r2"]
    table = found.to_pandas()
    assert list(table.columns[:2]) == ["lam", "r2"] and table["r2"].is_monotonic_decreasing
    assert "Best: r2" in repr(found) and "<table>" in found._repr_html_()
    assert (tmp_path / "page" / "index.html").stat().st_size < 1_000_000
    seen.clear()
    again = elinvar.sweep("nonconvex-sparse", verbose=lambda step, of, _: seen.append((step, of)), **settings)
    assert again.points == found.points and not seen
    trials = elinvar.read_trials(tmp_path / "trials")
    assert trials.n_rows == 6 and set(trials["method"]) == {"nonconvex-sparse.fit"} and sorted(set(trials["fold"])) == [0, 1, 2]


def test_shards_and_samplers(tmp_path):
    for sampler in ["random", "sobol"]:
        settings = dict(space=SPACE, n_points=8, sampler=sampler, cv=2, folder=tmp_path / sampler, random_state=3, minimize="rmse", **data())
        first = elinvar.sweep("nonconvex-sparse", shard="1/2", **settings)
        assert 0 < sum(row["trials"] for row in first.points) < 16
        both = elinvar.sweep("nonconvex-sparse", shard="2/2", **settings)
        assert sum(row["trials"] for row in both.points) == 16 and both.goal == {"metric": "rmse", "maximize": False}
        assert [row["means"]["rmse"] for row in both.points] == sorted(row["means"]["rmse"] for row in both.points)


def test_ask_and_tell(tmp_path):
    sweep = elinvar.Sweep("nonconvex-sparse", space=SPACE, n_points=5, folder=tmp_path, **data())
    points = []
    while (point := sweep.ask()) is not None:
        points.append(point)
        sweep.tell(point, {"score": -abs(np.log(point["lam"]))}) if len(points) < 5 else sweep.tell(point, error="no luck")
    assert len(points) == 5
    result = sweep.report()
    assert len(result) == 5 and result.points[-1]["error"] == "no luck"
    assert result.best == min(points[:4], key=lambda point: abs(np.log(point["lam"])))
    again = elinvar.Sweep("nonconvex-sparse", space=SPACE, n_points=5, folder=tmp_path, **data())
    assert again.ask() is None, "what was told is not asked again"
    assert again.measure(points[0]) == {"score": -abs(np.log(points[0]["lam"]))}


def test_a_point_of_ones_own_is_measured_and_kept(tmp_path):
    sweep = elinvar.Sweep("nonconvex-sparse", space=SPACE, cv=4, folder=tmp_path, n_points=1, **data())
    numbers = sweep.measure({"lam": 1, "penalty": "mcp"})
    assert set(numbers) == {"r2", "rmse", "mae"}
    assert sweep.measure({"lam": 1.0, "penalty": "mcp"}) == numbers, "1 is 1.0"
    assert len(sweep.report()) == 1 and sweep.report().points[0]["trials"] == 4
    with pytest.raises(ValueError, match="parameter 'lam' must be"):
        sweep.measure({"lam": -1.0})
    with pytest.raises(ValueError, match="4 trials, one a fold"):
        sweep.tell({"lam": 1.0, "penalty": "mcp"}, {"r2": 1.0})


def test_optuna_drives_a_sweep(tmp_path):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sweep = elinvar.Sweep("nonconvex-sparse", space={**SPACE, "max_iter": {"low": 100, "high": 20000}}, cv=2, folder=tmp_path, n_points=1, **data())
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(lambda trial: sweep.measure(sweep.suggest(trial))["r2"], n_trials=15)
    result = sweep.report()
    assert len(result) == 15 and result.best_value == study.best_value > 0.9
    assert result.best["lam"] == study.best_params["lam"]


def test_wrong_requests_say_what_is_right(tmp_path):
    def refused(match, **settings):
        with pytest.raises(ValueError, match=match):
            elinvar.sweep("nonconvex-sparse", folder=tmp_path, **{**data(), **settings})

    refused("there is no parameter 'lamm'; did you mean 'lam'?", space={"lamm": [1.0]})
    refused("'lam' must be a list of values, or low and high", space={"lam": 3.0})
    refused("is a range, and the number of trials is missing", space=SPACE)
    refused("'folds' must be a number from 2 to the 60 rows, got 61", space={"lam": [1.0]}, cv=61)
    refused("not both", space={"lam": [1.0]}, maximize="r2", minimize="rmse")
    refused("trials do not measure 'r3'; did you mean 'r2'?", space={"lam": [1.0]}, cv=2, maximize="r3")
    assert not list(tmp_path.rglob("*.json")), "nothing was run"
    refused("parameter 'executor' must be None or 'ray'", space={"lam": [1.0]}, executor="dask")
    refused("an address is that of a cluster of Ray", space={"lam": [1.0]}, address="auto")


def test_failed_trials_are_kept_and_can_be_retried(tmp_path):
    bad = data()
    bad["y"][3] = np.nan
    settings = dict(space={"lam": [0.01, 1.0]}, folder=tmp_path, **bad)
    found = elinvar.sweep("nonconvex-sparse", **settings)
    assert all(row["error"] for row in found.points) and found.best is None
    ran = []
    elinvar.sweep("nonconvex-sparse", verbose=lambda step, of, _: ran.append(of), **settings)
    assert not ran
    elinvar.sweep("nonconvex-sparse", retry_failed=True, verbose=lambda step, of, _: ran.append(of), **settings)
    assert ran[-1] == 2


def test_records_are_json(tmp_path):
    sweep = elinvar.Sweep("nonconvex-sparse", space={"lam": [0.01]}, folder=tmp_path, **data())
    record = json.loads(sweep._study.measure(sweep._study.trial(0)))
    assert record["method"] == "nonconvex-sparse.fit" and record["trial"]["lam"] == 0.01 and "metrics" in record["outcome"]
