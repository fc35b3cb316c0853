"""Augmented covariance against pyRiemann and scikit-learn: covariances, means, tangent spaces, and the search over order and lag.

Everything runs on one core (`n_jobs=1`, one BLAS thread), so that CPU seconds compare. The peer's search is scikit-learn's GridSearchCV over
a pipeline of pyRiemann parts, as MOABB runs it; it covers a part of the grid, whose points are named in the row.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
from pyriemann.estimation import Covariances
from pyriemann.geometry.mean import mean_riemann
from pyriemann.tangentspace import TangentSpace
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from elinvar.dependence import ACMClassifier, AugmentedCovariance, spd_geometric_mean, tangent_space
from harness import timed, write


class AugmentedDataset(BaseEstimator, TransformerMixin):
    """Delay embedding, so that the peer needs MOABB for nothing else."""

    def __init__(self, order=1, lag=1):
        self.order = order
        self.lag = lag

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        if self.order == 1:
            return X
        end = X.shape[-1]
        return np.concatenate([X[:, :, q * self.lag: end - (self.order - q) * self.lag] for q in range(self.order)], axis=1)


def epochs(n, d, length, seed=0):
    """Mixed rhythms of 8 to 20 Hz at 250 Hz with noise; in the second class two of them are faster."""
    rng = np.random.default_rng(seed)
    t, y = np.arange(length) / 250, np.arange(n) % 2
    sources = d // 2
    frequency = rng.uniform(8, 20, sources)[None, :, None] + np.where(np.arange(sources) < 2, 1.0, 0.0)[None, :, None] * y[:, None, None]
    wobble = np.cumsum(rng.normal(size=(n, sources, length)), axis=2) * 0.08
    signal = rng.lognormal(0, 0.4, (n, sources, 1)) * np.sin(2 * np.pi * frequency * t + wobble + rng.uniform(0, 6, (n, sources, 1)))
    return rng.normal(size=(d, sources)) @ signal + 0.5 * rng.normal(size=(n, d, length)), y


def versus(workload, ours, theirs, difference, repeat=3):
    mine, my_time = timed(ours, repeat=repeat)
    other, their_time = timed(theirs, repeat=repeat)
    row = {"workload": workload, "elinvar": my_time, "pyriemann": their_time, "cpu_ratio": their_time["cpu_s"] / my_time["cpu_s"]}
    return row | {"difference_relative": float(difference(mine, other))}


def relative(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def parts(order, n=40):
    X, _ = epochs(n, 22, 1000)
    size = 22 * order
    embed = AugmentedDataset(order, 4)
    peer = Covariances("lwf").transform(embed.transform(X))
    mean_riemann(peer)
    own = AugmentedCovariance(order=order, lag=4, estimator="lwf", n_jobs=1)
    return [
        versus(f"Ledoit-Wolf covariance of {n} epochs, 22 channels, 1000 samples, size {size}", lambda: own.transform(X),
               lambda: Covariances("lwf").transform(embed.transform(X)), relative),
        versus(f"geometric mean of {n} matrices of size {size}, tolerance 1e-8", lambda: spd_geometric_mean(peer, n_jobs=1),
               lambda: mean_riemann(peer, tol=1e-8), relative),
        versus(f"tangent space of {n} matrices of size {size}, mean and mapping",
               lambda: tangent_space(peer, spd_geometric_mean(peer, n_jobs=1), n_jobs=1), lambda: TangentSpace("riemann").fit_transform(peer),
               lambda a, b: np.abs(np.linalg.norm(a, axis=1) - np.linalg.norm(b, axis=1)).max() / np.linalg.norm(b, axis=1).max()),
    ]


def search(n, orders, lags, label, d=22, length=1000):
    """The same grid of order, lag, three C and two kernels with five folds, by both."""
    X, y = epochs(n, d, length)
    settings = {"augment__order": list(orders), "augment__lag": list(lags), "svc__C": [0.5, 1.0, 1.5], "svc__kernel": ["linear", "rbf"]}
    pipeline = Pipeline([("augment", AugmentedDataset()), ("cov", Covariances("cov")), ("tangent", TangentSpace("riemann")), ("svc", SVC())])
    peer = GridSearchCV(pipeline, settings, cv=StratifiedKFold(5, shuffle=True, random_state=0), scoring="roc_auc", n_jobs=1)
    own = ACMClassifier(order="grid", lag="grid", orders=tuple(orders), lags=tuple(lags), C=(0.5, 1.0, 1.5), kernel="grid", random_state=0, n_jobs=1)
    mine, my_time = timed(lambda: own.fit(X, y), repeat=1, warmup=0)
    theirs, their_time = timed(lambda: peer.fit(X, y), repeat=1, warmup=0)
    points = len(orders) * len(lags) * 6
    return {
        "workload": f"search over {points} points ({label}), 5 folds, {n} epochs of {d} x {length}, and the final fit", "elinvar": my_time,
        "gridsearchcv": their_time, "cpu_ratio": their_time["cpu_s"] / my_time["cpu_s"], "best_elinvar": float(np.nanmax(mine.grid_scores_)),
        "best_gridsearchcv": float(theirs.best_score_),
    }


if __name__ == "__main__":
    rows = parts(4) + parts(8)
    rows.append(search(60, (1, 3), (2, 6), "orders 1, 3, lags 2, 6"))
    rows.append(search(120, range(1, 6), range(1, 6), "orders and lags 1 to 5", d=4, length=500))
    write("augmented-covariance", rows, ["pyriemann", "scikit-learn", "scipy"])
