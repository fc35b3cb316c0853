"""Mutual-information screening against the same computation on KDEpy, and against scikit-learn's neighbour estimator."""

import tempfile
from pathlib import Path

import numpy as np
from KDEpy import FFTKDE
from sklearn.feature_selection import mutual_info_regression

from elinvar.dependence import MutualInfoScreener
from harness import peak_memory_mb, timed, write


def variables(n, p, seed=0):
    """Correlated normal variables and an outcome that depends on the squares of the first ten."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    X[:, 1:] = 0.6 * X[:, :-1] + 0.8 * X[:, 1:]
    return X, (X[:, :10] ** 2).sum(axis=1) + rng.normal(size=n)


def scaled(v):
    low, middle, high = np.quantile(v, [0.25, 0.5, 0.75])
    return (v - middle) / (high - low)


def axis(v, points):
    margin = max(0.05 * np.ptp(v), 5**0.5)
    return np.linspace(v.min() - margin, v.max() + margin, points)


def kdepy(x, y, points):
    """The information of one pair with KDEpy doing binning and convolution."""
    a, b = scaled(x), scaled(y)
    ga, gb = axis(a, points), axis(b, points)
    grid = np.stack(np.meshgrid(ga, gb, indexing="ij"), axis=-1).reshape(-1, 2)
    density = FFTKDE(kernel="epa", bw=1.0, norm=2).fit(np.column_stack([a, b])).evaluate(grid).reshape(points, points)
    mass = np.clip(density, 0.0, None)
    mass /= mass.sum()
    product = mass.sum(axis=1, keepdims=True) * mass.sum(axis=0, keepdims=True)
    full = mass > 0
    return float((mass[full] * np.log(mass[full] / product[full])).sum())


def kernel(n, p, points, peer_columns):
    """Time of a variable; the peer is timed on some of them."""
    X, y = variables(n, p)
    screener = MutualInfoScreener(grid_size=points, n_jobs=1)
    fitted, ours = timed(lambda: screener.fit(X, y), repeat=3)
    theirs, their_time = timed(lambda: [kdepy(X[:, j], y, points) for j in range(peer_columns)], repeat=3)
    ours_each, theirs_each = ours["cpu_s"] / p, their_time["cpu_s"] / peer_columns
    return {
        "workload": f"kernel estimate, n = {n}, p = {p}, grid {points}, one core; the peer on {peer_columns} variables",
        "elinvar": ours, "KDEpy": their_time, "elinvar_ms_a_variable": 1e3 * ours_each, "KDEpy_ms_a_variable": 1e3 * theirs_each,
        "cpu_ratio": theirs_each / ours_each, "difference": float(np.abs(fitted.scores_[:peer_columns] - theirs).max()),
    }


def neighbours(n, p):
    X, y = variables(n, p, seed=1)
    screener = MutualInfoScreener(estimator="knn", n_jobs=1, random_state=0)
    fitted, ours = timed(lambda: screener.fit(X, y), repeat=3)
    theirs, their_time = timed(lambda: mutual_info_regression(X, y, n_neighbors=3, random_state=0), repeat=3)
    return {
        "workload": f"three neighbours, n = {n}, p = {p}, one core", "elinvar": ours, "scikit-learn": their_time,
        "cpu_ratio": their_time["cpu_s"] / ours["cpu_s"], "difference": float(np.abs(fitted.scores_ - theirs).max()),
    }


def file(n, p):
    """A file of single-precision numbers, screened in chunks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wide.npy"
        wide = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, p))
        rng = np.random.default_rng(2)
        for first in range(0, p, 1000):
            wide[:, first : first + 1000] = rng.normal(size=(n, min(1000, p - first)))
        y = np.square(np.asarray(wide[:, 0], dtype=float)) + rng.normal(size=n)
        wide.flush()
        del wide
        before = peak_memory_mb()
        _, ours = timed(lambda: MutualInfoScreener(n_jobs=2).fit_file(path, y=y), repeat=1)
        return {"workload": f"NPY file of {p} variables, n = {n}, two cores", "elinvar": ours, "extra_memory_mb": peak_memory_mb() - before}


if __name__ == "__main__":
    rows = [file(1000, 100_000), kernel(1000, 2000, 128, 40), kernel(1000, 2000, 300, 20), neighbours(1000, 300)]
    write("mi-screening", rows, ["KDEpy", "scikit-learn"])
