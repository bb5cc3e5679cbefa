"""Tests of what is said of a student step's convolutions."""

import numpy as np
import pytest

from benchmarks import student_floor, trajectory_step


def test_convolutions_make_up_a_step():
    of_a_step = sum(x.count * x.gflop for x in student_floor.convolutions(128))
    assert of_a_step == pytest.approx(trajectory_step.gflop(True, 128))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_each_kind_of_each_block_can_be_timed(dtype):
    for of in student_floor.convolutions(2):
        assert np.isfinite(student_floor.timed(of, 2, dtype)()).all()
