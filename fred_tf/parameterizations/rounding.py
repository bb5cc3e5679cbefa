"""Coefficients in a few bits: integer levels and a scale per coefficient."""

import tensorflow as tf

MIN_BITS, MAX_BITS = 2, 8


def check_bits(bits: int) -> None:
    """Refuses a width of levels that is not supported.

    Raises:
        ValueError: `bits` is neither 0 nor from 2 to 8.
    """
    if bits and not MIN_BITS <= bits <= MAX_BITS:
        raise ValueError(
            f"`bits` must be 0, which rounds nothing, or {MIN_BITS} to "
            f"{MAX_BITS}. Received: {bits}."
        )


def quantize(values: tf.Tensor, bits: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the nearest levels and the scales that undo them.

    A coefficient shares its scale with the same coefficient of the other
    instances and channels of its class: a class's coefficients differ by
    orders of magnitude, its instances do not. With m the largest magnitude
    among them and L = 2^(bits - 1) - 1 the largest level,

        scale = m / L,    level = round(value / scale) in [-L, L]

    Scales are bfloat16, which costs nothing: levels are chosen for the scale
    as stored. A coefficient that is 0 everywhere has scale 0 and level 0.

    Args:
        values: `[classes, instances, kept, channels]`.
        bits: width of a level, 2 to 8.

    Returns:
        Levels, int8 `[classes, instances, kept, channels]`, and scales,
        bfloat16 `[classes, kept]`.
    """
    largest_level = 2 ** (bits - 1) - 1
    scaled, scales = scale(values, largest_level)
    # bfloat16 may round a scale down by 1/256, and the level beyond the last.
    levels = tf.clip_by_value(tf.round(scaled), -largest_level, largest_level)
    return tf.cast(levels, tf.int8), scales


def scale(values: tf.Tensor, largest: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns values / scales, about `largest` at most, and the scales.

    Args:
        values: `[classes, instances, kept, channels]`.
        largest: magnitude that the largest value of a scale becomes.

    Returns:
        A tensor like `values`, and bfloat16 `[classes, kept]`.
    """
    magnitudes = tf.reduce_max(tf.abs(values), axis=[1, 3])
    scales = tf.cast(magnitudes / largest, tf.bfloat16)
    wide = tf.cast(scales, values.dtype)[:, None, :, None]
    return tf.math.divide_no_nan(values, wide), scales


def dequantize(levels: tf.Tensor, scales: tf.Tensor) -> tf.Tensor:
    """Undoes `quantize` or `scale`, but for rounding; float32."""
    wide = tf.cast(scales, tf.float32)[:, None, :, None]
    return tf.cast(levels, tf.float32) * wide
