"""How long work will take yet, from how long it took so far."""

from collections.abc import Iterable, Sequence


def seconds_left(
    durations: Sequence[float],
    left: int,
    pauses: Iterable[tuple[Sequence[float], int]] = (),
) -> float | None:
    """Returns the seconds that some work is expected to take yet.

    What is to come is taken to last as long as the later half of what has been
    did on average, the first time left out: that one traces and compiles.

    Args:
        durations: seconds that each part of the work took so far, in order.
        left: parts that are still to come.
        pauses: of each thing that is done in between, the seconds that it took
            each time so far, and how often it is still to come. What was never
            done yet is taken to last no time.

    Returns:
        None before there are two parts to judge by.
    """
    if len(durations) < 2:
        return None
    return left * _usual(durations) + sum(
        times * _usual(taken) for taken, times in pauses if taken
    )


def _usual(durations: Sequence[float]) -> float:
    """Returns the mean of the later half, without the first if possible."""
    later = durations[1:] or durations
    later = later[len(later) // 2 :]
    return sum(later) / len(later)
