"""Times several functions in turn, so that drift of the machine cancels."""

import statistics
import time
from collections.abc import Callable, Mapping


def medians(
    sides: Mapping[str, Callable[[], object]], rounds: int = 15
) -> dict[str, float]:
    """Returns the median seconds of each side, called alternately.

    Args:
        sides: functions without arguments that wait for their result; each is
            called once more beforehand, uncounted.
        rounds: counted calls of each side.
    """
    for function in sides.values():
        function()
    seconds = {name: [] for name in sides}
    for _ in range(rounds):
        for name, function in sides.items():
            begun = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(times) for name, times in seconds.items()}
