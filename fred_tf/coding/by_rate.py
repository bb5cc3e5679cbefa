"""Levels that are worth their bits: squared error and rate in one choice.

A file that errs by E in R bits is best where E + lambda R is least: whatever
errs less takes more bits, whatever takes fewer errs more, by lambda for each at
least (Cover & Thomas, "Elements of Information Theory", chapter 10). A decoder
takes the level that it finds, so that the choice is the encoder's alone, as it
is where video is coded. With x a value in steps D, lambda = w D^2, and bits as
a file has them, a level is the k of

    least (x - k)^2 + w * bits(k)

Bits rise with |k|, so that no level beyond the nearest is worth it. Looked at
are the nearest one, the one below it and 0. Where levels are many, R bits of a
value leave an error E in proportion to 2^(-2R), which is D^2 / 12: another bit
saves 2 ln 2 E, and

    w = ln 2 / 6

Where most levels are 0 it may be more. Bits follow from the spreads, and the
spreads of fewest bits from the levels: one is found for the other in turn,
which lowers what is to be least each time.
"""

import math

import numpy as np

from fred_tf.coding import entropy_model

# What a bit is worth where levels are many, in squared steps.
OF_MANY = math.log(2) / 6
# More change errors at equal bytes by a hundredth at most, either way.
_TURNS = 3


def levels(
    scaled: np.ndarray, of: np.ndarray, weight: float | np.ndarray
) -> np.ndarray:
    """Returns levels by squared error and bits, int32 `[rows, n]`.

    Args:
        scaled: values in steps, `[rows, n]`.
        of: which frequency each row is of, `[rows]`, counted from 0.
        weight: what a bit is worth, in squared steps, to all or `[rows]`; 0
            gives the nearest levels.
    """
    chosen = np.rint(scaled).astype(np.int32)
    places = np.nonzero(chosen)  # Below 0 there is nothing.
    if not np.any(weight) or not places[0].size:
        return chosen
    signs, near = np.sign(chosen[places]), np.abs(chosen[places])
    ways = np.stack([near, near - 1, np.zeros_like(near)])
    errors = np.square(np.abs(scaled[places]) - ways)
    weights = np.broadcast_to(weight, of.shape)[places[0]]
    bits = entropy_model.bits_of_magnitudes(int(near.max()))
    for _ in range(_TURNS):
        before = chosen[places]
        spreads = entropy_model.fitted(chosen, of)[of[places[0]]]
        best = np.argmin(errors + weights * bits[spreads, ways], axis=0)
        chosen[places] = signs * np.choose(best, ways)
        if np.array_equal(chosen[places], before):
            break
    return chosen
