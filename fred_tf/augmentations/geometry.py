"""Moves of an image's content: shift, mirror, scale and rotate.

`ImageProjectiveTransformV3`, TensorFlow's own warp, has no XLA kernel and its
gradient is not the adjoint of the warp. These are gathers, so autodiff gives
the exact adjoint and everything compiles.
"""

import math

import tensorflow as tf

from fred_tf import seeds

# Largest shift as a share of the image's side.
_SHIFT_RATIO = 0.125
# Scale factors lie between 1 / _MAX_SCALE and _MAX_SCALE.
_MAX_SCALE = 1.2
_MAX_DEGREES = 15.0


def flip(images: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
    """Mirrors images left to right.

    Args:
        images: float `[batch, height, width, channels]`.
        mirrored: bool, `[batch]`, or `[1]` for all images alike.

    Returns:
        Like `images`.
    """
    # A product, not tf.where: XLA fuses that one's gradient with the draw of
    # `mirrored`, which it then repeats for every pixel (200 times slower).
    share = tf.reshape(tf.cast(mirrored, images.dtype), [-1, 1, 1, 1])
    return share * tf.reverse(images, [2]) + (1 - share) * images


def translate(images: tf.Tensor, dy: tf.Tensor, dx: tf.Tensor) -> tf.Tensor:
    """Shifts images by whole pixels and fills with zeros.

    Pixel (i, j) of the result is pixel (i - dy, j - dx) of the image.

    Args:
        images: float `[batch, height, width, channels]`.
        dy: int32 rows downwards, `[batch]`, or `[1]` for all images alike.
        dx: int32 columns to the right, `[batch]` or `[1]`.

    Returns:
        Like `images`.
    """
    _, height, width, _ = images.shape
    rows = tf.range(height)[:, tf.newaxis] - tf.reshape(dy, [-1, 1, 1])
    columns = tf.range(width) - tf.reshape(dx, [-1, 1, 1])
    return _pixels(images, rows, columns, tf.ones([], images.dtype))


def affine_warp(images: tf.Tensor, theta: tf.Tensor) -> tf.Tensor:
    """Samples images bilinearly at affinely moved positions.

    The pixel at (x, y) of the result is read from the image at

        x' = theta_00 x + theta_01 y + theta_02
        y' = theta_10 x + theta_11 y + theta_12

    where x and y run from -1 to 1 between the *centers* of the outermost
    pixels (`align_corners=True`: the convention of the trajectory matching
    code; the gradient and distribution matching code measures from the pixels'
    outer edges). Pixels beyond the border are zero. The identity is exact.

    On images that are not square a rotation in these coordinates also shears,
    as it does in the authors' code.

    Args:
        images: float `[batch, height, width, channels]`.
        theta: float `[batch, 2, 3]`, or `[1, 2, 3]` for all images alike.

    Returns:
        Like `images`. Linear in `images`; the gradient with respect to them is
        the adjoint of the warp.
    """
    # Half precision would misplace pixels, not only round their values.
    precise = images.dtype if images.dtype == tf.float64 else tf.float32
    theta = tf.cast(theta, precise)
    _, height, width, _ = images.shape
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    # Pixels from the middle instead of [-1, 1]: these are exact in binary. An
    # axis of one pixel has no extent: its offset is 0 whatever it is over.
    y = (tf.range(height, dtype=precise) - middle_y)[:, tf.newaxis]
    x = tf.range(width, dtype=precise) - middle_x
    over_y, over_x = max(middle_y, 0.5), max(middle_x, 0.5)

    coefficient = theta[..., tf.newaxis, tf.newaxis]
    rows = middle_y + (
        coefficient[:, 1, 0] * x * (middle_y / over_x)
        + coefficient[:, 1, 1] * y
        + coefficient[:, 1, 2] * middle_y
    )
    columns = middle_x + (
        coefficient[:, 0, 0] * x
        + coefficient[:, 0, 1] * y * (middle_x / over_y)
        + coefficient[:, 0, 2] * middle_x
    )

    warped = tf.zeros([], images.dtype)
    for row, row_weight in _neighbours(rows, height):
        for column, column_weight in _neighbours(columns, width):
            weight = tf.cast(row_weight * column_weight, images.dtype)
            warped += _pixels(images, row, column, weight)
    return warped


def _neighbours(
    position: tf.Tensor, length: int
) -> tuple[tuple[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns the two pixels around `position` with their linear weights."""
    below = tf.floor(position)
    fraction = position - below
    # Far outside is as good as just outside, and fits an integer.
    first = tf.cast(tf.clip_by_value(below, -2, length), tf.int32)
    return (first, 1 - fraction), (first + 1, fraction)


def _pixels(
    images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor, weights: tf.Tensor
) -> tf.Tensor:
    """Returns weights * images[:, rows, columns], zero outside of the image.

    Args:
        images: float `[batch, height, width, channels]`.
        rows: int32, broadcastable with `columns` to `[n, height, width]`; n is
            the batch size, or statically 1 to read all images alike.
        columns: int32, like `rows`.
        weights: broadcastable to `[n, height, width]`, of the images' dtype.
    """
    _, height, width, channels = images.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    weights = tf.where(inside, weights, tf.zeros([], weights.dtype))
    index = tf.clip_by_value(rows, 0, height - 1) * width
    index += tf.clip_by_value(columns, 0, width - 1)
    index = tf.reshape(index, [-1, height * width])
    flat = tf.reshape(images, [-1, height * width, channels])
    if index.shape[0] == 1:
        pixels = tf.gather(flat, index[0], axis=1)
    else:
        pixels = tf.gather(flat, index, axis=1, batch_dims=1)
    pixels = tf.reshape(pixels, [-1, height, width, channels])
    return weights[..., tf.newaxis] * pixels


def scaling(scale_y: tf.Tensor, scale_x: tf.Tensor) -> tf.Tensor:
    """Returns `affine_warp`'s theta that divides lengths by the scales.

    Args:
        scale_y: `[n]`; above 1 shrinks the content vertically.
        scale_x: `[n]`; above 1 shrinks the content horizontally.

    Returns:
        `[n, 2, 3]`: [[scale_x, 0, 0], [0, scale_y, 0]].
    """
    zero = tf.zeros_like(scale_x)
    return _theta([[scale_x, zero, zero], [zero, scale_y, zero]])


def rotation(degrees: tf.Tensor) -> tf.Tensor:
    """Returns `affine_warp`'s theta that turns the content.

    Args:
        degrees: `[n]`; positive turns counterclockwise as seen.

    Returns:
        `[n, 2, 3]`: [[cos, -sin, 0], [sin, cos, 0]].
    """
    angle = degrees * (math.pi / 180)
    cos, sin, zero = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle)
    return _theta([[cos, -sin, zero], [sin, cos, zero]])


def _theta(entries: list[list[tf.Tensor]]) -> tf.Tensor:
    """Stacks 2 x 3 tensors `[n]` to `[n, 2, 3]`."""
    return tf.stack([tf.stack(row, axis=-1) for row in entries], axis=-2)


def draw_flip(
    seed: tf.Tensor, count: int | tf.Tensor, size: tuple[int, int]
) -> dict[str, tf.Tensor]:
    """Draws `count` booleans `mirrored` of `flip`, true half of the time.

    Args:
        seed: int32 `[2]`.
        count: number of draws, the batch size or 1.
        size: height and width of the images; of no account here.
    """
    del size
    return {"mirrored": tf.random.stateless_uniform([count], seed) < 0.5}


def draw_translation(
    seed: tf.Tensor, count: int | tf.Tensor, size: tuple[int, int]
) -> dict[str, tf.Tensor]:
    """Draws `count` shifts `dy` and `dx` of `translate`.

    Along an axis of n pixels shifts are uniform over {-s, ..., s} with
    s = int(0.125 n + 0.5). Arguments as in `draw_flip`.
    """
    shifts = {}
    for axis, name in enumerate(("dy", "dx")):
        largest = int(_SHIFT_RATIO * size[axis] + 0.5)
        shifts[name] = tf.random.stateless_uniform(
            [count], seeds.fold(seed, axis), -largest, largest + 1, tf.int32
        )
    return shifts


def draw_scaling(
    seed: tf.Tensor, count: int | tf.Tensor, size: tuple[int, int]
) -> dict[str, tf.Tensor]:
    """Draws `count` scalings for `affine_warp`, each scale in [1 / 1.2, 1.2).

    The two axes are independent and uniform. Arguments as in `draw_flip`.
    """
    del size
    scales = tf.random.stateless_uniform(
        [2, count], seed, 1 / _MAX_SCALE, _MAX_SCALE
    )
    return {"theta": scaling(scales[0], scales[1])}


def draw_rotation(
    seed: tf.Tensor, count: int | tf.Tensor, size: tuple[int, int]
) -> dict[str, tf.Tensor]:
    """Draws `count` rotations for `affine_warp`, uniform in +-15 degrees.

    Arguments as in `draw_flip`.
    """
    del size
    degrees = tf.random.stateless_uniform(
        [count], seed, -_MAX_DEGREES, _MAX_DEGREES
    )
    return {"theta": rotation(degrees)}
