"""The package brings the command line with it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = [sys.executable, "-m", "elinvar"]


def call(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", [MODULE, [str(Path(sys.executable).parent / "elinvar")]], ids=["module", "script"])
def test_the_command_runs(command):
    listed = call(*command, "list")
    assert listed.returncode == 0 and "distance-covariance" in listed.stdout and not listed.stderr


def test_an_error_is_one_line_and_an_exit_code():
    wrong = call(*MODULE, "distance-covarianc")
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1 and "distance-covariance" in wrong.stderr
    absent = call(*MODULE, "distance-covariance", "audit", "absent.csv", "--score-column", "a", "--protected", "b")
    assert absent.returncode == 4 and "absent.csv" in absent.stderr


def test_ctrl_c_ends_the_work(tmp_path):
    command = [*MODULE, "reproduce", "rnn-degeneracy", "--out", str(tmp_path), "--progress", "json"]
    work = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    # The first trial is done: the handler stands.
    assert work.stderr.readline()
    work.send_signal(signal.SIGINT)
    errors = work.communicate(timeout=60)[1]
    assert work.returncode == 130 and "interrupted" in errors
