"""Maps and gaps with a ground cost of the user's own."""

import numpy as np
import pytest

from elinvar.transport import MongeGapMap, monge_gap


def value(x, y):
    return ((x - y) ** 2).sum(axis=1)


def gradient(x, y):
    return 2 * (y - x)


def clouds(n=40):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2))
    return X, X[rng.permutation(n)] + 0.5


@pytest.mark.parametrize("method", ["exact", "entropic"])
def test_a_cost_of_ones_own_measures_as_the_named_one(method):
    X, Y = clouds()
    named = monge_gap(X, Y, cost="sqeuclidean", method=method)
    own = monge_gap(X, Y, cost=(value, gradient), method=method)
    np.testing.assert_allclose(own.value, named.value, rtol=1e-9)


def test_a_cost_of_ones_own_trains_as_the_named_one():
    X, Y = clouds()
    short = dict(num_iters=15, batch_size=16, hidden=(8,), random_state=0)
    named = MongeGapMap(cost="sqeuclidean", **short).fit(X, Y)
    own = MongeGapMap(cost=(value, gradient), **short).fit(X, Y)
    np.testing.assert_allclose(own.transform(X), named.transform(X), rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="a cost of your own, which it does not hold"):
        own.gap(X)


def test_what_goes_wrong_in_a_cost_is_raised():
    X, Y = clouds()

    def broken(x, y):
        raise ZeroDivisionError("no such cost")

    with pytest.raises(ZeroDivisionError, match="no such cost"):
        MongeGapMap(cost=(broken, gradient), num_iters=5, batch_size=16, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match=r"the value of the cost must have shape \(40,\)"):
        monge_gap(X, Y, cost=(lambda x, y: 0.0, gradient))
    with pytest.raises(ValueError, match="'mlp' with a cost of your own"):
        MongeGapMap(cost=(value, gradient), arch="structured").fit(X, Y)
