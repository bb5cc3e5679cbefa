"""Processes that are timed and weighed tell of themselves alone."""

import subprocess
import sys

import numpy as np
import pytest

from benchmarks import process

WEIGH = """
from benchmarks import process
before = process.peak()
held = b"1" * 100_000_000
del held
print(before, process.peak())
"""
SIDE = """
import sys, time
from benchmarks import process
process.serve(lambda: time.sleep(float(sys.argv[1])))
"""


def test_a_peak_is_of_the_process_itself():
    """A child does not inherit its parent's, and keeps what it let go."""
    ours = np.ones(40_000_000)
    assert process.peak() > ours.nbytes / 1e9
    child = subprocess.run(
        [sys.executable, "-c", WEIGH], capture_output=True, check=True
    )
    before, after = map(float, child.stdout.split())
    assert before < 0.1
    assert before + 0.09 < after < before + 0.15


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A program that sleeps as long as it is told in each call."""
    (tmp_path / "sleeper.py").write_text(SIDE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:.")
    return "sleeper"


def test_a_process_is_timed_when_asked(module):
    side = process.Process("It", module, [0.02])
    assert 0.02 <= side.seconds < 1 and 0.005 < side.peak < 0.2
    assert 0.02 <= side.time() < 1
    side.close()


def test_a_process_that_ends_is_heard(module):
    with pytest.raises(RuntimeError, match="It ended with exit code 1 ") as e:
        process.Process("It", module, ["long"])
    assert "could not convert string to float: 'long'" in str(e.value)
