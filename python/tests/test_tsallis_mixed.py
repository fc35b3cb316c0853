"""The mixed model as a user of pandas and NumPy meets it."""

import math

import numpy as np
import pandas as pd
import pytest

from elinvar.dependence import TsallisMixedModel


def clinics(wild=4):
    rng = np.random.default_rng(0)
    clinic = np.repeat(np.arange(40), 6)
    X = rng.normal(size=(240, 3))
    spread = np.where(np.arange(40) < wild, 10.0, 1.0)[clinic]
    y = 1 + X @ [1.0, -0.5, 0.0] + rng.normal(size=40)[clinic] + spread * rng.normal(size=240)
    return X, y, clinic


def test_attributes_have_the_shapes_of_the_data():
    X, y, clinic = clinics()
    model = TsallisMixedModel().fit(X, y, groups=clinic)
    assert model.coef_.shape == model.bse_.shape == (3,) and model.cov_re_.shape == (1, 1)
    assert model.random_effects_.shape == (40, 1) and model.group_weights_.shape == model.outlier_pvalue_.shape == (40,)
    assert np.abs(model.coef_ - [1.0, -0.5, 0.0]).max() < 4 * model.bse_.max()
    assert set(model.outliers_) == {"0", "1", "2", "3"} and model.group_labels_[:2] == ["0", "1"]
    assert model.converged_ and not model.is_gaussian_ and model.tail_pvalue_ < 1e-6
    assert model.q_by_size_["6"] == pytest.approx(1 + 2 / (model.nu_ + 6))
    assert model.summary().coefficients["name"][0] == "(intercept)"


def test_predictions_know_their_groups():
    X, y, clinic = clinics(wild=0)
    model = TsallisMixedModel(nu=30.0).fit(X, y, groups=clinic)
    fixed = model.predict(X)
    assert np.allclose(fixed, model.intercept_ + X @ model.coef_)
    conditional = model.predict(X, groups=clinic)
    assert np.allclose(conditional - fixed, model.random_effects_[clinic, 0])
    assert np.allclose(model.predict(X, groups=np.full(240, 99)), fixed)
    assert np.mean((y - conditional) ** 2) < np.mean((y - fixed) ** 2)


def test_formulas_read_data_frames(tmp_path):
    X, y, clinic = clinics()
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(site=[f"s{g}" for g in clinic], arm=np.where(clinic % 2, "drug", "placebo"))
    formula = "~ a*arm + b + (1 + a | site)"
    model = TsallisMixedModel(formula=formula, covariance="diagonal").fit(frame, y)
    assert model.coef_names_ == ["a", "arm=placebo", "a:arm=placebo", "b"] and model.random_names_ == ["(intercept)", "a"]
    model.save(tmp_path / "m.safetensors")
    again = TsallisMixedModel.load(tmp_path / "m.safetensors")
    assert np.array_equal(again.coef_, model.coef_) and again.formula == formula
    assert model.predict(frame).std() > model.predict(frame.assign(site="elsewhere")).std()


def test_random_slopes_have_three_spellings(quiet):
    X, y, clinic = clinics()
    by_name = TsallisMixedModel(random_effects=["x0"]).fit(X, y, groups=clinic)
    by_matrix = TsallisMixedModel().fit(X, y, groups=clinic, Z=X[:, :1])
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(g=clinic)
    by_formula = TsallisMixedModel(formula="~ a + b + c + (1 + a | g)").fit(frame, y)
    assert by_name.loglik_ == by_matrix.loglik_ == by_formula.loglik_


def test_paths_choose_a_level(quiet):
    rng = np.random.default_rng(1)
    clinic = np.repeat(np.arange(40), 4)
    X = rng.normal(size=(160, 80))
    y = 1 + X[:, :3] @ [1.5, -1.5, 1.0] + rng.normal(size=40)[clinic] + rng.normal(size=160)
    path = TsallisMixedModel(penalty="mcp").path(X, y, groups=clinic)
    chosen = list(path.effects["name"])
    assert chosen[:4] == ["(intercept)", "x0", "x1", "x2"] and len(chosen) <= 6
    assert path.coefficients.shape == (len(path.path["lam"]), 81) and path.path["lam"][0] > path.path["lam"][-1]
    model = TsallisMixedModel(penalty="mcp", lam=path.selected).fit(X, y, groups=clinic)
    assert [f"x{j}" for j in np.flatnonzero(model.coef_)] == chosen[1:] and not hasattr(model, "bse_")


def test_the_gaussian_is_infinite_degrees_of_freedom(quiet):
    X, y, clinic = clinics(wild=0)
    word = TsallisMixedModel(nu="inf").fit(X, y, groups=clinic)
    number = TsallisMixedModel(nu=math.inf).fit(X, y, groups=clinic)
    assert word.loglik_ == number.loglik_ and word.is_gaussian_ and word.nu_ == math.inf
    restricted = TsallisMixedModel(nu="inf", reml=True).fit(X, y, groups=clinic)
    assert restricted.scale_ > word.scale_


def test_what_cannot_be_fitted_is_named():
    X, y, clinic = clinics()
    with pytest.raises(ValueError, match="degrees of freedom cannot be identified from 1 group: fix nu"):
        TsallisMixedModel().fit(X, y, groups=np.zeros(240))
    with pytest.raises(ValueError, match="groups must have 240 rows like X, got 5"):
        TsallisMixedModel().fit(X, y, groups=clinic[:5])
    with pytest.raises(ValueError, match=r"parameter 'q' must be in \(1, 1.5\) for dim = 4, got 1.6"):
        TsallisMixedModel(q=1.6, dim=4).fit(X, y, groups=clinic)


def test_single_bad_rows_are_named():
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(30), 6)
    X = rng.normal(size=(180, 2))
    y = 1 + X @ [1.0, -0.5] + rng.normal(size=30)[groups] + rng.normal(size=180)
    bad = [3, 50, 100, 171]
    y[bad] += 30
    model = TsallisMixedModel(shape="observation").fit(X, y, groups=groups)
    assert sorted(np.argsort(model.observation_weights_)[:4]) == bad
    assert set(bad) <= set(model.outlier_observations_)
    assert not hasattr(model, "outlier_pvalue_model_")
    assert abs(model.coef_[0] - 1) < 0.3


def test_known_precisions_are_those_of_the_errors():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 4)
    X = rng.normal(size=(120, 2))
    precision = rng.choice([0.25, 1.0, 4.0], 120)
    y = X @ [1.0, -1.0] + rng.normal(size=30)[groups] + rng.normal(size=120) / np.sqrt(precision)
    plain, weighted = TsallisMixedModel(nu=math.inf).fit(X, y, groups), TsallisMixedModel(nu=math.inf).fit(X, y, groups, precision=precision)
    assert weighted.loglik_ > plain.loglik_ + 5 and np.abs(weighted.coef_ - [1, -1]).max() < 0.2
    with pytest.raises(ValueError, match="precision must be > 0 and finite, got -1 in row 3"):
        TsallisMixedModel().fit(X, y, groups, precision=np.where(np.arange(120) == 3, -1.0, 1.0))
