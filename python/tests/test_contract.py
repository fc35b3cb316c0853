"""The habits of scikit-learn for every class of the registry, also where its own checks do not apply."""

import copy
import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import elinvar
from elinvar import _core
from elinvar._results import Findings, Table


def flat(value):
    """All numbers and texts of a result, so that equality means equality in every bit."""
    if isinstance(value, Findings):
        return flat(dict(value))
    if isinstance(value, dict):
        return {name: flat(item) for name, item in value.items() if "time" not in name and "seconds" not in name}
    if isinstance(value, (tuple, list)):
        return [flat(item) for item in value]
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes() if value.dtype.kind != "O" else value.tolist())
    return repr(value)


def test_constructor_takes_keywords_and_only_stores_them(class_entry):
    parameters = list(inspect.signature(class_entry.cls.__init__).parameters.values())[1:]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters)
    marks = {p.name: object() for p in parameters}
    thing = class_entry.cls(**marks)
    assert vars(thing) == marks


def test_clone_repr_and_params(class_entry):
    thing = class_entry.make()
    twin = clone(thing)
    assert twin is not thing and twin.get_params() == thing.get_params()
    assert type(thing).__name__ in repr(thing)
    name, value = next(iter(thing.get_params().items()))
    assert thing.set_params(**{name: value}) is thing


def test_unknown_parameters_are_refused(class_entry):
    with pytest.raises(TypeError, match="unexpected keyword argument 'no_such'"):
        class_entry.cls(no_such=1)
    with pytest.raises(ValueError, match="Invalid parameter 'no_such' for estimator"):
        class_entry.cls().set_params(no_such=1)


def test_nan_parameters_give_our_message(class_entry):
    numbers = [p for p in class_entry.spec["constructor"]["parameters"] if p["domain"]["type"] == "number"]
    for parameter in numbers:
        if parameter["name"] in dict(class_entry.spec["fixed"]):
            continue
        methods = [m for m in class_entry.methods if parameter["name"] in [p["name"] for p in class_entry.verbs[m["verb"]]["parameters"]]]
        for method in methods[:1]:
            if class_entry.kind(method["name"]) == "apply":
                continue
            thing = class_entry.make(**{parameter["name"]: float("nan")})
            with pytest.raises(ValueError, match=f"parameter '{parameter['name']}' must be finite, got NaN"):
                getattr(thing, method["name"])(**class_entry.cls.example(method["name"]))


def test_fit_returns_self_and_sets_attributes(estimator_entry):
    thing = estimator_entry.make()
    before = thing.get_params()
    fitted = estimator_entry.fitted()
    assert isinstance(fitted, estimator_entry.cls)
    added = {name for name in vars(fitted) if name not in before and not name.startswith("_")}
    assert all(name.endswith("_") for name in added) and {"status_", "history_", "seed_"} <= added
    assert fitted.status_ in {"converged", "iteration_limit", "time_limit"}
    assert isinstance(fitted.history_, Table)
    assert fitted.get_params() == {**before, **{k: v for k, v in fitted.get_params().items() if k in before}}


def test_unfitted_objects_say_so(estimator_entry):
    for method in estimator_entry.methods:
        if estimator_entry.kind(method["name"]) == "apply":
            with pytest.raises(NotFittedError, match="is not fitted yet"):
                estimator_entry.call(estimator_entry.make(), method["name"])


def test_every_method_runs_on_its_example(estimator_entry):
    fitted = estimator_entry.fitted()
    state = dict(vars(fitted))
    for method in estimator_entry.methods:
        if method["name"] != estimator_entry.fit_name and not estimator_entry.reads_files(method["name"]):
            assert estimator_entry.call(fitted, method["name"]) is not None
    assert vars(fitted) == state, "operations leave the object as it was"


def test_measurements_run_and_repeat(measurement_entry):
    for method in measurement_entry.methods:
        if method["name"] in measurement_entry.spec["random"]:
            first, second = (measurement_entry.call(_Seeded(measurement_entry.ready(), 3), method["name"]) for _ in range(2))
        else:
            first, second = (measurement_entry.call(measurement_entry.ready(), method["name"]) for _ in range(2))
        assert flat(first) == flat(second)


class _Seeded:
    """Calls methods with a fixed random state."""

    def __init__(self, thing, seed):
        self._thing, self._seed = thing, seed

    def __getattr__(self, name):
        import functools

        return functools.partial(getattr(self._thing, name), random_state=self._seed)


def results(entry, thing):
    return {m["name"]: flat(entry.call(thing, m["name"])) for m in entry.methods if entry.kind(m["name"]) == "apply"}


def test_results_do_not_depend_on_threads_or_repetition(estimator_entry):
    one, two, again = (results(estimator_entry, estimator_entry.fitted(n_jobs=n)) for n in (1, 2, 1))
    assert one == two == again


def test_pickles_and_copies_work_before_and_after_fitting(estimator_entry):
    thing = estimator_entry.make()
    assert pickle.loads(pickle.dumps(thing)).get_params() == thing.get_params()
    fitted = estimator_entry.fitted()
    expected = results(estimator_entry, fitted)
    for twin in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert results(estimator_entry, twin) == expected
        assert flat({k: v for k, v in vars(twin).items() if k.endswith("_")}) == flat(
            {k: v for k, v in vars(fitted).items() if k.endswith("_")}
        )


def test_models_are_saved_and_loaded(estimator_entry, tmp_path):
    fitted = estimator_entry.fitted()
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    loaded = estimator_entry.cls.load(path)
    if estimator_entry.role != "classifier":
        assert results(estimator_entry, loaded) == results(estimator_entry, fitted)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        estimator_entry.cls.load(tmp_path / "nowhere.safetensors")
    with pytest.raises(OSError, match="no_folder"):
        fitted.save(tmp_path / "no_folder" / "model.safetensors")


def test_refitting_forgets(estimator_entry):
    fitted = estimator_entry.fitted()
    fresh = estimator_entry.fitted()
    data = estimator_entry.cls.example(estimator_entry.fit_name)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        getattr(fitted, estimator_entry.fit_name)(**data)
    assert results(estimator_entry, fitted) == results(estimator_entry, fresh)


def test_docstrings_name_every_argument(entry):
    functions = [entry.cls] if entry.role == "function" else [entry.cls, *(getattr(entry.cls, m["name"]) for m in entry.methods)]
    for function in functions:
        target = function.__init__ if inspect.isclass(function) else function
        names = [name for name in inspect.signature(target).parameters if name != "self"]
        text = inspect.getdoc(function)
        for name in names:
            assert f"\n{name} : " in text, f"{function.__qualname__}: '{name}' is not documented"
        assert max(map(len, text.splitlines())) <= 140


def test_signatures_follow_the_registry(class_entry):
    parameters = inspect.signature(class_entry.cls.__init__).parameters
    fixed = dict(class_entry.spec["fixed"])
    declared = [p for p in class_entry.spec["constructor"]["parameters"] if p["name"] not in fixed]
    assert [name for name in parameters if name in {p["name"] for p in declared}] == [p["name"] for p in declared]
    for parameter in declared:
        value = parameters[parameter["name"]].default
        value = list(value) if isinstance(value, tuple) else value
        assert value == parameter["default"] or (value is None and parameter["default"] == {}), parameter["name"]


def test_the_package_lists_its_methods():
    table = elinvar.methods()
    assert list(table["slug"]) == [card["slug"] for card in _core.registry()]
    assert elinvar.info(table["slug"][0]).startswith("#")
    with pytest.raises(ValueError, match="there is no method 'no-such-method'"):
        elinvar.info("no-such-method")
