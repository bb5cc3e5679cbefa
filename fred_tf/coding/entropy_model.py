"""How likely each level of a frequency is, in integers.

The levels of a frequency are modelled by a heavy-tailed bell, the density of
Student's t with 7 degrees of freedom at the integers,

    p(k) ~ (1 + k^2 / a)^-4

with one number, the spread a, that the classes which keep the frequency share.
It is static: a byte for each kept frequency says a, and nothing is learned
while levels are read. On memories of CIFAR-10 it takes as many bits as the
logistic distribution, which needs an exponential, and fewer than Laplace's,
Gauss's and a model that learns each frequency while it reads
(`benchmarks/rate_distortion.py`).

A file must be read alike by every machine, so that tables of a file come from
integers alone. Training takes the same formula in floats, `bits`.
"""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

# Largest magnitude of a level.
MOST_LEVEL = 1023
# The probabilities of a table sum to 2^PRECISION.
PRECISION = 24
# Spreads that a file can name, 2^-6 to 2^25.5, half an octave from each other.
SPREADS = 64

_POWER = 4
# Levels that are counted together, over frequencies; for 128 MiB.
_MOST_COUNTS = 2**24
# Spreads are in 2^-13; the factor of a half octave is 181 / 128.
_ONE, _OCTAVE = 1 << 13, (128, 181)


def spread(index: int) -> float:
    """Returns the spread a that a file names by an index below `SPREADS`."""
    return _spread(index) / _ONE


def _spread(index: int) -> int:
    return _OCTAVE[index % 2] << index // 2


@functools.lru_cache(maxsize=4 * SPREADS)
def probabilities(index: int, largest: int) -> np.ndarray:
    """Returns how likely levels are, as exact multiples of 2^-PRECISION.

    With n = 2^13 a, all divisions of integers and rounded down,

        r(k) = 2^16 n / (n + 2^13 k^2),    w(k) = (r(k)^2 / 2^16)^2
        p(k) = 1 + w(k) (2^24 - 2 largest - 1) / (sum of w)

    and p(0) takes what is left of 2^24. No level is impossible, and nothing
    leaves 63 bits.

    Args:
        index: of the spread, below `SPREADS`.
        largest: magnitude of a level, at most.

    Returns:
        int64 `[2 * largest + 1]` for the levels from -largest to largest.
    """
    n, k = _spread(index), np.abs(np.arange(-largest, largest + 1))
    ratio = (n << 16) // (n + k**2 * _ONE)
    weights = (ratio**2 >> 16) ** 2
    free = (1 << PRECISION) - len(k)
    table = 1 + weights * free // weights.sum()
    table[largest] += (1 << PRECISION) - table.sum()
    table.flags.writeable = False
    return table


def bits_of_magnitudes(largest: int) -> np.ndarray:
    """Returns the bits of a level in a file, by spread and magnitude.

    Args:
        largest: magnitude of a level, at most.

    Returns:
        float64 `[SPREADS, largest + 1]`.
    """
    tables = [probabilities(index, largest) for index in range(SPREADS)]
    return PRECISION - np.log2(np.stack(tables)[:, largest:])


def fitted(levels: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Returns the spreads by which frequencies take the fewest bits.

    Args:
        levels: int `[rows, n]`.
        of: which frequency each row is of, `[rows]`, counted from 0.

    Returns:
        Indices of spreads, uint8 `[frequencies]`.
    """
    magnitudes = np.abs(levels)
    largest = int(magnitudes.max())
    costs = bits_of_magnitudes(largest).T
    chosen = []
    together = max(1, _MOST_COUNTS // (largest + 1))
    for first in range(0, int(of.max()) + 1, together):
        here = (of >= first) & (of < first + together)
        cells = (of[here, None] - first) * (largest + 1) + magnitudes[here]
        counts = np.bincount(cells.ravel())
        counts = np.pad(counts, (0, -len(counts) % (largest + 1)))
        chosen.append((counts.reshape(-1, largest + 1) @ costs).argmin(1))
    return np.concatenate(chosen).astype(np.uint8)


def density(k: Any, spread: Any) -> Any:
    """Returns (1 + k^2 / a)^-4: how likely levels are, but for a factor."""
    return (1 + k**2 / spread) ** -_POWER


def bits(levels: tf.Tensor, spreads: tf.Tensor, rooms: tf.Tensor) -> tf.Tensor:
    """Returns the bits that each level takes: -log2 p, differentiable.

    A file takes as many, but at most 24 for levels that are very rare. They
    need not be whole: for training, with noise or straight through rounding.

    Args:
        levels: `[classes, instances, kept, channels]`.
        spreads: a of each kept coefficient, positive,
            `[classes, kept, channels]`.
        rooms: of each spread, the logarithm of the sum of `density` over all
            levels that there are; others count, too, but take the room of none.
    """
    spreads, rooms = spreads[:, None], rooms[:, None]
    nats = _POWER * tf.math.log1p(levels**2 / spreads) + rooms
    return nats / tf.math.log(tf.cast(2, levels.dtype))
