"""The border between Python and Rust, seen with a made-up method that only the feature `testing` compiles in."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import elinvar
from elinvar import _core

if "toy" not in {card["slug"] for card in _core.registry()}:
    pytest.skip("built without the feature 'testing'", allow_module_level=True)

from sklearn.exceptions import ConvergenceWarning
from toys import ToyClassifier, ToyMean, ToyRegressor, toy_wait

VALUES = np.arange(10.0)


def test_arrays_are_lent_and_others_converted():
    def lent(values):
        return ToyMean().measure(values).is_view

    assert lent(VALUES) and lent(VALUES[::2]) and lent(VALUES[::-1])
    assert not lent(VALUES.astype(np.float32)) and not lent(VALUES.astype(int))


def test_callables_take_and_return_arrays():
    assert ToyMean().measure(VALUES, function=lambda x: 2.0 * x).mean == 9.0
    assert ToyMean().measure(VALUES, function=lambda x: {"value": x + 1.0}).mean == 5.5
    with pytest.raises(TypeError, match="'function' must be a callable, got int"):
        ToyMean().measure(VALUES, function=3)


def test_exceptions_of_callables_come_through_as_they_are():
    with pytest.raises(ZeroDivisionError):
        ToyMean().measure(VALUES, function=lambda x: 1 / 0)


@pytest.mark.parametrize(
    ("what", "limits", "kind", "text"),
    [
        ("panic", {}, RuntimeError, "toy: a defect of this library: on purpose; please report it with the data that cause it"),
        ("numeric", {}, FloatingPointError, "toy: loss became NaN at step 1"),
        ("memory", {"mem_limit": 1000}, MemoryError, "toy: the plan needs 1.0 TiB, the limit is 1000 B"),
        ("wait", {"time_limit": 0.1}, TimeoutError, "toy: the time limit passed"),
    ],
)
def test_every_kind_of_error_has_its_exception(what, limits, kind, text):
    with pytest.raises(kind) as caught:
        toy_wait(what=what, **limits)
    assert str(caught.value).startswith(text)


def test_the_interpreter_is_free_while_rust_works():
    import threading

    seen = []

    def count():
        while not seen or seen[-1] < 20:
            seen.append(len(seen))
            time.sleep(0.01)

    thread = threading.Thread(target=count)
    thread.start()
    with pytest.raises(TimeoutError):
        toy_wait(time_limit=0.6)
    assert len(seen) > 15
    thread.join()


def test_progress_is_reported():
    seen = []
    with pytest.raises(TimeoutError):
        toy_wait(time_limit=0.5, verbose=lambda step, of, figures: seen.append((step, of, figures)))
    assert 2 <= len(seen) <= 8, "ten times a second at most"
    step, of, figures = seen[-1]
    assert of == 100_000 and figures == {"step": float(step)}


def test_ctrl_c_ends_the_call_at_once():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from toys import toy_wait\n"
        "print('ready', flush=True)\n"
        "try:\n    toy_wait()\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(__file__).rpartition("/")[0]], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (out, process.returncode) == ("interrupted\n", 0)
    assert time.monotonic() - sent < 3


def test_warnings_point_at_the_line_of_the_user():
    with pytest.warns(UserWarning, match="only 2 values") as caught:
        ToyMean().measure([1.0, 2.0])
    assert caught[0].filename in {__file__, sys.modules["toys"].__file__}, "the made-up classes live outside the package"
    with pytest.warns(ConvergenceWarning, match="stopped at the limit of its iterations"):
        model = ToyRegressor(max_iter=2).fit(np.eye(4), np.arange(4.0))
    assert model.status_ == "iteration_limit" and len(model.history_["gradient"]) == 2


def test_seeds():
    def draw(state):
        return ToyMean().measure(VALUES, random_state=state).draw

    assert draw(7) == 7.0
    assert draw(np.random.RandomState(0)) == draw(np.random.RandomState(0))
    assert draw(np.random.default_rng(0)) == draw(np.random.default_rng(0))
    assert draw(None) != draw(None)
    for bad in (-1, 2**64, 1.5, "x", True):
        with pytest.raises(ValueError, match="parameter 'random_state' must be a whole number >= 0"):
            draw(bad)


def test_parameters_of_other_types_are_shown_in_the_message():
    with pytest.raises(ValueError, match=r"toy: parameter 'factor' must be > 0, got \[1, 2\]"):
        ToyMean(factor=[1, 2]).measure(VALUES)
    with pytest.raises(ValueError, match="toy: parameter 'factor' must be > 0, got <object object"):
        ToyMean(factor=object()).measure(VALUES)
    assert ToyMean(factor=np.float32(2.0)).measure(VALUES).mean == 9.0
    assert ToyMean(factor=np.int64(2)).measure(VALUES).mean == 9.0


def test_labels_are_encoded_and_decoded():
    X = np.linspace(-2, 2, 30)[:, None]
    labels = np.where(X[:, 0] > 0, "yes", "no")
    model = ToyClassifier().fit(X, labels)
    assert list(model.classes_) == ["no", "yes"]
    assert (model.predict(X) == labels).mean() > 0.9
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (30, 2) and np.allclose(probabilities.sum(axis=1), 1.0)


def test_features_are_matched_by_name():
    import pandas as pd

    frame = pd.DataFrame({"a": VALUES, "b": VALUES**2})
    model = ToyRegressor(max_iter=5).fit(frame, VALUES)
    assert list(model.feature_names_in_) == ["a", "b"]
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        from_array = model.predict(frame.to_numpy())
    assert np.array_equal(from_array, model.predict(frame))
    with pytest.raises(ValueError, match="Feature names unseen at fit time:\n- c"):
        model.predict(frame.rename(columns={"a": "c"}))


def test_plots_draw_on_axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    model = ToyRegressor(max_iter=5).fit(np.eye(4), np.arange(4.0))
    axes = model.plot_trace()
    assert len(axes.lines) == 1 and axes.get_ylabel() == "gradient"
    assert model.plot_trace(ax=axes) is axes


def test_results_read_well():
    found = ToyMean().measure(VALUES, {"group": ["a", "b"], "share": [0.25, 0.75]})
    assert "mean = 4.5" in repr(found) and "table of 2 rows: group, share" in repr(found)
    assert repr(found.table) == "group  share\na      0.25\nb      0.75"
    assert "<td>0.75</td>" in found.table._repr_html_()
    assert found.table.to_pandas().shape == (2, 2) and found.table.to_polars().shape == (2, 2)
    assert found["mean"] == found.mean
    with pytest.raises(KeyError, match="there is no result 'no'"):
        found["no"]
    assert isinstance(elinvar.methods(), elinvar.Table)


def test_progress_says_the_rate_and_the_time_left(monkeypatch, capsys):
    from elinvar._base import printer

    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    report = printer("toy fit")
    clock[0] += 5.0
    report(1, 10, {})
    assert capsys.readouterr().err == "", "at most a line every ten seconds"
    clock[0] += 15.0
    report(4, 10, {"failed": 1.0})
    assert capsys.readouterr().err == "toy fit: 4/10  0.2/s, 0:00:30 left  failed 1\n"
