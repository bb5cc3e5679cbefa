"""Levels of one step size, the same for all coefficients in orthonormal units.

At equal error of the decoded images nothing takes fewer bits, as long as the
step is not larger than most coefficients (Gish & Pierce 1968, "Asymptotically
efficient quantizing", IEEE Transactions on Information Theory 14): what a
coefficient is worth to a network is not asked, only how far it may be from
where it was. With u the unit of a coefficient, see `Transform.units`, and D the
orthonormal DCT of the channels of one,

    level = round(D(value / u) / step),    value = D^-1(level * step) * u

and the squared error of an image is about step^2 / 12 times its coefficients.
Three colours vary together; their sum and two differences hold the same in a
quarter fewer bits. Joint channels are one channel, whose D is 1. Each colour
may have a step of its own, see `colours.py`.
"""

import math

import numpy as np
import tensorflow as tf

from fred_tf.coding.entropy_model import MOST_LEVEL


def orthonormal(values: tf.Tensor, units: np.ndarray) -> tf.Tensor:
    """Returns coefficients whose errors are those of images, by length.

    Args:
        values: coefficients `[classes, instances, kept, channels]`.
        units: of each kept coefficient `[classes, kept]`.
    """
    values = tf.convert_to_tensor(values)
    matrix = tf.cast(_of_channels(values.shape[-1]), values.dtype)
    return tf.tensordot(values / _wide(units, values.dtype), matrix, [[3], [1]])


def levels(
    values: tf.Tensor, units: np.ndarray, step: float | tf.Tensor
) -> tf.Tensor:
    """Returns the nearest levels, int32, of which 0 is the value 0.

    Args:
        values, units: see `orthonormal`.
        step: in orthonormal units, of all or of each.
    """
    return tf.cast(tf.round(orthonormal(values, units) / step), tf.int32)


def coefficients(of: tf.Tensor, units: np.ndarray, step: float) -> tf.Tensor:
    """Returns the float32 values of levels.

    Args:
        of: levels `[classes, instances, kept, channels]`; where steps differ,
            what each is in those of `step`.
        units: see `orthonormal`.
        step: in orthonormal units.
    """
    of = tf.cast(of, tf.float32)
    matrix = tf.cast(_of_channels(of.shape[-1]), tf.float32)
    by_channel = tf.tensordot(of, matrix, [[3], [0]])
    return by_channel * _wide(units * step, tf.float32)


def step_of_error(squared_error: float) -> float:
    """Returns the step whose levels err by so much.

    Args:
        squared_error: mean over the coefficients, in orthonormal units.
    """
    return math.sqrt(12 * squared_error)


def least_step(values: np.ndarray) -> float:
    """Returns the least step that has a level for every value.

    Args:
        values: in orthonormal units.
    """
    return 1.001 * float(np.abs(values).max()) / MOST_LEVEL


def _wide(units: np.ndarray, dtype: tf.DType) -> tf.Tensor:
    return tf.cast(units, dtype)[:, None, :, None]


def _of_channels(channels: int) -> np.ndarray:
    """Returns the matrix of the orthonormal DCT-II, a row a frequency."""
    k, n = np.ogrid[:channels, :channels]
    waves = np.cos(np.pi * k * (2 * n + 1) / (2 * channels))
    return waves * np.sqrt(np.where(k == 0, 1, 2) / channels)
