"""Base classes of the generated estimators: parameters in, one call of the Rust core, attributes out.

Constructors only store their arguments. Everything is validated when a method runs, by the same code and with the same messages as in
Rust and on the command line.
"""

import functools
import inspect
import numbers
import os
import sys
from collections.abc import Iterable

import numpy as np

from . import _core, _tables
from ._compat import BaseEstimator, ClassifierMixin, ConvergenceWarning, NotFittedError, RegressorMixin, TransformerMixin
from ._frames import warn
from ._plots import CvPlot, PathPlot  # noqa: F401, for the generated modules
from ._results import Findings
from ._validation import check_epochs, check_images, check_features, check_labels, check_target, encode_labels

#: Parameters of every class: how a call runs, never what it computes.
LIMITS = ("n_jobs", "time_limit", "mem_limit", "device", "verbose")


@functools.cache
def verb_spec(slug, verb):
    """The description of a task: its parameters, inputs and outputs."""
    card = next(card for card in _core.registry() if card["slug"] == slug)
    return next(spec for spec in card["verbs"] if spec["name"] == verb)


def seed_of(random_state):
    """The seed of a call: an integer as it is, a generator's next number, or a new one from the system for None."""
    if random_state is None:
        return int.from_bytes(os.urandom(4), "little")
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63 - 1))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool) and 0 <= random_state < 2**64:
        return int(random_state)
    raise ValueError(f"parameter 'random_state' must be a whole number >= 0, None, a RandomState or a Generator, got {random_state!r}")


def threads_of(n_jobs):
    """The number of threads: None and -1 are all cores, -2 all but one."""
    if n_jobs is None:
        return None
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, (int, np.integer)) or n_jobs == 0:
        raise ValueError(f"parameter 'n_jobs' must be a whole number but 0, or None, got {n_jobs!r}")
    cores = os.cpu_count() or 1
    return int(n_jobs) if n_jobs > 0 else max(1, cores + 1 + int(n_jobs))


def bytes_of(mem_limit):
    """The memory limit in bytes."""
    if mem_limit is None:
        return None
    if isinstance(mem_limit, bool) or not mem_limit >= 1 or mem_limit == float("inf"):
        raise ValueError(f"parameter 'mem_limit' must be a number of bytes >= 1 or None, got {mem_limit!r}")
    return int(mem_limit)


def run(slug, verb, inputs, params, *, model=None, seed=0, n_jobs=None, time_limit=None, mem_limit=None, device=None, verbose=False):
    """Runs a task of the core and raises its warnings as Python's."""
    progress = printer(f"{slug} {verb}") if verbose is True else verbose or None
    inputs, params = _with_functions(slug, verb, inputs, params)
    values, model, status, trace, warnings = _core.run(
        slug,
        verb,
        _known(slug, verb, params),
        inputs,
        model=model,
        seed=seed,
        threads=threads_of(n_jobs),
        time_limit=time_limit,
        mem_limit=bytes_of(mem_limit),
        device=device if verb_spec(slug, verb)["devices"] else None,
        progress=progress,
    )
    for text in warnings:
        warn(text, UserWarning)
    if status != "converged":
        reason = {"iteration_limit": "at the limit of its iterations", "time_limit": "at the time limit"}[status]
        warn(f"{slug}: the fit stopped {reason}, before its criterion was met", ConvergenceWarning)
    return values, model, status, trace


def _with_functions(slug, verb, inputs, params):
    """A pair of functions (value, gradient) in place of a named choice becomes an input of its own, where the task has it."""
    known = {field["name"] for field in verb_spec(slug, verb)["inputs"]}
    for name, pair in params.items():
        if isinstance(pair, tuple) and len(pair) == 2 and all(callable(function) for function in pair):
            value, gradient = pair

            def function(x, y, wants_gradient, value=value, gradient=gradient):
                return {"gradient": gradient(x, y)} if wants_gradient else {"value": value(x, y)}

            if f"{name}_function" in known:
                inputs = {**inputs, f"{name}_function": function}
            params = {other: item for other, item in params.items() if other != name}
    return inputs, params


