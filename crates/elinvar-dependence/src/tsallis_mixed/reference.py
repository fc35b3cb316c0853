"""Makes reference.json: q-Gaussian mixed models by direct maximisation of SciPy's multivariate t, and Gaussian ones by statsmodels.

Run with the versions that the file names: `python reference.py > reference.json`.
"""

import datetime
import json

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy.optimize import minimize
from scipy.stats import chi2, f, multivariate_t

rng = np.random.default_rng(20)
sizes = [2, 3, 4, 5, 6, 7, 3, 4, 5, 6, 4, 5, 6, 5]
groups = np.repeat(np.arange(len(sizes)), sizes)
n = len(groups)
x = np.round(rng.normal(size=(n, 2)), 3)
tail = np.sqrt(rng.chisquare(3, len(sizes)) / 3)
b = rng.normal(size=(len(sizes), 2)) * [1.0, 0.7] / tail[:, None]
error = rng.normal(size=n)
for i in range(1, n):
    if groups[i] == groups[i - 1]:
        error[i] = 0.5 * error[i - 1] + np.sqrt(0.75) * error[i]
y = np.round(2 + x @ [1.0, -0.5] + b[groups, 0] + b[groups, 1] * x[:, 0] + 0.8 * error / tail[groups], 3)
X = np.column_stack([np.ones(n), x])
Z = np.column_stack([np.ones(n), x[:, 0]])


def unpack(theta, diagonal, correlated):
    beta, (c0, c1, lnsigma2, lnnu) = theta[:3], theta[3:7]
    rest = list(theta[7:])
    c10 = 0.0 if diagonal else rest.pop(0)
    rho = np.tanh(rest.pop(0)) if correlated else 0.0
    C = np.array([[np.exp(c0), 0.0], [c10, np.exp(c1)]])
    return beta, C @ C.T, np.exp(lnsigma2), np.exp(lnnu), rho


def loglik(theta, diagonal, correlated):
    beta, D, sigma2, nu, rho = unpack(theta, diagonal, correlated)
    total = 0.0
    for g in range(len(sizes)):
        rows = groups == g
        k = np.arange(rows.sum())
        R = rho ** np.abs(k[:, None] - k) if correlated else np.eye(len(k))
        V = Z[rows] @ D @ Z[rows].T + sigma2 * R
        total += multivariate_t.logpdf(y[rows], X[rows] @ beta, V, nu)
    return total


def hessian(function, at, h=2e-4):
    k = len(at)
    H = np.empty((k, k))
    E = np.eye(k) * h
    for i in range(k):
        for j in range(k):
            H[i, j] = (function(at + E[i] + E[j]) - function(at + E[i] - E[j]) - function(at - E[i] + E[j]) + function(at - E[i] - E[j])) / (4 * h * h)
    return H


def model(diagonal, correlated):
    start = np.concatenate([np.linalg.lstsq(X, y, rcond=None)[0], [0.0, -0.3, -0.3, np.log(4.0)], [] if diagonal else [0.0], [0.3] if correlated else []])
    objective = lambda theta: -loglik(theta, diagonal, correlated)
    found = minimize(objective, start, method="BFGS", options={"gtol": 1e-7})
    found = minimize(objective, found.x, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 40000, "maxfev": 40000, "adaptive": True})
    found = minimize(objective, found.x, method="BFGS", options={"gtol": 1e-7})
    theta = found.x
    beta, D, sigma2, nu, rho = unpack(theta, diagonal, correlated)
    information = hessian(objective, theta)
    covariance = np.linalg.inv(information)
    expected, scores = np.zeros((3, 3)), []
    h = 1e-5
    def group_loglik(theta, g):
        beta, D, sigma2, nu, rho = unpack(theta, diagonal, correlated)
        rows = groups == g
        k = np.arange(rows.sum())
        R = rho ** np.abs(k[:, None] - k) if correlated else np.eye(len(k))
        return multivariate_t.logpdf(y[rows], X[rows] @ beta, Z[rows] @ D @ Z[rows].T + sigma2 * R, nu)
    deltas, weights = [], []
    for g in range(len(sizes)):
        rows = groups == g
        k = np.arange(rows.sum())
        R = rho ** np.abs(k[:, None] - k) if correlated else np.eye(len(k))
        V = Z[rows] @ D @ Z[rows].T + sigma2 * R
        inverse, r = np.linalg.inv(V), y[rows] - X[rows] @ beta
        expected += (nu + len(k)) / (nu + len(k) + 2) * X[rows].T @ inverse @ X[rows]
        deltas.append(r @ inverse @ r)
        weights.append((nu + len(k)) / (nu + deltas[-1]))
        scores.append([(group_loglik(theta + e, g) - group_loglik(theta - e, g)) / (2 * h) for e in np.eye(len(theta)) * h])
    scores = np.array(scores)
    sandwich = covariance @ scores.T @ scores @ covariance
    size = np.array(sizes)
    return {
        "diagonal": diagonal, "correlated": correlated, "loglik": -found.fun, "beta": beta.tolist(), "D": D.ravel().tolist(),
        "sigma2": sigma2, "nu": nu, "rho": rho, "weights": weights,
        "observed": np.sqrt(np.diag(covariance))[:3].tolist(), "expected": np.sqrt(np.diag(np.linalg.inv(expected))).tolist(),
        "sandwich": np.sqrt(np.diag(sandwich))[:3].tolist(),
        "p_core": chi2.sf(deltas, size).tolist(), "p_model": f.sf(np.array(deltas) / size, size, nu).tolist(),
    }


def gaussian(reml):
    found = sm.MixedLM(y, X, groups, exog_re=Z).fit(reml=reml, method=["bfgs", "nm", "bfgs"], maxiter=20000, gtol=1e-9)
    D, information = np.asarray(found.cov_re), np.zeros((3, 3))
    for g in range(len(sizes)):
        rows = groups == g
        information += X[rows].T @ np.linalg.solve(Z[rows] @ D @ Z[rows].T + found.scale * np.eye(rows.sum()), X[rows])
    return {
        "reml": reml, "loglik": float(found.llf), "beta": found.fe_params.tolist(), "D": np.asarray(found.cov_re).ravel().tolist(),
        "sigma2": float(found.scale), "gls": np.sqrt(np.diag(np.linalg.inv(information))).tolist(),
    }


print(json.dumps({
    "made": datetime.date.today().isoformat(),
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__},
    "y": y.tolist(), "x": x.tolist(), "groups": groups.tolist(),
    "models": [model(False, False), model(True, False), model(False, True)],
    "gaussian": [gaussian(False), gaussian(True)],
}))
