"""Brightness, saturation and contrast of an image."""

import tensorflow as tf

from fred_tf import seeds


def adjust_color(
    images: tf.Tensor,
    brightness: tf.Tensor,
    saturation: tf.Tensor,
    contrast: tf.Tensor,
) -> tf.Tensor:
    """Changes brightness, then saturation, then contrast.

    With m the mean over the channels of a pixel and M the mean over all pixels
    and channels of an image, each of the image as changed so far:

        x <- x + brightness
        x <- (x - m) saturation + m
        x <- (x - M) contrast + M

    Values are not clipped. With one channel m = x, so saturation does nothing.
    (Zhao and Bilen, 2021, arXiv 2102.08259, as in the authors' code.)

    Args:
        images: float `[batch, height, width, channels]`.
        brightness: summand, `[batch]`, or `[1]` for all images alike.
        saturation: factor, `[batch]` or `[1]`; 0 gives grey, 1 no change.
        contrast: factor, `[batch]` or `[1]`; 1 gives no change.

    Returns:
        Like `images`.
    """
    brightness, saturation, contrast = (
        tf.reshape(tf.cast(value, images.dtype), [-1, 1, 1, 1])
        for value in (brightness, saturation, contrast)
    )
    images += brightness
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = (images - grey) * saturation + grey
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return (images - mean) * contrast + mean


def draw_color(
    seed: tf.Tensor, count: int | tf.Tensor, size: tuple[int, int]
) -> dict[str, tf.Tensor]:
    """Draws `count` sets of parameters of `adjust_color`.

    Arguments as in `geometry.draw_flip`.

    Returns:
        Brightness in [-0.5, 0.5), saturation in [0, 2) and contrast in
        [0.5, 1.5), each float32 `[count]`, uniform and independent.
    """
    del size
    ranges = {
        "brightness": (-0.5, 0.5),
        "saturation": (0.0, 2.0),
        "contrast": (0.5, 1.5),
    }
    return {
        name: tf.random.stateless_uniform(
            [count], seeds.fold(seed, position), low, high
        )
        for position, (name, (low, high)) in enumerate(ranges.items())
    }
