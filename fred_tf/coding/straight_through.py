"""Rounding that gradients pass as if it were not there."""

import tensorflow as tf


def straight_through(values: tf.Tensor, rounded: tf.Tensor) -> tf.Tensor:
    """Returns `rounded`, bit for bit, with the gradient of `values`.

    The straight-through estimator (Bengio, Leonard & Courville 2013,
    arXiv 1308.3432): the derivative of rounding, zero almost everywhere, is
    taken as 1, so that what is learned makes up for the rounding.

    Args:
        values: of any shape.
        rounded: what they are rounded to, of the same shape.
    """
    exact = tf.stop_gradient(tf.cast(rounded, values.dtype))
    # The second term is 0.
    return exact + (values - tf.stop_gradient(values))
