"""How instance norms lay out images, and take means over their positions.

Every layout gives the same means, to rounding; what differs is how fast a
compiler makes the sums. `windows` was found on CPUs. What XLA makes of all of
them for a GPU is counted by `python -m benchmarks.norm_passes`.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

# A multiprocessor's shared memory holds what two column sums need, as XLA makes
# them. Sums of fewer values than a warp has threads need none: each thread
# makes its own, of as many images as are wanted, in one pass.
_PIECE = 16


class Layout(NamedTuple):
    """A way to lay out images `[batch, *sizes, channels]`.

    Attributes:
        lay_out: (image, whether windows of two along every axis are averaged)
            to the image laid out, `[batch, ..., channels]`.
        mean: an image laid out to its mean over positions, `[batch, 1, ..., 1,
            channels]`.
    """

    lay_out: Callable[[tf.Tensor, bool], tf.Tensor]
    mean: Callable[[tf.Tensor], tf.Tensor]


def _windows(x: tf.Tensor, pool: bool) -> tf.Tensor:
    """Returns an image in windows: those that are averaged, or pieces of it.

    Args:
        x: `[batch, *sizes, channels]`.
        pool: whether windows of two along every axis are averaged.

    Returns:
        `[batch, n, places, ..., channels]`, for each axis of windows how many
        there are and the places in one; without `pool` one axis of all
        positions.
    """
    sizes, places = x.shape[1:-1], 2
    if not pool:
        sizes = (math.prod(sizes),)
        places = math.gcd(*sizes, 4)
    pairs = ((size // places, places) for size in sizes)
    return tf.reshape(x, [-1, *itertools.chain(*pairs), x.shape[-1]])


def _places(x: tf.Tensor) -> list[tf.Tensor]:
    """Returns the values at each place of a window, `[batch, n, ...]`."""
    positions = itertools.product(*(range(n) for n in x.shape[2:-1:2]))
    return [
        x[(slice(None), *itertools.chain(*((slice(None), i) for i in place)))]
        for place in positions
    ]


def whole(x: tf.Tensor, shape: tf.TensorShape) -> tf.Tensor:
    """Returns an image that was laid out as it was before.

    Args:
        x: in any layout.
        shape: of the image, `[batch, *sizes, channels]`.
    """
    return tf.reshape(x, [-1, *shape[1:]])


def averages(x: tf.Tensor, shape: tf.TensorShape, pool: bool) -> tf.Tensor:
    """Returns the averages of windows of two along every axis, or all values.

    Args:
        x: an image in any layout.
        shape: of the image, `[batch, *sizes, channels]`.
        pool: whether they are averaged.
    """
    image = whole(x, shape)
    if not pool:
        return image
    parts = _places(_windows(image, pool))
    return tf.add_n(parts) / len(parts)


def spread(averages: tf.Tensor, pool: bool) -> tf.Tensor:
    """Returns the gradient of an image by that of what `averages` gives.

    Args:
        averages: a gradient, `[batch, *sizes, channels]`.
        pool: whether windows were averaged; then `sizes` are doubled.
    """
    if not pool:
        return averages
    *sizes, channels = averages.shape[1:]
    share = averages / 2 ** len(sizes)
    for axis in range(len(sizes)):
        share = tf.expand_dims(share, 2 * axis + 2)
    pairs = [number for size in sizes for number in (size, 2)]
    shape = tf.concat([tf.shape(averages)[:1], [*pairs, channels]], 0)
    doubled = [2 * size for size in sizes]
    return tf.reshape(tf.broadcast_to(share, shape), [-1, *doubled, channels])


def _mean_of_places(x: tf.Tensor) -> tf.Tensor:
    # A sum of sums is XLA's fastest on CPUs: a sum over the axes of windows
    # takes 5 times as long, and so does one with a division inside.
    sums = tf.add_n(_places(x))
    total = tf.reduce_sum(sums, range(1, sums.shape.rank - 1))
    total = tf.reshape(total, [-1, *[1] * (x.shape.rank - 2), x.shape[-1]])
    return total / math.prod(x.shape[1:-1])


def _positions(x: tf.Tensor, pool: bool) -> tf.Tensor:
    """Returns an image as `[batch, positions, channels]`."""
    return tf.reshape(x, [-1, math.prod(x.shape[1:-1]), x.shape[-1]])


def _mean_of_columns(x: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(x, 1, keepdims=True)


def _mean_of_pieces(x: tf.Tensor) -> tf.Tensor:
    count = x.shape[1]
    piece = max(n for n in range(1, _PIECE + 1) if count % n == 0)
    pieces = tf.reshape(x, [-1, count // piece, piece, x.shape[-1]])
    # A mean of means: XLA would make one sum of a sum of sums.
    return _mean_of_columns(tf.reduce_mean(pieces, 2))


def _mean_by_product(x: tf.Tensor) -> tf.Tensor:
    count = x.shape[1]
    return tf.linalg.matmul(tf.ones([1, count], x.dtype), x) / count


LAYOUTS: dict[str, Layout] = {
    "windows": Layout(_windows, _mean_of_places),
    "columns": Layout(_positions, _mean_of_columns),
    "pieces": Layout(_positions, _mean_of_pieces),
    "products": Layout(_positions, _mean_by_product),
}
