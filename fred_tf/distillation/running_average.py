"""A running average of tensors that are still being learned.

    a <- d a + (1 - d) p,    d = min(decay, (1 + t) / (10 + t))

after step t, counted from 0: the rule of TensorFlow's own
`ExponentialMovingAverage`, whose first averages forget the start quickly. A
memory that is learned by stochastic gradients with a constant step size
wanders around its aim; the average of where it has been lies nearer (Polyak &
Juditsky 1992). FreD's authors keep the last memory instead.
"""

from collections.abc import Sequence

import tensorflow as tf


def average_step(
    averages: Sequence[tf.Tensor],
    values: Sequence[tf.Tensor],
    step: tf.Tensor,
    decay: float,
) -> list[tf.Tensor]:
    """Returns the averages after one more step; pure.

    Args:
        averages, values: equally long lists of tensors with matching shapes.
        step: integer scalar t, steps made before this one.
        decay: in [0, 1); 0 keeps the last values.
    """
    t = tf.cast(step, values[0].dtype)
    d = tf.minimum(tf.cast(decay, t.dtype), (1 + t) / (10 + t))
    return [d * a + (1 - d) * p for a, p in zip(averages, values)]
