"""Cutout against the authors' index arithmetic, and where it lands."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from fred_tf.augmentations import cutout


def _cut(image, center_y, center_x, side):
    """Zeroes index by index, clamped to the border, for one image."""
    image = image.copy()
    for row in range(side[0]):
        for column in range(side[1]):
            i = np.clip(row + center_y - side[0] // 2, 0, image.shape[0] - 1)
            j = np.clip(column + center_x - side[1] // 2, 0, image.shape[1] - 1)
            image[i, j] = 0
    return image


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [(4, 3), (3, 4), (1, 2)])
def test_each_image_loses_its_own_rectangle(channels, side):
    images = np.random.default_rng(0).normal(size=(5, 8, 6, channels))
    rows = [0, 7, 4, 8 - side[0] % 2, 2]
    columns = [0, 5, 6 - side[1] % 2, 1, 3]
    result = cutout.cutout(
        images, tf.constant(rows), tf.constant(columns), side
    )
    expected = [_cut(*row, side) for row in zip(images, rows, columns)]
    np.testing.assert_array_equal(result, expected)


def test_one_center_serves_the_batch():
    images = np.ones((3, 8, 6, 2), np.float32)
    result = cutout.cutout(images, tf.constant([4]), tf.constant([3]), (4, 2))
    expected = np.ones((8, 6, 2))
    expected[2:6, 2:4] = 0
    np.testing.assert_array_equal(result, np.stack([expected] * 3))


@pytest.mark.parametrize(
    ("size", "side", "centers"),
    [
        ((32, 28), (16, 14), (33, 29)),
        pytest.param((8, 8), (4, 4), (9, 9), marks=pytest.mark.slow),
        ((6, 5), (3, 3), (6, 5)),  # odd sides: one center less
    ],
)
def test_centers_are_uniform_and_sides_half_of_the_image(size, side, centers):
    @tf.function
    def draw(number):
        arguments = cutout.draw_cutout(tf.stack([0, number]), 1, size)
        assert arguments["side"] == side
        return tf.stack([arguments["center_y"][0], arguments["center_x"][0]])

    drawn = tf.map_fn(draw, tf.range(1500)).numpy()
    for axis, count in enumerate(centers):
        values, observed = np.unique(drawn[:, axis], return_counts=True)
        np.testing.assert_array_equal(values, np.arange(count))
        assert stats.chisquare(observed).pvalue > 1e-3
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.15


def test_the_hole_never_misses_the_image():
    arguments = cutout.draw_cutout(tf.constant([1, 2]), 300, (8, 6))
    result = cutout.cutout(tf.ones([300, 8, 6, 1]), **arguments).numpy()
    zeros = (result == 0).sum((1, 2, 3))
    # Half a side of 4 rows and the middle one of 3 columns at the very least.
    assert zeros.min() == 2 * 2
    assert zeros.max() == 4 * 3