def _known(slug, verb, params):
    """The parameters that a task accepts; None stands for the default where None is no value."""
    accepted = {parameter["name"]: parameter for parameter in verb_spec(slug, verb)["parameters"]}
    return {name: value for name, value in params.items() if name in accepted and (value is not None or accepted[name]["nullable"])}


def as_input(value):
    """An input for the core: an object of this package stands for its parameters."""
    if not isinstance(value, Core):
        return value
    return {name: item for name, item in value._params().items() if item is not None}


def select(values, returns):
    """One result, a tuple of them, or all of them as an object."""
    if not returns:
        return Findings(**values)
    found = tuple(values.get(name) for name in returns)
    return found[0] if len(found) == 1 else found


def call_function(slug, verb, inputs, params, *, returns=(), random_state=0, **limits):
    """The body of a generated function."""
    inputs = {name: as_input(value) for name, value in inputs.items()}
    values, *_ = run(slug, verb, inputs, params, seed=seed_of(random_state), **limits)
    return select(values, returns)


def printer(title):
    """Progress on stderr, with rate and time left: one line that rewrites itself on a terminal, a line every ten seconds elsewhere."""
    import datetime
    import time

    terminal = sys.stderr.isatty()
    start = time.monotonic()
    last = [start]

    def report(step, of, figures):
        text = f"{title}: {step}" + (f"/{of}" if of else "")
        rate = step / max(time.monotonic() - start, 1e-9)
        if of and rate > 0:
            text += f"  {rate:.3g}/s, {datetime.timedelta(seconds=round((of - step) / rate))} left"
        text += "".join(f"  {name} {value:.4g}" for name, value in figures.items())
        if terminal:
            print(f"\r{text:<78}", end="\n" if of and step >= of else "", file=sys.stderr, flush=True)
        elif time.monotonic() - last[0] >= 10.0:
            last[0] = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    return report


class Core(BaseEstimator):
    """What all classes share: their method, and how its tasks are called."""

    _method = None
    #: Constructor parameters of the Rust side that this class fixes.
    _fixed = {}
    #: Names of the core's inputs by their Python names.
    _inputs = {}
    #: Whether features may be a sparse matrix of SciPy.
    _sparse = False
    #: The method that fits.
    _fit_name = "fit"

    @classmethod
    def example(cls, method):
        """Small valid data for a method of this class.

        Parameters
        ----------
        method : str
            Name of the method, such as ``"fit"``.

        Returns
        -------
        data : dict
            Its arguments by name.
        """
        card = next(card for card in _core.registry() if card["slug"] == cls._method)
        entries = next(spec for spec in card["classes"] if spec["name"] == cls.__name__)["methods"]
        verb = next(entry["verb"] for entry in entries if entry["name"] == method)
        python = {declared: name for name, declared in cls._inputs.items()}
        named = {python.get(name, name): value for name, value in _core.example(cls._method, verb).items()}
        taken = inspect.signature(getattr(cls, method)).parameters
        return {name: value for name, value in named.items() if name in taken}

    def _params(self):
        return {**{name: value for name, value in self.get_params(deep=False).items() if name not in LIMITS}, **self._fixed}

    def _limits(self):
        return {name: getattr(self, name) for name in LIMITS if hasattr(self, name)}

    def _named(self, inputs):
        return {self._inputs.get(name, name): as_input(value) for name, value in inputs.items()}

    def _run(self, verb, inputs, keywords, random_state, model=None):
        params = {**self._params(), **keywords}
        params.pop("random_state", None)
        return run(self._method, verb, self._named(inputs), params, model=model, seed=seed_of(random_state), **self._limits())

    def _measure(self, verb, inputs, keywords=None, *, returns=(), random_state=0):
        values, *_ = self._run(verb, inputs, keywords or {}, random_state)
        return select(values, returns)

    def _check_is_fitted(self):
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call '{self._fit_name}' with appropriate arguments before using"
                " this estimator."
            )


class Measurement(Core):
    """An object whose methods only measure."""

    def __sklearn_is_fitted__(self):
        return True


