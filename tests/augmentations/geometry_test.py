"""Shifts, mirrors and warps against NumPy and SciPy."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage, stats
from sklearn.datasets import load_digits

from fred_tf.augmentations import geometry


def _digits(batch: int, channels: int) -> np.ndarray:
    """Handwritten digits `[batch, 8, 6, channels]` in [0, 1], float64."""
    images = load_digits().images[: batch * channels, :, 1:7] / 16
    return images.reshape(batch, channels, 8, 6).transpose(0, 2, 3, 1)


def _warp(image: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Warps one image by the definition in [-1, 1], sampled by SciPy."""
    height, width, channels = image.shape
    y, x = np.meshgrid(
        np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij"
    )
    column, row = np.einsum("ij,jhw->ihw", theta, [x, y, np.ones_like(x)])
    position = [(row + 1) / 2 * (height - 1), (column + 1) / 2 * (width - 1)]
    # "grid-constant" surrounds the image with zeros before it interpolates.
    planes = [
        ndimage.map_coordinates(
            image[..., channel], position, order=1, mode="grid-constant"
        )
        for channel in range(channels)
    ]
    return np.stack(planes, axis=-1)


THETAS = np.array(
    [
        [[1.2, 0.0, 0.0], [0.0, 0.9, 0.0]],
        [[0.97, -0.26, 0.0], [0.26, 0.97, 0.0]],
        [[0.8, 0.3, -0.2], [-0.1, 1.1, 0.4]],
        [[1.0, 0.0, 3.0], [0.0, 1.0, 0.0]],  # leaves the image altogether
    ]
)


def test_flip_mirrors_the_chosen_images():
    images = _digits(3, 3)
    result = geometry.flip(images, tf.constant([True, False, True]))
    expected = [images[0, :, ::-1], images[1], images[2, :, ::-1]]
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_translate_moves_each_image_and_fills_with_zeros(channels):
    images = _digits(5, channels)
    dy, dx = [0, 1, -2, 0, -8], [0, -1, 3, 5, 0]
    result = geometry.translate(images, tf.constant(dy), tf.constant(dx))
    expected = [
        ndimage.shift(image, (down, right, 0), order=0, mode="constant")
        for image, down, right in zip(images, dy, dx)
    ]
    np.testing.assert_array_equal(result, expected)


def test_one_shift_serves_the_batch():
    images = _digits(3, 1)
    result = geometry.translate(images, tf.constant([1]), tf.constant([-2]))
    expected = np.zeros_like(images)
    expected[:, 1:, :-2] = images[:, :-1, 2:]
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_warp_agrees_with_scipy_up_to_the_border(channels):
    images = _digits(4, channels)
    expected = [_warp(*pair) for pair in zip(images, THETAS)]
    result = geometry.affine_warp(images, THETAS)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)
    assert np.abs(expected[2]).max() > 0.1 and not np.any(expected[3])


def test_warp_agrees_with_scipy_affine_transform():
    # On a square image and about its middle theta is a matrix in pixels.
    image = load_digits().images[7] / 16
    matrix = np.array([[0.9, 0.2], [-0.3, 1.1]])  # rows, then columns
    expected = ndimage.affine_transform(
        image,
        matrix,
        offset=3.5 - matrix @ [3.5, 3.5],
        order=1,
        mode="grid-constant",
    )
    theta = np.zeros((1, 2, 3))
    theta[0, :, :2] = matrix[::-1, ::-1]  # x, then y
    result = geometry.affine_warp(image[np.newaxis, :, :, np.newaxis], theta)
    np.testing.assert_allclose(result[0, ..., 0], expected, rtol=0, atol=1e-12)


def test_one_theta_serves_the_batch():
    images = _digits(4, 3)
    expected = [_warp(image, THETAS[2]) for image in images]
    result = geometry.affine_warp(images, THETAS[2:3])
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(8, 6), (7, 13), (1, 5), (4, 1)])
def test_identity_warp_is_exact(shape):
    images = np.random.default_rng(0).normal(size=(2, *shape, 3))
    identity = geometry.rotation(tf.zeros([2]))
    for dtype in (np.float32, np.float64):
        result = geometry.affine_warp(images.astype(dtype), identity)
        np.testing.assert_array_equal(result, images.astype(dtype))


