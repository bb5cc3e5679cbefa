"""What a row says it was made on."""

import os

import pytest

from trainers.results.hardware import hardware


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="needs the affinity of Linux"
)
def test_hardware_counts_the_cores_that_are_left_to_the_process() -> None:
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(mine)})
    try:
        assert hardware().startswith("1 core, ")
    finally:
        os.sched_setaffinity(0, mine)
    assert hardware().split(" ")[0] == str(len(mine))
