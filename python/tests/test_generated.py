"""The generated modules are what `cargo xtask gen` would write."""

import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("cargo") is None, reason="the generator is a Rust program")
def test_generated_modules_are_up_to_date():
    done = subprocess.run(["cargo", "xtask", "gen", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