class Bound(Core):
    """An object that measures in `fit`, keeps the data of that call, and answers further questions about them."""

    def _bind(self, verb, inputs):
        values, *_ = self._run(verb, inputs, {}, 0)
        self.__dict__.update({f"{name}_": value for name, value in values.items()})
        self._data = inputs
        return self

    def _measure(self, verb, inputs, keywords=None, *, returns=(), random_state=0):
        self._check_is_fitted()
        known = {field["name"] for field in verb_spec(self._method, verb)["inputs"]}
        kept = {name: value for name, value in self._data.items() if self._inputs.get(name, name) in known}
        return super()._measure(verb, {**kept, **inputs}, keywords, returns=returns, random_state=random_state)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_data")


class Estimator(Core):
    """An object that fits a model and applies it."""

    def _fit(self, verb, inputs, keywords=None):
        seed = seed_of(getattr(self, "random_state", 0))
        values, model, status, trace = self._run(verb, inputs, keywords or {}, seed)
        self._keep(model, values)
        self.status_ = status
        self.seed_ = seed
        self.history_ = trace
        return self

    def _keep(self, model, values):
        for name in getattr(self, "_fitted_names", ()):
            self.__dict__.pop(name, None)
        attributes = {name if name.endswith("_") else f"{name}_": value for name, value in values.items()}
        self.__dict__.update(attributes)
        self._fitted_names = tuple(attributes)
        self._model = model

    def _apply(self, verb, inputs, keywords=None, *, returns=(), random_state=None):
        self._check_is_fitted()
        seed = self.seed_ if random_state is None else random_state
        values, *_ = self._run(verb, inputs, keywords or {}, seed, self._model)
        return select(values, returns)

    def __sklearn_is_fitted__(self):
        return getattr(self, "_model", None) is not None

    def save(self, path):
        """Writes the fitted model to one file that Rust, Python and the command line read.

        Parameters
        ----------
        path : str or path-like
            File to write; it is replaced in one step.
        """
        self._check_is_fitted()
        self._model.save(os.fspath(path))

    @classmethod
    def load(cls, path):
        """Reads a fitted model from a file.

        Parameters
        ----------
        path : str or path-like
            File that `save` or the command line wrote.

        Returns
        -------
        estimator : object
            A new object with the parameters of the fit.
        """
        model = _core.Model.load(os.fspath(path), cls._method)
        estimator = cls()
        own = estimator.get_params(deep=False)
        estimator.set_params(**{name: _stored(value) for name, value in model.params.items() if name in own})
        estimator._keep(model, model.attributes())
        estimator.status_, estimator.seed_, estimator.history_ = model.status, 0, model.trace
        return estimator

    def plot_trace(self, *, y=None, ax=None):
        """Draws the figures of the fit's steps.

        Parameters
        ----------
        y : str or list of str, default=None
            Figures to draw; all of them where None.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        ax : matplotlib.axes.Axes
        """
        self._check_is_fitted()
        return self.history_.plot(x="step" if "step" in self.history_ else None, y=y, ax=ax)


def _stored(value):
    return tuple(value) if isinstance(value, list) else value


class _Tabular(Estimator):
    """An estimator of rows of features, with scikit-learn's rules for them."""

    #: Whether cells of X may be missing.
    _allow_nan = False

    def _fit(self, verb, inputs, keywords=None):
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        if "X" in inputs:
            keywords = {**(keywords or {}), **self._splits(inputs)}
            inputs = {**inputs, "X": check_features(self, inputs["X"], reset=True)}
        return super()._fit(verb, inputs, keywords)

    def _splits(self, inputs):
        """The folds of a splitter or an iterable in `cv`, as the core takes them."""
        cv = getattr(self, "cv", None)
        if cv is None or isinstance(cv, (numbers.Integral, str)):
            return {}
        if hasattr(cv, "split"):
            cv = cv.split(inputs["X"], inputs["y"])
        elif not isinstance(cv, Iterable):
            return {}
        return {"cv": [[np.asarray(rows) for rows in split] for split in cv]}

    def _apply(self, verb, inputs, keywords=None, *, returns=(), random_state=None):
        self._check_is_fitted()
        if "X" in inputs:
            inputs = {**inputs, "X": check_features(self, inputs["X"], reset=False)}
        return super()._apply(verb, inputs, keywords, returns=returns, random_state=random_state)


    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._sparse
        return tags


