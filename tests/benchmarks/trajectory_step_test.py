"""What the benchmark says of processes; it is not run here."""

import subprocess
import sys

import numpy as np
import pytest

from benchmarks import trajectory_step
from benchmarks.trajectory_step import Weight

WEIGH = """
from benchmarks import trajectory_step
before = trajectory_step.peak()
held = b"1" * 100_000_000
del held
print(before, trajectory_step.peak())
"""


def test_a_peak_is_of_the_process_itself():
    """A child does not inherit its parent's, and keeps what it let go."""
    ours = np.ones(40_000_000)
    assert trajectory_step.peak() > ours.nbytes / 1e9
    child = subprocess.run(
        [sys.executable, "-c", WEIGH], capture_output=True, check=True
    )
    before, after = map(float, child.stdout.split())
    assert before < 0.1
    assert before + 0.09 < after < before + 0.15


@pytest.mark.slow  # It loads TensorFlow several times.
def test_a_side_that_fails_is_heard():
    with pytest.raises(RuntimeError, match=r"'swap' .* 3 steps.*code 1 ") as e:
        trajectory_step.Process("swap", 3, 8)
    assert "KeyError: 'swap'" in str(e.value)


def test_rows_hold_growth_and_share_where_all_was_weighed():
    whole = [Weight(2.0, 1.0), Weight(2.5, 1.1)]
    rows = trajectory_step.rows(
        "recompute, chunk 32",
        [Weight(1.0, 1.2), Weight(1.01, 1.25)],
        whole,
        [5, 50],
    )
    assert [row.split() for row in rows] == [
        ["recompute,", "chunk", "32", "GB", "1.00", "1.01", "1.010", "0.40"],
        ["s/step", "1.200", "1.250"],
    ]
    rows = trajectory_step.rows("store", whole[:1], whole[:1], [5, 50])
    assert [row.split() for row in rows] == [
        ["store", "GB", "2.00", "-"],
        ["s/step", "1.000", "-"],
    ]
