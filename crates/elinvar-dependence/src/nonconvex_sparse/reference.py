"""Writes reference.json: solutions of skglm and scikit-learn on the small problem of the tests.

    .venv-peers/bin/python reference.py
"""

import datetime
import json
import pathlib

import numpy as np
import skglm
import sklearn
from skglm import GeneralizedLinearEstimator
from skglm.datafits import Quadratic
from skglm.penalties import MCPenalty, SCAD, WeightedL1
from skglm.solvers import AndersonCD
from sklearn.linear_model import ElasticNet

i, j = np.arange(1, 31)[:, None], np.arange(1, 7)[None, :]
X = np.sin(0.73 * i * j + 0.3 * j) + 0.2 * np.cos(1.9 * i)
Z = (X - X.mean(0)) / X.std(0)
y = 2 * Z[:, 0] - 1.2 * Z[:, 2] + 0.25 * Z[:, 4] + 0.15 * np.cos(2.1 * i[:, 0]) + 0.7


def fit(penalty, Z, y):
    solver = AndersonCD(tol=1e-14, max_iter=1000, fit_intercept=True)
    model = GeneralizedLinearEstimator(Quadratic(), penalty, solver).fit(Z, y)
    return {"coef": np.ravel(model.coef_).tolist(), "intercept": float(np.ravel(model.intercept_)[0])}


# A weighted fit is the plain one of repeated rows; its standardisation is that of the repeated rows too.
weights = 1 + np.arange(30) % 3
R, ry = np.repeat(X, weights, axis=0), np.repeat(y, weights)
RZ = (R - R.mean(0)) / R.std(0)
weighted = fit(MCPenalty(0.2, 3.0), RZ, ry)
coef = np.array(weighted["coef"]) / R.std(0)
net = ElasticNet(alpha=0.3, l1_ratio=0.6, tol=1e-14, max_iter=100000).fit(Z, y)

found = {
    "versions": {"skglm": skglm.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__},
    "date": datetime.date.today().isoformat(),
    "mcp": fit(MCPenalty(0.2, 3.0), Z, y),
    "scad": fit(SCAD(0.2, 3.7), Z, y),
    "lasso": fit(WeightedL1(0.2, np.ones(6)), Z, y),
    "factors": fit(WeightedL1(0.2, np.array([0.0, 1.0, 2.0, 0.5, 1.0, 1.0])), Z, y),
    "weighted_mcp": {"coef": coef.tolist(), "intercept": float(weighted["intercept"] - coef @ R.mean(0))},
    "elasticnet": {"coef": net.coef_.tolist(), "intercept": float(net.intercept_)},
}
path = pathlib.Path(__file__).with_name("reference.json")
path.write_text(json.dumps(found) + "\n")
