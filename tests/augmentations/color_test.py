"""Color changes against NumPy, and the ranges of their parameters."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from fred_tf.augmentations import color


def _digits(batch: int, channels: int) -> np.ndarray:
    """Handwritten digits `[batch, 8, 6, channels]` in [0, 1], float64."""
    images = load_digits().images[: batch * channels, :, 1:7] / 16
    return images.reshape(batch, channels, 8, 6).transpose(0, 2, 3, 1)


def _adjust(image, brightness, saturation, contrast):
    """The formulas of the source for one image, in NumPy."""
    image = image + brightness
    grey = image.mean(axis=2, keepdims=True)
    image = (image - grey) * saturation + grey
    return (image - image.mean()) * contrast + image.mean()


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_follows_the_formulas(channels):
    images = _digits(3, channels)
    parameters = np.array([[0.3, -0.5, 0.1], [0.2, 1.9, 1.0], [0.6, 1.4, 0.9]])
    result = color.adjust_color(images, *parameters)
    expected = [_adjust(*row) for row in zip(images, *parameters)]
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


def test_one_set_of_parameters_serves_the_batch():
    images = _digits(3, 3)
    parameters = np.array([[0.3], [0.2], [1.4]])
    result = color.adjust_color(images, *parameters)
    expected = [_adjust(image, *parameters[:, 0]) for image in images]
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


def test_saturation_of_grey_images_does_nothing():
    images = _digits(3, 1).astype(np.float32)
    result = color.adjust_color(images, [0.0], [1.9], [1.0])
    np.testing.assert_allclose(result, images, rtol=0, atol=1e-6)


def test_contrast_keeps_the_mean_and_scales_the_deviation():
    images = _digits(3, 3)
    result = color.adjust_color(
        images, *np.array([[0.0], [1.0], [0.6]])
    ).numpy()
    axes = (1, 2, 3)
    np.testing.assert_allclose(result.mean(axes), images.mean(axes))
    np.testing.assert_allclose(result.std(axes), 0.6 * images.std(axes))


def test_draws_fill_their_ranges_independently():
    @tf.function
    def draw(number):
        return color.draw_color(tf.stack([0, number]), 1, (8, 8))

    draws = tf.map_fn(
        draw,
        tf.range(1000),
        fn_output_signature=dict.fromkeys(
            ("brightness", "saturation", "contrast"), tf.float32
        ),
    )
    ranges = {
        "brightness": (-0.5, 0.5),
        "saturation": (0.0, 2.0),
        "contrast": (0.5, 1.5),
    }
    assert draws.keys() == ranges.keys()
    for name, (low, high) in ranges.items():
        values = draws[name].numpy()
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < 0.05 * (high - low)
    correlation = np.corrcoef([draws[name].numpy()[:, 0] for name in ranges])
    assert np.abs(correlation - np.eye(3)).max() < 0.15
