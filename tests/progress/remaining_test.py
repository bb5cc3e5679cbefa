"""The time that is left, against simulated work whose whole time is known."""

import itertools

import numpy as np
import pytest

from fred_tf.progress import seconds_left

PARTS = 1000


def simulated(generator, kind: str) -> np.ndarray:
    """Returns the seconds of each part of some work."""
    if kind == "equal":
        return np.full(PARTS, 0.1)
    if kind == "jittering":
        return generator.lognormal(-2, 0.5, PARTS)
    if kind == "waiting":  # Every fourth waits for images.
        return np.tile([0.1, 0.1, 0.1, 0.5], PARTS // 4)
    slower = np.full(PARTS, 0.1)  # Another process took a core.
    slower[20:] = 0.2
    return slower


@pytest.mark.parametrize("kind", ["equal", "jittering", "waiting", "slower"])
@pytest.mark.parametrize("every", [None, 7, 100])
def test_within_a_fifth_after_a_tenth(kind, every, generator):
    """Whatever the first part and the first pause took: these trace."""
    parts = simulated(generator, kind)
    parts[0] = 60.0
    pauses, taken = np.zeros(PARTS), []
    if every:
        pauses[every - 1 :: every] = 4.0
        pauses[every - 1] = 5.0
    ends = np.cumsum(parts + pauses)
    for done in range(1, PARTS):
        if done > PARTS // 10 and done < PARTS * 0.95:
            coming = np.count_nonzero(pauses[done - 1 :])
            told = seconds_left(
                parts[:done].tolist(), PARTS - done, [(taken, coming)]
            )
            truth = ends[-1] - (ends[done - 1] - pauses[done - 1])
            assert told == pytest.approx(truth, rel=0.2), done
        if pauses[done - 1]:
            taken.append(pauses[done - 1])


def test_one_part_tells_nothing():
    assert seconds_left([], 5) is seconds_left([60.0], 5) is None
    assert seconds_left([60.0, 1.0], 5) == 5


def test_a_pause_that_was_made_once_counts_as_it_was():
    assert seconds_left([9.0, 1.0], 5, [([7.0], 2), ([], 3)]) == 5 + 14


def test_nothing_left_takes_no_time():
    assert seconds_left([2.0] * 5, 0, [([1.0], 0)]) == 0


def test_recent_parts_count():
    long = itertools.repeat(9.0, 50)
    assert seconds_left([*long, *itertools.repeat(1.0, 60)], 10) == 10
