"""What the benchmark says of processes; it is not run here."""

import pytest

from benchmarks import trajectory_step
from benchmarks.trajectory_step import Weight


@pytest.mark.slow  # It loads TensorFlow several times.
def test_a_side_that_fails_is_heard():
    with pytest.raises(RuntimeError, match=r"'swap' .* 3 steps.*code 1 ") as e:
        trajectory_step.started("swap", 3, 8)
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
