"""Paths of MCP against `skglm`, and of the lasso against scikit-learn, on the designs of the paper."""

import warnings

import numpy as np
import scipy.sparse
from skglm.datafits import Quadratic
from skglm.penalties import MCPenalty
from skglm.solvers import AndersonCD
from sklearn.linear_model import lasso_path

from elinvar.dependence import NonconvexPath
from harness import timed, write

warnings.filterwarnings("ignore")


def design(n, tau, snr=3.0, gap=500, seed=0):
    """Standardised autoregressive predictors, five groups of ten signals, and the outcome at this signal-to-noise ratio."""
    rng = np.random.default_rng(seed)
    groups = [(0.5, 1), (5, 2), (10, 3), (20, 4), (50, 5)]
    parts = []
    for k, (mean, sd) in enumerate(groups):
        parts += [np.zeros(gap)] * (k > 0) + [rng.normal(mean, sd, 10)]
    beta = np.concatenate(parts)
    e = rng.normal(size=(n, len(beta)))
    X = np.empty_like(e)
    X[:, 0] = e[:, 0]
    for j in range(1, len(beta)):
        X[:, j] = tau * X[:, j - 1] + np.sqrt(1 - tau**2) * e[:, j]
    X = (X - X.mean(0)) / X.std(0)
    signal = X @ beta
    y = signal + rng.normal(size=n) * np.sqrt(signal.var() / snr)
    return X, (y - y.mean()) / y.std()


def skglm_path(X, y, lambdas, tol):
    """Coefficients of a warm-started path without intercept (X and y are centred)."""
    datafit, penalty = Quadratic(), MCPenalty(1.0, 3.0)
    solver = AndersonCD(tol=tol, fit_intercept=False, max_iter=200)
    from skglm.utils.jit_compilation import compiled_clone

    datafit, penalty = compiled_clone(datafit), compiled_clone(penalty)
    datafit.initialize_sparse(X.data, X.indptr, X.indices, y) if scipy.sparse.issparse(X) else datafit.initialize(X, y)
    coefficients, w, Xw = np.empty((len(lambdas), X.shape[1])), np.zeros(X.shape[1]), np.zeros(X.shape[0])
    for k, lam in enumerate(lambdas):
        penalty.alpha = lam
        w = solver.solve(X, y, datafit, penalty, w, Xw)[0]
        Xw = X @ w
        coefficients[k] = w
    return coefficients


def objective(X, y, w, lam, gamma=3.0):
    t = np.abs(w)
    penalty = np.where(t <= gamma * lam, lam * t - t**2 / (2 * gamma), gamma * lam**2 / 2).sum()
    return ((y - X @ w) ** 2).mean() / 2 + penalty


def compared(X, y, lambdas, ours, theirs):
    gaps = [objective(X, y, a, lam) - objective(X, y, b, lam) for a, b, lam in zip(ours, theirs, lambdas)]
    return {
        "largest_difference_first_half": float(np.abs(ours - theirs)[: len(lambdas) // 2].max()),
        "objective_ours_minus_theirs_max": float(max(gaps)),
        "objective_ours_minus_theirs_min": float(min(gaps)),
        "support_at_the_end": int((ours[-1] != 0).sum()),
    }


def mcp(n, tau, cores):
    X, y = design(n, tau)
    greatest = np.abs(X.T @ y).max() / n
    lambdas = greatest * (1 - np.arange(50) / 50)
    path = NonconvexPath(penalty="mcp", gamma=3.0, lambdas=lambdas, tol=1e-5, fit_intercept=False, standardize=False, n_jobs=cores)
    path.set_params(max_iter=100000)
    ours, our_time = timed(lambda: path.fit(X, y).coef_path_, repeat=5)
    F = np.asfortranarray(X)
    theirs, their_time = timed(lambda: skglm_path(F, y, lambdas, 1e-5), repeat=3)
    return {
        "workload": f"MCP path of 50 levels, n = {n}, p = {X.shape[1]}, tau {tau}, dense, {cores} core(s)",
        "elinvar": our_time, "skglm": their_time, "cpu_ratio": their_time["cpu_s"] / our_time["cpu_s"],
        "wall_ratio": their_time["wall_s"] / our_time["wall_s"], **compared(X, y, lambdas, ours, theirs),
    }


def sparse(n, p, density):
    rng = np.random.default_rng(0)
    X = scipy.sparse.random(n, p, density=density, format="csc", random_state=0, data_rvs=rng.standard_normal)
    beta = np.zeros(p)
    beta[rng.choice(p, 50, replace=False)] = rng.normal(5, 2, 50)
    signal = X @ beta
    y = signal + rng.normal(size=n) * signal.std() / np.sqrt(3)
    y = (y - y.mean()) / y.std()
    # Columns of unit variance: the solvers then see the same problem without centring.
    X = (X @ scipy.sparse.diags(1 / np.sqrt(np.asarray(X.multiply(X).mean(0)).ravel().clip(1e-12)))).tocsc()
    greatest = np.abs(X.T @ y).max() / n
    lambdas = greatest * np.geomspace(1, 0.2, 50)
    path = NonconvexPath(penalty="mcp", lambdas=lambdas, tol=1e-5, fit_intercept=False, standardize=False, n_jobs=1, max_iter=100000)
    ours, our_time = timed(lambda: path.fit(X, y).coef_path_, repeat=3)
    theirs, their_time = timed(lambda: skglm_path(X, y, lambdas, 1e-5), repeat=2)
    return {
        "workload": f"MCP path of 50 levels, n = {n}, p = {p}, {density:.1%} nonzero, sparse, 1 core(s)",
        "elinvar": our_time, "skglm": their_time, "cpu_ratio": their_time["cpu_s"] / our_time["cpu_s"],
        "wall_ratio": their_time["wall_s"] / our_time["wall_s"], **compared(X, y, lambdas, ours, theirs),
    }


def lasso(n, tau):
    X, y = design(n, tau)
    greatest = np.abs(X.T @ y).max() / n
    lambdas = greatest * np.geomspace(1, 0.05, 50)
    path = NonconvexPath(penalty="lasso", lambdas=lambdas, tol=1e-7, fit_intercept=False, standardize=False, n_jobs=1, max_iter=100000)
    ours, our_time = timed(lambda: path.fit(X, y).coef_path_, repeat=5)
    F = np.asfortranarray(X)
    theirs, their_time = timed(lambda: lasso_path(F, y, alphas=lambdas, tol=1e-7, max_iter=100000)[1].T, repeat=3)
    return {
        "workload": f"lasso path of 50 levels, n = {n}, p = {X.shape[1]}, tau {tau}, dense, 1 core(s)",
        "elinvar": our_time, "scikit-learn": their_time, "cpu_ratio": their_time["cpu_s"] / our_time["cpu_s"],
        "largest_difference": float(np.abs(ours - theirs).max()),
    }


if __name__ == "__main__":
    rows = [mcp(1000, 0.5, 1), mcp(1000, 0.9, 1), mcp(1000, 0.5, 2), lasso(1000, 0.5), sparse(5000, 50000, 0.005)]
    write("nonconvex-sparse", rows, ["skglm", "scikit-learn", "scipy"])
