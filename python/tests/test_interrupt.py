"""Ctrl-C in the middle of a fit and of a reproduction: KeyboardInterrupt within seconds, nothing half written."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

FIT = """
import numpy as np
from elinvar.transport import MongeGapMap
rng = np.random.default_rng(0)
print("ready", flush=True)
try:
    MongeGapMap(num_iters=10_000_000, random_state=0).fit(rng.normal(size=(512, 2)), rng.normal(size=(512, 2)))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

REPRODUCE = """
import sys, elinvar
print("ready", flush=True)
try:
    elinvar.reproduce("distance-covariance", "quick", folder=sys.argv[1], n_jobs=1)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def interrupt(script, *arguments, until=lambda: True):
    """Runs a script, sends SIGINT when it is at work, and returns what it printed and the seconds that it took to stop."""
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        deadline = time.monotonic() + 60
        while not until() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        time.sleep(0.5)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    return out, time.monotonic() - sent


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent the POSIX way")
def test_ctrl_c_ends_a_fit():
    out, seconds = interrupt(FIT)
    assert out == "interrupted\n"
    assert seconds < 10


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent the POSIX way")
def test_ctrl_c_ends_a_reproduction_and_keeps_what_was_done(tmp_path):
    def records():
        return list(tmp_path.glob("distance-covariance/*/*/*.json"))

    out, seconds = interrupt(REPRODUCE, str(tmp_path), until=records)
    assert out == "interrupted\n"
    assert seconds < 30
    assert records()
    for path in records():
        assert json.loads(path.read_text())["method"] == "distance-covariance"


def test_an_exception_of_the_progress_callable_ends_the_call():
    import numpy as np

    from elinvar.transport import MongeGapMap

    def stop(step, of, figures):
        raise RuntimeError(f"enough at {step} of {of}")

    X = np.random.default_rng(0).normal(size=(64, 2))
    with pytest.raises(RuntimeError, match="enough at"):
        MongeGapMap(num_iters=10_000_000, batch_size=32, verbose=stop).fit(X, X)


def test_time_limits_hold():
    import numpy as np

    from elinvar.transport import MongeGapMap

    X = np.random.default_rng(0).normal(size=(64, 2))
    started = time.monotonic()
    try:
        MongeGapMap(num_iters=10_000_000, batch_size=32, time_limit=0.5).fit(X, X)
    except TimeoutError as error:
        assert "time limit" in str(error)
    assert time.monotonic() - started < 20
