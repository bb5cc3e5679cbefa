"""How many bytes a memory will take: while it is trained, and before.

A level takes -log2 p bits, and p follows from the spread of its frequency, see
`entropy_model.py`. A file has the spread by which a frequency takes the fewest
bits; here it is the one whose levels are as large on average,

    E_a[k^2] = mean of k^2 over the classes that keep it and their instances

which one pass over the levels gives, and which takes as many bits, to 0.1 %, on
memories of CIFAR-10. No gradient goes through it: where bits are fewest their
derivative with respect to the spread is 0.
"""

import functools
import math

import numpy as np
import tensorflow as tf

from fred_tf.coding import entropy_model
from fred_tf.coding.entropy_model import MOST_LEVEL, SPREADS

# Levels beyond are counted, but `bits` takes their room for none: they are rare
# wherever a step is worth an entropy coder.
_LARGEST = 255
# What facts, manifest and framing take, about; names of classes are of it.
_AROUND = 1_500


@functools.cache
def _known() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns what the spreads are, their rooms, and the mean of k^2 of each.

    Rooms are of 64 spreads, and not of each coefficient, of which there are
    millions.
    """
    k = np.arange(-MOST_LEVEL, MOST_LEVEL + 1.0)
    spreads = np.array([entropy_model.spread(i) for i in range(SPREADS)])
    weights = entropy_model.density(k, spreads[:, None])
    near = weights[:, MOST_LEVEL - _LARGEST : MOST_LEVEL + _LARGEST + 1]
    means = weights @ k**2 / weights.sum(1)
    return spreads, np.log(near.sum(1)), means


def spreads_of(
    levels: tf.Tensor, table: tf.Tensor, positions: int
) -> tf.Tensor:
    """Returns the indices of the spreads of kept coefficients.

    Args:
        levels: `[classes, instances, kept, channels]`.
        table: which positions each class keeps, `[classes, kept]`.
        positions: of a spectrum.

    Returns:
        int32 `[classes, kept, channels]`, below `SPREADS`.
    """
    *_, means = _known()
    squares = tf.reduce_mean(levels**2, 1)
    totals, counts = (
        tf.math.unsorted_segment_sum(part, table, positions)
        for part in (squares, tf.ones_like(squares))
    )
    of_kept = tf.gather(tf.math.divide_no_nan(totals, counts), table)
    between = tf.constant(np.sqrt(means[1:] * means[:-1]), levels.dtype)
    return tf.reduce_sum(
        tf.cast(of_kept[..., None] > between, tf.int32), axis=-1
    )


def mean_bits(levels: tf.Tensor, table: tf.Tensor, positions: int) -> tf.Tensor:
    """Returns the bits that a level takes on average, differentiable.

    Args:
        levels, table, positions: see `spreads_of`.
    """
    indices = spreads_of(levels, table, positions)
    spreads, rooms = (
        tf.gather(tf.constant(known, levels.dtype), indices)
        for known in _known()[:2]
    )
    return tf.reduce_mean(entropy_model.bits(levels, spreads, rooms))


def usual_bits(deviation: float) -> float:
    """Returns the bits that a level takes where all are of one bell.

    Its variance is a fifth of its spread.

    Args:
        deviation: of what is rounded, in steps.
    """
    cells = np.arange(-MOST_LEVEL, MOST_LEVEL + 1)[:, None]
    within = (np.arange(64) + 0.5) / 64 - 0.5
    weights = entropy_model.density(cells + within, 5 * deviation**2).sum(1)
    shares = weights / weights.sum()
    return float(-(shares * np.log2(shares)).sum())


def bytes_around(positions: int, kept: int, channels: int, classes: int) -> int:
    """Returns the bytes of all that is not levels, about.

    Masks are alike, so that zlib needs two fifths of what as many unlike ones
    take at least; a spread takes a byte, and classes share theirs.

    Args:
        positions: of a spectrum.
        kept: of them, by each class.
        channels: of a spectrum.
        classes: number of classes.
    """
    share = kept / positions
    bits = sum(-p * math.log2(p) for p in (share, 1 - share) if p)
    masks = classes * positions * bits / 20
    return math.ceil(_AROUND + masks + channels * kept)
