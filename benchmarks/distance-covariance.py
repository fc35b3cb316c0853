"""Distance covariance against `dcor`: one score, two protected attributes (gender and ten regions), and three continuous ones."""

import dcor
import numpy as np

from elinvar.dependence import DistanceCovariance
from harness import peak_memory_mb, timed, write


def portfolio(n, seed=0):
    """A score, gender and region as labels, and the same encoded for `dcor`: one 0/1 column and ten one-hot columns."""
    rng = np.random.default_rng(seed)
    gender, region = rng.integers(0, 2, n), rng.integers(0, 10, n)
    score = 0.1 * np.exp(0.3 * gender - 0.05 * region + 0.2 * rng.normal(size=n))
    encoded = np.column_stack([gender.astype(float), np.eye(10)[region]])
    return score, {"gender": gender.astype(str), "region": region.astype(str)}, encoded


def agreement(ours, theirs, scale):
    return {"difference": abs(ours - theirs), "difference_relative": abs(ours - theirs) / scale}


def grouped(n):
    score, protected, encoded = portfolio(n)
    measure = DistanceCovariance(measure="ccdcov", n_jobs=1)
    ours, our_time = timed(lambda: measure.statistic(score, protected), repeat=7)
    row = {"workload": f"CCdCov of a score with gender and ten regions, n = {n}, one core", "elinvar": our_time}
    try:
        theirs, their_time = timed(lambda: dcor.u_distance_covariance_sqr(score[:, None], encoded), repeat=3)
    except MemoryError as error:
        return row | {"dcor": f"not run: {error}"}
    return row | {"dcor": their_time, "cpu_ratio": their_time["cpu_s"] / our_time["cpu_s"], **agreement(ours, theirs, 1.0)}


def gradient(n):
    score, protected, _ = portfolio(n)
    measure = DistanceCovariance(measure="ccdcov", n_jobs=2)
    before = peak_memory_mb()
    def both():
        return measure.statistic(score, protected), measure.gradient(score, protected)
    _, time = timed(both, repeat=7)
    return {"workload": f"statistic and gradient, gender and ten regions, n = {n}, two cores", "elinvar": time, "extra_memory_mb": peak_memory_mb() - before}


def general(n, with_peer=True):
    rng = np.random.default_rng(1)
    score, continuous = rng.normal(size=n), rng.normal(size=(n, 3))
    scaled = (continuous - continuous.min(0)) / (continuous.max(0) - continuous.min(0))
    protected = {f"s{j}": continuous[:, j] for j in range(3)}
    measure = DistanceCovariance(measure="ccdcov", n_jobs=1)
    before = peak_memory_mb()
    ours, our_time = timed(lambda: measure.statistic(score, protected), repeat=3)
    row = {"workload": f"CCdCov with three continuous columns, n = {n}, one core", "elinvar": our_time, "extra_memory_mb": peak_memory_mb() - before}
    if with_peer:
        theirs, their_time = timed(lambda: dcor.u_distance_covariance_sqr(score[:, None], scaled), repeat=3)
        row |= {"dcor": their_time, "cpu_ratio": their_time["cpu_s"] / our_time["cpu_s"], **agreement(ours, theirs, 1.0)}
    return row


def one_dimensional(n):
    rng = np.random.default_rng(2)
    x = rng.normal(size=n)
    y = 0.3 * x + rng.normal(size=n)
    scaled = (y - y.min()) / (y.max() - y.min())
    measure = DistanceCovariance(measure="ccdcov", n_jobs=1)
    ours, our_time = timed(lambda: measure.statistic(x, {"y": y}), repeat=5)
    theirs, their_time = timed(lambda: dcor.u_distance_covariance_sqr(x, scaled), repeat=3)
    return {
        "workload": f"one column against one column, n = {n}, one core", "elinvar": our_time, "dcor": their_time,
        "cpu_ratio": their_time["cpu_s"] / our_time["cpu_s"], **agreement(ours, theirs, 1.0),
    }


if __name__ == "__main__":
    # Memory is a high-water mark: our own large workloads come before the peer's.
    rows = [gradient(20_000), general(20_000, with_peer=False), grouped(2_000), grouped(5_000), general(5_000), one_dimensional(100_000), grouped(20_000)]
    write("distance-covariance", rows, ["dcor"])