def test_a_positive_right_angle_turns_counterclockwise():
    images = load_digits().images[:2, ..., np.newaxis] / 16
    result = geometry.affine_warp(images, geometry.rotation(tf.fill([1], 90.0)))
    expected = np.rot90(images, axes=(1, 2))
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5)


def test_scales_above_one_shrink_their_own_axis():
    images = np.ones((1, 9, 9, 1))
    theta = geometry.scaling(tf.constant([2.0]), tf.constant([1.0]))
    result = geometry.affine_warp(images, theta).numpy()[0, ..., 0]
    expected = np.zeros((9, 9))
    expected[2:7] = 1  # centers of the outer rows move half way in
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6)


def test_gradient_of_the_warp_is_its_adjoint():
    shape = (4, 3)
    theta = THETAS[2]
    units = np.eye(12).reshape(12, *shape, 1)
    matrix = np.stack([_warp(unit, theta).ravel() for unit in units], axis=1)
    for batch_theta in (THETAS[2:3], np.repeat(THETAS[2:3], 12, axis=0)):
        images = tf.zeros([12, *shape, 1], tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(images)
            warped = geometry.affine_warp(images, batch_theta)
        gradient = tape.gradient(warped, images, output_gradients=units)
        np.testing.assert_allclose(
            tf.reshape(gradient, [12, 12]), matrix, rtol=0, atol=1e-12
        )


def _many_draws(draw, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """One draw for each of 1500 seeds, stacked."""

    @tf.function
    def one(number):
        return draw(tf.stack([number, 5]), 1, size)

    dtypes = tf.nest.map_structure(lambda value: value.dtype, one(0))
    draws = tf.map_fn(one, tf.range(1500), fn_output_signature=dtypes)
    return {name: value.numpy()[:, 0] for name, value in draws.items()}


@pytest.mark.parametrize(
    ("size", "largest"),
    [
        ((28, 32), (4, 4)),
        pytest.param((64, 8), (8, 1), marks=pytest.mark.slow),
        pytest.param((128, 12), (16, 2), marks=pytest.mark.slow),
    ],
)
def test_shifts_are_uniform_up_to_an_eighth(size, largest):
    draws = _many_draws(geometry.draw_translation, size)
    for name, limit in zip(("dy", "dx"), largest):
        values, observed = np.unique(draws[name], return_counts=True)
        np.testing.assert_array_equal(values, np.arange(-limit, limit + 1))
        assert stats.chisquare(observed).pvalue > 1e-3
    assert abs(np.corrcoef(draws["dy"], draws["dx"])[0, 1]) < 0.15


def test_half_of_the_images_are_mirrored():
    mirrored = _many_draws(geometry.draw_flip, (8, 8))["mirrored"]
    assert mirrored.dtype == bool
    assert abs(mirrored.mean() - 0.5) < 0.05


def test_scales_fill_their_range_independently():
    theta = _many_draws(geometry.draw_scaling, (8, 6))["theta"]
    scale_x, scale_y = theta[:, 0, 0], theta[:, 1, 1]
    for scale in (scale_x, scale_y):
        assert 1 / 1.2 - 1e-6 <= scale.min() < 1 / 1.2 + 0.005
        assert 1.2 - 0.005 < scale.max() <= 1.2 + 1e-6
        assert abs(scale.mean() - (1 / 1.2 + 1.2) / 2) < 0.015
    assert abs(np.corrcoef(scale_x, scale_y)[0, 1]) < 0.15
    theta[:, [0, 1], [0, 1]] = 0
    assert not theta.any()


def test_angles_fill_fifteen_degrees_to_both_sides():
    theta = _many_draws(geometry.draw_rotation, (8, 6))["theta"]
    cos, sin = theta[:, 0, 0], theta[:, 1, 0]
    degrees = np.degrees(np.arctan2(sin, cos))
    assert -15 - 1e-4 <= degrees.min() < -14.8
    assert 14.8 < degrees.max() <= 15 + 1e-4
    assert abs(degrees.mean()) < 1
    np.testing.assert_allclose(cos**2 + sin**2, 1, rtol=1e-5)
    np.testing.assert_array_equal(theta[:, 1, 1], cos)
    np.testing.assert_array_equal(theta[:, 0, 1], -sin)
    assert not theta[:, :, 2].any()
