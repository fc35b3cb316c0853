"""Sparse regression as a user of scikit-learn meets it: splitters, weights, names, plots."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, LeaveOneGroupOut

from elinvar.dependence import NonconvexCV, NonconvexPath, NonconvexRegressor

matplotlib.use("Agg")


def problem(n=80, p=12):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    return X, 2 * X[:, 3] - X[:, 7] + 0.5 * rng.normal(size=n)


def test_folds_may_be_a_number_a_splitter_or_a_list():
    X, y = problem()
    splitter = KFold(4, shuffle=True, random_state=1)
    by_splitter = NonconvexCV(cv=splitter, n_lambda=20).fit(X, y)
    by_list = NonconvexCV(cv=list(splitter.split(X)), n_lambda=20).fit(X, y)
    assert (by_splitter.cv_loss_ == by_list.cv_loss_).all()
    groups = LeaveOneGroupOut().split(X, y, groups=np.arange(80) // 20)
    assert (NonconvexCV(cv=groups, n_lambda=20).fit(X, y).cv_loss_ != by_list.cv_loss_).any()


@pytest.mark.parametrize("cv, message", [(1, "at least 2 folds"), ("five", "cv"), ([([0, 1], [99])] * 2, "rows from 0 to 79"), ([([0, 1], [])] * 2, "neither empty")])
def test_bad_folds_are_named(cv, message):
    X, y = problem()
    with pytest.raises(ValueError, match=message):
        NonconvexCV(cv=cv).fit(X, y)


def test_a_weight_is_a_number_of_rows():
    X, y = problem()
    weights = np.random.default_rng(1).integers(0, 4, size=80)
    tight = NonconvexRegressor(tol=1e-12, max_iter=10_000)
    weighted = tight.fit(X, y, sample_weight=weights).coef_
    repeated = tight.fit(np.repeat(X, weights, axis=0), np.repeat(y, weights)).coef_
    np.testing.assert_allclose(weighted, repeated, atol=1e-9)


def test_paths_and_choices_are_drawn():
    X, y = problem()
    table = pd.DataFrame(X, columns=[f"gene {j}" for j in range(12)])
    ax = NonconvexPath(n_lambda=30).fit(table, y).plot_path()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:2] == ["gene 3", "gene 7"] and ax.get_xscale() == "log"
    ax = NonconvexCV(n_lambda=30, random_state=0).fit(table, y).plot_cv()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["least loss", "one standard error"]
