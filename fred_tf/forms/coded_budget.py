"""The levels that err least in a number of bytes.

Levels of a small step, each worth its bits, err less than the nearest levels of
a larger step in as many bytes, see `coding/by_rate.py`. What a bit should be
worth depends on the memory: for some worths, none among them, the least step is
looked for that fits. So the nearest levels are among what is compared, and none
that are chosen err more.

Each colour has a step of its own, and errs in units of that, see
`coding/colours.py`.

A memory that was trained through a step holds levels already. They are written
as they are where they fit. Otherwise their step is compared, too, with the
least worth of a bit that fits: what is not worth its bits goes to the level
below or to 0 and all else comes back exactly, while another step moves every
level.
"""

import bisect
import functools
from collections.abc import Callable, Sequence

import numpy as np

from fred_tf.coding import by_rate
from fred_tf.coding.entropy_model import MOST_LEVEL
from fred_tf.forms.coded_content import Content, Source, coded
from fred_tf.forms.form import OverBudgetError

# What a bit may be worth, in squared steps, from 0 on.
WEIGHTS = tuple(by_rate.OF_MANY * x for x in (0, 1 / 2, 1, 3 / 2, 2, 3))
# At the trained step: so much more each time, so many times.
_FINELY, _TIMES = by_rate.OF_MANY / 8, 80
# Steps that a search may take in each octave; 10 octaves, at the end of which
# few coefficients are not rounded to 0.
_OCTAVE = 256
_COARSEST = int(_OCTAVE * np.log2(MOST_LEVEL))

# Tries a step and a weight, and says whether they fit.
Fits = Callable[[float, float | np.ndarray], bool]


def within(
    source: Source, budget_bytes: int, weights: Sequence[float] = WEIGHTS
) -> Content:
    """Returns what errs least of all that is tried and fits.

    Args:
        source: what is coded.
        budget_bytes: of the whole folder, at most.
        weights: what a bit may be worth, from 0 on, which alone leaves the
            nearest levels.

    Raises:
        OverBudgetError: nothing does.
    """
    source = source.by_colour()
    if source.is_trained:
        content = coded(source, source.step)
        if content.size <= budget_bytes:
            return content
    coarsest = [coded(source, _step(source, _COARSEST))]
    if source.is_trained:
        coarsest.append(coded(source, source.step, _FINELY * _TIMES))
    least = min(content.size for content in coarsest)
    if least > budget_bytes:
        raise OverBudgetError(
            f"`budget_bytes` must be at least {least:,}, which this set takes "
            f"in the coarsest levels. Received: {budget_bytes:,}. Distil fewer "
            "images, or raise it.",
            least,
        )
    found: list[Content] = []

    def fits(step: float, weight: float | np.ndarray) -> bool:
        content = coded(source, step, weight)
        if content.size > budget_bytes:
            return False
        found.append(content)
        return True

    _try_steps(source, weights, fits)
    if source.is_trained:
        _try_weights(source, fits)
    return min(found, key=lambda content: content.error)


def _step(source: Source, number: int) -> float:
    """Returns the step of a number up to `_COARSEST`."""
    return float(f"{source.least_step * 2 ** (number / _OCTAVE):.5g}")


def _try_steps(source: Source, weights: Sequence[float], fits: Fits) -> None:
    """Tries, for each worth of a bit, which step is the least that fits.

    Bytes fall and errors rise with the step, but for ripples.
    """

    def enough(number: int, weight: float) -> bool:
        return fits(_step(source, number), weight)

    fine, coarse = 1, _COARSEST
    for weight in weights:
        key = functools.partial(enough, weight=weight)
        place = bisect.bisect_left(range(fine, coarse + 1), True, key=key)
        # A bit that is worth more lets a smaller step fit, if not by so much.
        coarse = min(fine + place, coarse)
        fine = max(1, coarse - _OCTAVE // 2)


def _try_weights(source: Source, fits: Fits) -> None:
    """Tries which worth of a bit is the least that fits at the trained step.

    Levels of a memory of levels are worth their bits, or not, many at once: the
    last few frequencies are given up first.
    """
    step, of = source.step, source.rows[1]

    def worth(times: int) -> bool:
        return fits(step, _FINELY * times)

    times = bisect.bisect_left(range(_TIMES + 1), True, key=worth)
    lower, higher = _FINELY * (times - 1), _FINELY * times
    frequencies = int(of.max()) + 1

    def given_up(count: int) -> bool:
        return fits(step, np.where(of < frequencies - count, lower, higher))

    bisect.bisect_left(range(frequencies), True, key=given_up)
