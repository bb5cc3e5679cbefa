"""Tests of what is said of a student step's convolutions."""

import numpy as np
import pytest

from benchmarks import convolutions, student_floor, trajectory_step


def test_convolutions_make_up_a_step():
    made = list(convolutions.of_a_step(128))
    of_a_step = sum((x.sweep + x.reverse) * x.gflop for x in made)
    assert of_a_step == pytest.approx(trajectory_step.gflop(True, 128))
    # Multiply-adds of an image: of each block, and how many times.
    sizes = 32**2 * 27 * 128, 16**2 * 9 * 128**2, 8**2 * 9 * 128**2
    for recomputes, counts in ((True, (7, 11, 11)), (False, (6, 9, 9))):
        expected = 2e-9 * 160 * sum(n * m for n, m in zip(counts, sizes))
        assert trajectory_step.gflop(recomputes, 128) == pytest.approx(expected)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_each_kind_of_each_block_can_be_timed(dtype):
    for of in convolutions.of_a_step(2):
        assert np.isfinite(student_floor.timed(of, 2, dtype)()).all()
