"""Distances of dynamics against dsa-metric, matchings of units against SciPy, training of an ensemble against PyTorch one by one."""

import time
import typing
import warnings

import numpy as np
import torch

typing.Final = typing.Any  # dsa-metric 2.0.1 writes ClassVar[Final], which Python below 3.13 refuses
from DSA.simdist import SimilarityTransformDist
from scipy.optimize import quadratic_assignment

from elinvar.diagnostics import DegeneracyAnalysis, RnnEnsemble
from harness import timed, write

UNITS, NETWORKS, RANK = 128, 50, 50


def ensemble(threads, networks=NETWORKS, epochs=100):
    """Networks of 128 units on the 3-bit flip-flop: 100 batches of 64 trials of 100 steps."""
    return RnnEnsemble(
        n_channels=3, hidden=UNITS, n_networks=networks, max_epochs=epochs, steps_per_epoch=1, threshold=1e-9, random_state=0, n_jobs=threads
    )


def some_pairs(networks, count):
    rng = np.random.default_rng(0)
    return [tuple(sorted(rng.choice(networks, 2, replace=False))) for _ in range(count)]


def dynamics(hidden, threads, count=16):
    """All pairs of networks, rank 50; the peer on some of them, 200 steps for each determinant as it does by itself."""
    networks = len(hidden)
    analysis = DegeneracyAnalysis(rank=RANK, n_jobs=threads)
    _, ours = timed(lambda: analysis.fit(hidden), repeat=1, warmup=0)
    torch.set_num_threads(threads)
    pairs = some_pairs(networks, count)
    start = time.perf_counter()
    theirs = [
        float(SimilarityTransformDist(iters=200, score_method="euclidean", lr=0.01).fit_score(analysis.operators_[i], analysis.operators_[j]))
        for i, j in pairs
    ]
    each = (time.perf_counter() - start) / count
    found = [analysis.dsa_matrix_[i, j] for i, j in pairs]
    # The fit also compares the halves of the networks' trials.
    compared = networks * (networks - 1) // 2 + 16 * 16 + networks - 16
    return {
        "workload": f"dynamics of {networks} networks, operators of rank 50, a pair, {threads} thread(s)",
        "elinvar": {"wall_s": ours["wall_s"] / compared}, "dsa-metric": {"wall_s": each}, "wall_ratio": each / (ours["wall_s"] / compared),
        "all_pairs_s": ours["wall_s"], "pairs_not_above_the_peer": int(sum(a <= b + 1e-6 for a, b in zip(found, theirs))), "pairs": count,
        "mean_distance": float(np.mean(found)), "mean_distance_of_the_peer": float(np.mean(theirs)),
    }


def matchings(hidden, weights, threads, count=16, starts=4):
    """All pairs of networks of 128 units; SciPy's FAQ on some of them, with as many starts and its 2-opt behind the best."""
    networks = len(hidden)
    without = timed(lambda: DegeneracyAnalysis(rank=4, n_starts=1, n_jobs=threads).fit(hidden), repeat=1, warmup=0)[1]["wall_s"]
    analysis = DegeneracyAnalysis(rank=4, n_starts=1, pif_starts=starts, n_jobs=threads)
    ours = timed(lambda: analysis.fit(hidden, weights=weights), repeat=1, warmup=0)[1]["wall_s"] - without
    pairs = some_pairs(networks, count)
    start, theirs = time.perf_counter(), []
    for i, j in pairs:
        a, b = weights[i], weights[j]
        def faq(s):
            first = {"P0": "barycenter" if s == 0 else "randomized", "rng": np.random.default_rng(s)}
            return quadratic_assignment(a, b, method="faq", options={"maximize": True, **first})

        best = max((faq(s) for s in range(starts)), key=lambda result: result.fun)
        order = best.col_ind
        theirs.append(np.linalg.norm(a - b[np.ix_(order, order)]) / UNITS**2)
    each, own = (time.perf_counter() - start) / count, ours / (networks * (networks - 1) / 2)
    found = [analysis.pif_matrix_[i, j] for i, j in pairs]
    return {
        "workload": f"matchings of {networks} networks of 128 units, {starts} starts, a pair, {threads} thread(s)",
        "elinvar": {"wall_s": own}, "scipy": {"wall_s": each}, "wall_ratio": each / own,
        "pairs_not_above_the_peer": int(sum(a <= b + 1e-12 for a, b in zip(found, theirs))), "pairs": count,
        "mean_distance": float(np.mean(found)), "mean_distance_of_the_peer": float(np.mean(theirs)),
    }


def training(threads, networks=NETWORKS, peers=3, steps=100):
    """A hundred steps of every network; PyTorch's networks one by one, a few of them."""
    _, ours = timed(lambda: ensemble(threads, networks, steps).fit(), repeat=1, warmup=0)
    torch.set_num_threads(threads)
    trials = torch.sign(torch.randn(4096, 100, 3)) * (torch.rand(4096, 100, 3) < 0.1)

    def one():
        cell, readout = torch.nn.RNN(3, UNITS, batch_first=True), torch.nn.Linear(UNITS, 3)
        parameters = [*cell.parameters(), *readout.parameters()]
        optimiser = torch.optim.Adam(parameters, lr=1e-3)
        for _ in range(steps):
            chosen = trials[torch.randint(0, len(trials), (64,))]
            optimiser.zero_grad()
            (readout(cell(chosen)[0]) - chosen).square().mean().backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()

    start = time.perf_counter()
    for _ in range(peers):
        one()
    theirs = (time.perf_counter() - start) / peers * networks
    return {
        "workload": f"training of {networks} networks of 128 units, {steps} steps of 64 x 100, {threads} thread(s)",
        "elinvar": ours, "torch": {"wall_s": theirs}, "wall_ratio": theirs / ours["wall_s"],
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    recorded = ensemble(2).fit().states(n_probes=32)
    hidden, weights = recorded.hidden, recorded.weights
    few = 20
    rows = [dynamics(hidden[:few], 1), dynamics(hidden[:few], 2), matchings(hidden[:few], weights[:few], 1)]
    rows += [matchings(hidden, weights, 2), training(1, few), training(2)]
    write("rnn-degeneracy", rows, ["dsa-metric", "scipy", "torch"])