class Regressor(RegressorMixin, _Tabular):
    """An estimator of a number."""

    @classmethod
    def example(cls, method):
        """Small valid data for a method of this class."""
        return _with_one_target(super().example(method))

    def _fit(self, verb, inputs, keywords=None):
        y = check_target(inputs["y"], _n_rows(inputs["X"]))
        return super()._fit(verb, {**inputs, "y": y}, keywords)


class Classifier(ClassifierMixin, _Tabular):
    """An estimator of one of two classes; the core sees them as 0 and 1."""

    @classmethod
    def example(cls, method):
        """Small valid data for a method of this class: those of a regression, with the target cut at its median."""
        data = super().example(method)
        return {**data, "y": (data["y"] > np.median(data["y"])).astype(int)} if "y" in data else data

    def _fit(self, verb, inputs, keywords=None):
        classes, y = encode_labels(inputs["y"], _n_rows(inputs["X"]))
        super()._fit(verb, {**inputs, "y": y}, keywords)
        self.classes_ = classes
        return self

    @classmethod
    def load(cls, path):
        """Reads a fitted model from a file; its labels are 0 and 1, which is all that the file knows of them."""
        estimator = super().load(path)
        estimator.classes_ = np.array([0, 1])
        return estimator

    def _probabilities(self, verb, inputs, keywords=None, *, returns):
        second = self._apply(verb, inputs, keywords, returns=returns)
        return np.column_stack([1.0 - second, second])

    def _labels(self, verb, inputs, keywords=None, *, returns):
        second = self._apply(verb, inputs, keywords, returns=returns)
        return self.classes_[(second >= 0.5).astype(int)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


class Transformer(TransformerMixin, _Tabular):
    """An estimator that maps rows of features to rows; what comes out has the type of what goes in."""

    def _apply(self, verb, inputs, keywords=None, *, returns=(), random_state=None):
        found = super()._apply(verb, inputs, keywords, returns=returns, random_state=random_state)
        wanted = getattr(inputs.get("X"), "dtype", None)
        same = isinstance(found, np.ndarray) and found.ndim == 2
        return found.astype(np.float32 if wanted == np.float32 else np.float64, copy=False) if same else found

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class Selector(Transformer):
    """A transformer that keeps some of the columns of X."""

    def _fit(self, verb, inputs, keywords=None):
        if "X" in inputs and inputs["y"] is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        super()._fit(verb, inputs, keywords)
        if "X" not in inputs:
            # What was read from a file has the names of the file.
            self.feature_names_in_ = np.array(self.feature_names_, dtype=object)
            self.n_features_in_ = len(self.feature_names_)
        return self

    def _keep(self, model, values):
        super()._keep(model, {**values, "support": np.asarray(values["support"], dtype=bool)})

    def get_support(self, indices=False):
        """Which columns are kept.

        Parameters
        ----------
        indices : bool, default=False
            Whether to return their positions instead of a mask.

        Returns
        -------
        support : ndarray
            Mask (n_features,), or positions of the kept columns.
        """
        self._check_is_fitted()
        return np.flatnonzero(self.support_) if indices else self.support_

    def get_feature_names_out(self, input_features=None):
        """Names of the kept columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; those seen in `fit` where None.

        Returns
        -------
        names : ndarray of str
        """
        self._check_is_fitted()
        known = getattr(self, "feature_names_in_", None)
        if input_features is None:
            input_features = known if known is not None else [f"x{j}" for j in range(self.n_features_in_)]
        names = np.asarray(input_features, dtype=object)
        if len(names) != self.n_features_in_:
            raise ValueError("input_features should have length equal to number of features")
        if known is not None and (names != known).any():
            raise ValueError("input_features is not equal to feature_names_in_")
        return names[self.support_]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = self._allow_nan
        return tags


class _Signals(Core):
    """What estimators of epochs (n, channels, samples) share: scikit-learn's rules for arrays of three axes."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.two_d_array = False
        return tags


class SignalTransformer(TransformerMixin, _Signals):
    """Maps epochs to something else, each by itself: there is nothing to fit."""

    def fit(self, X, y=None):
        """Checks the epochs; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n, channels, samples)
            Epochs.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
        """
        self.n_channels_in_ = check_epochs(self, X).shape[1]
        return self

    def _measure(self, verb, inputs, keywords=None, *, returns=(), random_state=0):
        X = check_epochs(self, inputs["X"])
        known = getattr(self, "n_channels_in_", X.shape[1])
        if X.shape[1] != known:
            raise ValueError(f"X has {X.shape[1]} channels, but {type(self).__name__} is expecting {known} channels as input")
        return super()._measure(verb, {**inputs, "X": X}, keywords, returns=returns, random_state=random_state)

    def __sklearn_is_fitted__(self):
        return True


class _AnyClasses(ClassifierMixin):
    """What estimators of any number of classes share: the core sees the labels themselves and answers with their places."""

    @classmethod
    def example(cls, method):
        """Small valid data for a method of this class."""
        return _with_one_target(super().example(method))

    def _labels(self, verb, inputs, keywords=None, *, returns):
        codes = self._apply(verb, inputs, keywords, returns=returns)
        return self.classes_[np.asarray(codes).astype(int)]

    @classmethod
    def load(cls, path):
        """Reads a fitted model from a file."""
        estimator = super().load(path)
        estimator.classes_ = np.asarray(estimator.classes_)
        return estimator


class MultiClassifier(_AnyClasses, _Tabular):
    """An estimator of the class of a row, for any number of classes."""

    def _fit(self, verb, inputs, keywords=None):
        y = check_labels(inputs["y"], _n_rows(inputs["X"]))
        super()._fit(verb, {**inputs, "y": {"y": y}}, keywords)
        self.classes_ = np.unique(y)
        return self


class _ArrayClassifier(_AnyClasses, Estimator):
    """What classifiers of arrays of more than two axes share; `_check_X` and `_remember_X` know the arrays."""

    def _fit(self, verb, inputs, keywords=None):
        if "X" not in inputs:
            # A network that was trained elsewhere.
            super()._fit(verb, inputs, keywords)
            self.classes_ = np.asarray(self.classes_)
            return self
        X = self._check_X(inputs["X"])
        y = check_labels(inputs["y"], X.shape[0])
        super()._fit(verb, {**inputs, "X": X, "y": {"y": y}}, keywords)
        self.classes_ = np.unique(y)
        self._remember_X(X)
        return self

    def _apply(self, verb, inputs, keywords=None, *, returns=(), random_state=None):
        self._check_is_fitted()
        inputs = {**inputs, "X": self._check_X(inputs["X"])}
        if inputs.get("y") is not None:
            inputs["y"] = {"y": check_labels(inputs["y"], inputs["X"].shape[0])}
        return super()._apply(verb, inputs, keywords, returns=returns, random_state=random_state)


class SignalClassifier(_ArrayClassifier, _Signals):
    """An estimator of the class of an epoch, for any number of classes."""

    def _check_X(self, X):
        return check_epochs(self, X)

    def _remember_X(self, X):
        self.n_channels_in_ = X.shape[1]


class ImageClassifier(_ArrayClassifier):
    """An estimator of the class of an image, for any number of classes."""

    def _check_X(self, X):
        return check_images(self, X)

    def _remember_X(self, X):
        self.n_channels_in_ = X.shape[1] if X.ndim == 4 else 1

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags


def _with_one_target(data):
    """Data whose target is a vector, where it was a table of one column."""
    y = data.get("y")
    return {**data, "y": next(iter(y.values()))} if hasattr(y, "values") else data


def _n_rows(X):
    shape = getattr(X, "shape", None)
    if shape is None and _tables.is_table(X):
        return _tables.n_rows(X)
    return shape[0] if shape else len(X) if shape is None and hasattr(X, "__len__") else None
