"""How far two sets of parameter gradients are apart."""

from collections.abc import Sequence

import tensorflow as tf

_EPSILON = 1e-6


def layerwise_distance(
    ours: Sequence[tf.Tensor], theirs: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Returns the sum over output units of one minus the cosine.

        D = sum_l sum_i ( 1 - <a_li, b_li> / (|a_li| |b_li| + 1e-6) )

    with a_li the gradient of the weights that lead to output unit i of layer l
    (Zhao et al. 2021, section 3.3 and eq. 9, arXiv 2006.05929; the epsilon is
    the authors' code's). What has one axis counts nothing: biases, and norms
    but `"layer"`, whose scales and shifts are of each position and count by
    channel, as in the authors' code. An output unit whose weights have no
    gradient on one side counts 1, so that D jumps where a unit falls silent for
    all images of a class. Networks without norms have many such units;
    `squared` suits them better.

    Args:
        ours: gradients by parameter; Keras keeps output units on the last
            axis.
        theirs: likewise, of the same shapes.
    """
    total = tf.zeros([], ours[0].dtype)
    for a, b in zip(ours, theirs, strict=True):
        if a.shape.rank > 1:
            axes = list(range(a.shape.rank - 1))
            total += tf.reduce_sum(1 - _cosine(a, b, axes))
    return total


def squared_distance(
    ours: Sequence[tf.Tensor], theirs: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Returns the sum of all squared differences."""
    return tf.add_n(
        [tf.reduce_sum((a - b) ** 2) for a, b in zip(ours, theirs, strict=True)]
    )


def absolute_distance(
    ours: Sequence[tf.Tensor], theirs: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Returns the sum of all absolute differences."""
    return tf.add_n(
        [
            tf.reduce_sum(tf.abs(a - b))
            for a, b in zip(ours, theirs, strict=True)
        ]
    )


def cosine_distance(
    ours: Sequence[tf.Tensor], theirs: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Returns one minus the cosine between all gradients as two vectors."""
    a, b = (
        tf.concat([tf.reshape(part, [-1]) for part in side], 0)
        for side in (ours, theirs)
    )
    return 1 - _cosine(a, b, [0])


DISTANCES = {
    "layerwise": layerwise_distance,
    "squared": squared_distance,
    "absolute": absolute_distance,
    "cosine": cosine_distance,
}


def _cosine(a: tf.Tensor, b: tf.Tensor, axes: list[int]) -> tf.Tensor:
    product = tf.reduce_sum(a * b, axes)
    return product / (_length(a, axes) * _length(b, axes) + _EPSILON)


def _length(x: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """Returns Euclidean lengths whose gradient at zero is zero.

    Units that no image activates have no gradient at all; the derivative of
    the root there would be infinite, and the product with zero NaN.
    """
    squared = tf.reduce_sum(x * x, axes)
    positive = squared > 0
    root = tf.sqrt(tf.where(positive, squared, tf.ones_like(squared)))
    return tf.where(positive, root, tf.zeros_like(root))
