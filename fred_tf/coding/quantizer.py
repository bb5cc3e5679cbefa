"""Levels of one step size, the same for all coefficients in orthonormal units.

At equal error of the decoded images nothing takes fewer bits, as long as the
step is not larger than most coefficients (Gish & Pierce 1968, "Asymptotically
efficient quantizing", IEEE Transactions on Information Theory 14): what a
coefficient is worth to the eye of a network is not asked, only how far it may
be from where it was. With u the unit of a coefficient, see `Transform.units`,

    level = round(value / (u * step)),    value = level * (u * step)

and the squared error of an image is about step^2 / 12 times its coefficients.
"""

import math

import numpy as np
import tensorflow as tf

from fred_tf.coding.entropy_model import MOST_LEVEL


def levels(values: tf.Tensor, units: np.ndarray, step: float) -> tf.Tensor:
    """Returns the nearest levels, int32, of which 0 is the value 0.

    Args:
        values: coefficients `[classes, instances, kept, channels]`.
        units: of each kept coefficient `[classes, kept]`.
        step: in orthonormal units.
    """
    wide = _widths(units, step, values.dtype)
    return tf.cast(tf.round(values / wide), tf.int32)


def coefficients(of: tf.Tensor, units: np.ndarray, step: float) -> tf.Tensor:
    """Returns the float32 values of levels; one product each, no more.

    Args:
        of: levels `[classes, instances, kept, channels]`.
        units, step: see `levels`.
    """
    return tf.cast(of, tf.float32) * _widths(units, step, tf.float32)


def straight_through(
    values: tf.Tensor, units: np.ndarray, step: float
) -> tf.Tensor:
    """Returns rounded values whose gradient is that of the values.

    See `parameterizations/rounding.py` for the estimator.

    Args:
        values, units, step: see `levels`.
    """
    rounded = coefficients(levels(values, units, step), units, step)
    return values + tf.stop_gradient(tf.cast(rounded, values.dtype) - values)


def step_of_error(squared_error: float) -> float:
    """Returns the step whose levels err by so much.

    Args:
        squared_error: mean over the coefficients, in orthonormal units.
    """
    return math.sqrt(12 * squared_error)


def least_step(values: np.ndarray, units: np.ndarray) -> float:
    """Returns the least step that has a level for every coefficient.

    Args:
        values, units: see `levels`.
    """
    largest = float(np.abs(values / units[:, None, :, None]).max())
    return 1.001 * largest / MOST_LEVEL


def _widths(units: np.ndarray, step: float, dtype: tf.DType) -> tf.Tensor:
    return tf.cast(units * step, dtype)[:, None, :, None]
