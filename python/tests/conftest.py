"""What the tests share: every class of the registry, with parameters that keep its example short."""

import importlib
import warnings

import pytest

from elinvar import _core

#: Parameters that keep an example short; all others stay at their defaults.
SHORT = {
    "augmented-covariance": {"inner_cv": 2, "n_splits": 2},
    "distance-covariance": {"max_epochs": 3, "n_permutations": 19, "n_seeds": 1, "cv": 2},
    "monge-gap": {"num_iters": 20},
    "rnn-degeneracy": {
        "n_channels": 1, "hidden": 8, "n_networks": 2, "steps": 12, "n_trials": 64, "batch_size": 16, "max_epochs": 2,
        "steps_per_epoch": 10, "rank": 4,
    },
    "ecological-pomdp": {"max_time": 5.0, "precision": 0.05},
}


class Entry:
    """A class of the package with its description in the registry."""

    def __init__(self, card, spec):
        self.card, self.spec, self.role = card, spec, spec["role"]
        self.cls = getattr(importlib.import_module(f"elinvar.{card['family']}"), spec["name"])
        self.verbs = {verb["name"]: verb for verb in card["verbs"]}
        self.methods = spec["methods"]

    def __repr__(self):
        return self.spec["name"]

    def make(self, **params):
        """An object with short parameters."""
        own = self.cls().get_params(deep=False)
        short = {name: value for name, value in SHORT.get(self.card["slug"], {}).items() if name in own}
        seed = {"random_state": 0} if "random_state" in own else {}
        return self.cls(**{**short, **seed, **params})

    def kind(self, method):
        """Whether a method fits, applies or measures."""
        verb = next(entry["verb"] for entry in self.methods if entry["name"] == method)
        return self.verbs[verb]["kind"]

    def reads_files(self, method):
        """Whether a method reads a file by itself, for which no example can stand."""
        verb = next(entry["verb"] for entry in self.methods if entry["name"] == method)
        return any(field["shape"] == "path" for field in self.verbs[verb]["inputs"])

    @property
    def fit_name(self):
        """Name of the method that fits."""
        return next((entry["name"] for entry in self.methods if self.kind(entry["name"]) == "fit"), None)

    def fitted(self, **params):
        """A fitted object."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(self.make(**params), self.fit_name)(**self.cls.example(self.fit_name))

    def ready(self):
        """An object whose methods can be called: with its data where it keeps them."""
        thing = self.make()
        return thing.fit(**self.cls.example("fit")) if self.role == "bound" else thing

    def call(self, thing, method):
        """The result of a method on its example."""
        import inspect

        function = getattr(thing, method)
        short = {name: value for name, value in SHORT.get(self.card["slug"], {}).items() if name in inspect.signature(function).parameters}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(**{**short, **self.cls.example(method)})


#: The methods of the library; a made-up one is there where the feature `testing` is compiled in.
CARDS = [card for card in _core.registry() if card["family"] != "toys"]
ENTRIES = [Entry(card, spec) for card in CARDS for spec in card["classes"]]
CLASSES = [entry for entry in ENTRIES if entry.role != "function"]
ESTIMATORS = [entry for entry in CLASSES if entry.fit_name and not entry.reads_files(entry.fit_name)]
MEASUREMENTS = [entry for entry in CLASSES if not entry.fit_name]


def pytest_generate_tests(metafunc):
    """Runs a test for every class of a kind."""
    for name, entries in {
        "entry": ENTRIES,
        "class_entry": CLASSES,
        "estimator_entry": ESTIMATORS,
        "measurement_entry": MEASUREMENTS,
    }.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, entries, ids=repr)


@pytest.fixture
def quiet():
    """Ignores warnings, where a test is about something else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
