"""NumPy is the only package that is needed."""

import subprocess
import sys

SCRIPT = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"sklearn", "scipy", "pandas", "polars", "matplotlib", "pyarrow"}:
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Block())
import pickle
import warnings
import numpy as np
import elinvar
from elinvar.dependence import DistanceCovariance, FairClassifier, FairRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 3))
y = X[:, 0] + 0.1 * rng.normal(size=80)
group = (rng.random(80) < 0.5).astype(int)
model = FairRegressor(loss="gaussian", model="linear", random_state=0)
assert repr(model) == "FairRegressor(model='linear', random_state=0)", repr(model)
assert model.set_params(c=2.0).get_params()["c"] == 2.0
try:
    model.set_params(cc=1)
except ValueError as error:
    assert "Invalid parameter 'cc' for estimator FairRegressor" in str(error), error
try:
    model.predict(X)
except AttributeError as error:
    assert "not fitted yet" in str(error)
warnings.simplefilter("ignore")
model.set_params(c=1.0).fit(X, y, {"group": group})
assert model.score(X, y) > 0.8
assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
classifier = FairClassifier(model="linear", random_state=0).fit(X, np.where(y > 0, "yes", "no"), {"group": group})
assert classifier.score(X, np.where(y > 0, "yes", "no")) > 0.8
assert DistanceCovariance().statistic(y, {"group": group}) is not None
assert "sklearn" not in sys.modules
print("fine")
"""


def test_everything_works_with_numpy_alone():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert done.stdout == "fine\n", done.stderr


def test_importing_is_quick_and_brings_no_scikit_learn():
    script = "import sys, elinvar; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr
