"""Reference values for augmented covariance, from pyRiemann and scikit-learn. Writes reference.json.

The data follow a formula, so that the tests make them too: see `epochs`.
"""
import json
import os
from datetime import date

import numpy as np
import pyriemann
import scipy
import sklearn
from pyriemann.classification import MDM, FgMDM
from pyriemann.geometry.ajd import ajd_pham
from pyriemann.geometry.distance import distance_riemann
from pyriemann.geometry.mean import mean_riemann
from pyriemann.geometry.tangentspace import tangent_space
from pyriemann import spatialfilters
from pyriemann.spatialfilters import CSP
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.covariance import ledoit_wolf, oas
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

# The default of pyRiemann stops the joint diagonalisation early; its own function can go on.
spatialfilters.ajd = lambda matrices, method: ajd_pham(matrices, eps=1e-13, n_iter_max=2000)

HERE = os.path.dirname(os.path.abspath(__file__))
ESTIMATORS = {"cov": np.cov, "scm": lambda x: np.cov(x, bias=True), "lwf": lambda x: ledoit_wolf(x.T)[0], "oas": lambda x: oas(x.T)[0]}


def epochs(n, d, length, classes):
    """Sums of sines with a pseudo-random part; the label of trial i is i % classes."""
    i, c, t = np.meshgrid(np.arange(n), np.arange(d), np.arange(length), indexing="ij")
    hashed = np.sin(12.9898 * t + 78.233 * c + 37.719 * i) * 43758.5453
    noise = hashed - np.floor(hashed) - 0.5
    speed = 0.31 * (1 + 0.2 * c) + 0.02 * (i % classes)
    return np.sin(speed * t + 0.7 * i) + 0.5 * np.cos(0.83 * t + 1.3 * c * i) + noise, np.arange(n) % classes


def augment(x, order, lag):
    if order == 1:
        return x
    end = x.shape[1]
    return np.concatenate([x[:, q * lag: end - (order - q) * lag] for q in range(order)])


def covariances(x, order, lag, estimator):
    return np.stack([ESTIMATORS[estimator](augment(epoch, order, lag)) for epoch in x])


def embedding_cases():
    x, _ = epochs(3, 2, 60, 2)
    for order, lag, estimator in [(1, 1, "cov"), (3, 2, "cov"), (2, 5, "scm"), (3, 2, "lwf"), (4, 3, "oas")]:
        yield {"order": order, "lag": lag, "estimator": estimator, "covariances": covariances(x, order, lag, estimator)}


def elastic_net(z, y, classes, w, ratio=0.45):
    """Scores of the elastic-net logistic regression with C = 1, by bounded minimisation over the parts of the weights of either sign:
    scikit-learn's saga leaves the intercept of such small problems short of its minimum."""
    rows, (n, d) = 1 if classes == 2 else classes, z.shape

    def unpack(v):
        u, v, b = v[: rows * d], v[rows * d: 2 * rows * d], v[2 * rows * d:]
        return (u - v).reshape(rows, d), u.sum() + v.sum(), b

    def objective(v):
        weights, absolute, b = unpack(v)
        s = z @ weights.T + b
        full = np.column_stack([np.zeros(n), s[:, 0]]) if rows == 1 else s
        loss = (logsumexp(full, axis=1) - full[np.arange(n), y]).sum()
        p = np.exp(full - logsumexp(full, axis=1)[:, None]) - np.eye(full.shape[1])[y]
        p = p[:, 1:] if rows == 1 else p
        g = (p.T @ z + (1 - ratio) * weights).ravel()
        return (loss + ratio * absolute + (1 - ratio) / 2 * (weights**2).sum(),
                np.concatenate([g + ratio, -g + ratio, p.sum(axis=0)]))

    bounds = [(0, None)] * (2 * rows * d) + [(None, None)] * rows
    found = minimize(objective, np.zeros(2 * rows * d + rows), jac=True, method="L-BFGS-B", bounds=bounds,
                     options={"maxiter": 100_000, "maxfun": 1_000_000, "ftol": 1e-16, "gtol": 1e-10})
    weights, _, b = unpack(found.x)
    scores = w @ weights.T + b
    return scores - scores.mean(axis=1, keepdims=True) if rows > 1 else scores


def classifier_case(order, lag, classes):
    x, y = epochs(30, 3, 120, classes)
    c = covariances(x, order, lag, "cov")
    train, test, labels = c[:21], c[21:], y[:21]
    exact = {"tol": 1e-11, "maxiter": 300}
    mean = mean_riemann(train, **exact)
    z, w = tangent_space(train, mean, metric="riemann"), tangent_space(test, mean, metric="riemann")
    class_means = [mean_riemann(train[labels == k], **exact) for k in range(classes)]
    distances = np.array([[distance_riemann(m, k) for k in class_means] for m in test])
    machine = {}
    for kernel in ("linear", "rbf"):
        model = SVC(kernel=kernel, gamma="scale", C=1.0, tol=1e-10, decision_function_shape="ovr").fit(z, labels)
        machine[kernel] = {"decision": model.decision_function(w).reshape(len(w), -1), "predicted": model.predict(w)}
    csp = make_pipeline(CSP(nfilter=2, metric="euclid", log=True), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")).fit(train, labels)
    filtered = FgMDM(metric="riemann", tsupdate=False).fit(train, labels)
    return {
        "order": order, "lag": lag, "classes": classes, "distances": distances, "mdm": MDM(metric="riemann").fit(train, labels).predict(test),
        **machine, "csp": csp.decision_function(test).reshape(len(test), -1), "elastic": elastic_net(z, labels, classes, w),
        "fgmdm": filtered.transform(test),
    }


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


if __name__ == "__main__":
    record = {
        "script": "reference.py", "date": date.today().isoformat(),
        "versions": {"pyriemann": pyriemann.__version__, "scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
        "embeddings": list(embedding_cases()), "classifiers": [classifier_case(1, 1, 2), classifier_case(3, 2, 2), classifier_case(2, 4, 3)],
    }
    with open(os.path.join(HERE, "reference.json"), "w") as file:
        json.dump(plain(record), file, separators=(",", ":"))
        file.write("\n")
