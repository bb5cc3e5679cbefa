"""A rectangle of zeros in an image."""

import tensorflow as tf

from fred_tf import seeds

# Side of the rectangle as a share of the image's side.
_CUTOUT_RATIO = 0.5


def cutout(
    images: tf.Tensor,
    center_y: tf.Tensor,
    center_x: tf.Tensor,
    side: tuple[int, int],
) -> tf.Tensor:
    """Sets a rectangle to zero, which is the mean of standardised pixels.

    Rows from `center_y - side[0] // 2` on, `side[0]` of them, and columns
    likewise; what reaches over the border is cut off. (Zhao and Bilen, 2021,
    arXiv 2102.08259, as in the authors' code.)

    Args:
        images: float `[batch, height, width, channels]`.
        center_y: int32 rows, `[batch]`, or `[1]` for all images alike.
        center_x: int32 columns, `[batch]` or `[1]`.
        side: height and width of the rectangle in pixels.

    Returns:
        Like `images`.
    """
    rows = _within(images.shape[1], center_y, side[0])
    columns = _within(images.shape[2], center_x, side[1])
    hole = rows[:, :, tf.newaxis] & columns[:, tf.newaxis, :]
    zero = tf.zeros([], images.dtype)
    return tf.where(hole[..., tf.newaxis], zero, images)


def _within(length: int, center: tf.Tensor, side: int) -> tf.Tensor:
    """Returns which positions are cut, bool `[n, length]`."""
    start = tf.reshape(center, [-1, 1]) - side // 2
    position = tf.range(length)[tf.newaxis]
    return (position >= start) & (position < start + side)


def draw_cutout(
    seed: tf.Tensor, count: int | tf.Tensor, size: tuple[int, int]
) -> dict[str, tf.Tensor | tuple[int, int]]:
    """Draws `count` centers of `cutout`; sides are half of the image's.

    Along an axis of n pixels the side is int(0.5 n + 0.5), and the center is
    uniform over {0, ..., n - 1} if the side is odd, {0, ..., n} if it is even.

    Args:
        seed: int32 `[2]`.
        count: number of centers, the batch size or 1.
        size: height and width of the images.

    Returns:
        `center_y` and `center_x`, int32 `[count]`, and `side`, two integers.
    """
    side = tuple(int(_CUTOUT_RATIO * length + 0.5) for length in size)
    center_y, center_x = (
        tf.random.stateless_uniform(
            [count],
            seeds.fold(seed, axis),
            minval=0,
            maxval=size[axis] + 1 - side[axis] % 2,
            dtype=tf.int32,
        )
        for axis in (0, 1)
    )
    return {"center_y": center_y, "center_x": center_x, "side": side}
