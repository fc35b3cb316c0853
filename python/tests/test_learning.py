"""Self-normalising networks from Python."""

import numpy as np
import pytest
from scipy import special
from sklearn.base import clone
from sklearn.datasets import load_digits, make_regression
from sklearn.model_selection import train_test_split

from elinvar.learning import SnnClassifier, SnnGridSearch, SnnMultiTask, SnnRegressor, fixed_point, moment_map, selu_for_fixed_point

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


def by_scipy(mu, omega, nu, tau):
    """The map by the paper's formulas, with SciPy's scaled error function."""
    m, v = mu * omega, nu * tau
    root, gauss = np.sqrt(2 * v), np.exp(-(m**2) / (2 * v))
    once, twice = special.erfcx((m + v) / root) * gauss, special.erfcx((m + 2 * v) / root) * gauss
    tail = special.erfc(m / root)
    mean = SCALE / 2 * (m * (2 - tail) + ALPHA * (once - tail) + root / np.sqrt(np.pi) * gauss)
    second = (m**2 + v) * (2 - tail) + ALPHA**2 * (twice - 2 * once + tail) + np.sqrt(2 / np.pi) * m * np.sqrt(v) * gauss
    return mean, SCALE**2 / 2 * second - mean**2


def test_the_moment_map_agrees_with_scipy():
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, 5000), rng.uniform(-1, 1, 5000), rng.uniform(0.05, 6, 5000), rng.uniform(0.5, 1.5, 5000)
    mean, variance = moment_map(*points)
    expected = by_scipy(*points)
    assert np.allclose(mean, expected[0], rtol=0, atol=1e-13) and np.allclose(variance, expected[1], rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match=r"row 1: a sum of squared weights \(tau\) must be >= 0"):
        moment_map([0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, -1.0])


def test_fixed_points_and_their_activations():
    assert np.isclose(fixed_point().variance, 1.0) and fixed_point().contraction < 0.8
    found = selu_for_fixed_point(variance=2.0, dropout=0.1)
    assert np.isclose(found.alpha, 1.97125575, atol=1e-8) and np.isclose(found.scale, 1.06070908, atol=1e-8)
    mean, variance = moment_map([0.0], [1.0], [2.0], [1.0], alpha=found.alpha, scale=found.scale)
    assert abs(mean[0]) < 1e-12 and abs(variance[0] - 2) < 1e-12


def test_digits_are_classified_and_reported(tmp_path, quiet):
    X, y = load_digits(return_X_y=True)
    names = np.array([f"digit {digit}" for digit in y])
    X_train, X_test, y_train, y_test = train_test_split(X, names, random_state=0)
    model = SnnClassifier(hidden_layers=6, units=64, lr=0.05, max_epochs=60, random_state=0).fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.94 and model.classes_.tolist() == sorted(set(names))
    assert np.allclose(model.predict_proba(X_test).sum(1), 1)
    report = model.report(X_test)
    assert report.layers.n_rows == 6 and "self-normalising" in report.verdict
    model.save(tmp_path / "digits.safetensors")
    loaded = SnnClassifier.load(tmp_path / "digits.safetensors")
    assert (loaded.predict(X_test) == model.predict(X_test)).all() and loaded.hidden_layers == 6
    again = clone(model).set_params(n_jobs=1).fit(X_train, y_train)
    assert (again.predict_proba(X_test) == model.predict_proba(X_test)).all()


def test_exact_moments_are_proven(quiet):
    X, y = load_digits(return_X_y=True)
    start = SnnClassifier(hidden_layers=4, units=128, exact_moments=True, lr=1e-12, max_epochs=1, early_stopping=False, random_state=0)
    layers = start.fit(X, y).report(X).layers
    assert (np.asarray(layers["stable_units"]) == 1).all()


def test_a_number_is_predicted(quiet):
    X, y = make_regression(400, 8, noise=5.0, random_state=0)
    model = SnnRegressor(hidden_layers=3, units=64, lr=0.05, dropout=0.0, random_state=0).fit(X[:300], 1e4 + y[:300])
    assert model.score(X[300:], 1e4 + y[300:]) > 0.9


def test_a_grid_is_searched(quiet):
    X, y = load_digits(return_X_y=True)
    search = SnnGridSearch(hidden_layers=(2, 4), units=(32,), lr=(0.1,), dropout=(0.0,), max_epochs=10, random_state=0).fit(X, y)
    assert search.results_.n_rows == 2 and search.best_params_["lr"] == 0.1
    assert search.score(X, y) > 0.9 and min(search.results_["loss"]) == search.best_loss_


def test_answers_may_be_missing(quiet):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 6))
    answers = {"first": (X[:, 0] > 0).astype(float), "second": (X[:, 1] + X[:, 2] > 0).astype(float)}
    answers["second"][::5] = np.nan
    model = SnnMultiTask(hidden_layers=2, units=64, lr=0.1, random_state=0).fit(X, answers)
    found = model.predict(X)
    assert np.mean(np.asarray(found["first"]) == answers["first"]) > 0.93 and model.predict_proba(X).shape == (500, 2)
    assert model.answers_ == ["first", "second"]
    with pytest.raises(ValueError, match="answers 'first' must be 0, 1 or missing, got 2"):
        model.fit(X, {"first": np.full(500, 2.0)})


def test_what_cannot_be_is_refused(quiet):
    X, y = load_digits(return_X_y=True)
    for parameters, message in [
        ({"dropout": 1.0}, r"dropout.*must be in \[0, 1\), got 1.0"),
        ({"batch_size": 5000}, "batch_size' must be at most the 1528 rows to train on, got 5000"),
        ({"architecture": "highway", "form": "conic"}, "form' must be 'rectangular'"),
        ({"units": 0}, "units' must be a whole number >= 1, got 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            SnnClassifier(**parameters).fit(X, y)
