import numpy as np
import pytest
import tensorflow as tf

from fred_tf.normalizations import Standardize

STANDARDIZE = Standardize((0.1, 0.2, 0.5), (0.5, 0.25, 2.0))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_is_the_formula_in_unit_range_and_leaves_its_input(dtype, generator):
    bytes_ = generator.integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)
    images = bytes_ if dtype == np.uint8 else (bytes_ / 255).astype(dtype)
    before = images.copy()
    found = STANDARDIZE(images)
    np.testing.assert_array_equal(images, before)
    assert found.dtype == np.float32
    expected = (bytes_ / 255 - STANDARDIZE.mean) / STANDARDIZE.deviation
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    tensor = STANDARDIZE(tf.constant(images))
    assert isinstance(tensor, tf.Tensor)
    np.testing.assert_allclose(tensor, found, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        STANDARDIZE.undo(found), bytes_ / 255, rtol=1e-5, atol=1e-6
    )


def test_fits_mean_and_deviation_of_each_channel(generator):
    images = generator.random((50, 4, 6, 3)).astype(np.float32)
    fitted = Standardize.fit(images)
    np.testing.assert_allclose(fitted.mean, images.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(
        fitted.deviation, images.std((0, 1, 2)), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("mean", "deviation", "message"),
    [
        ((0.1,), (0.5, 0.5), "one value per channel"),
        ((0.1,), (0.0,), "positive in every channel"),
        ((float("nan"),), (1.0,), "must be finite"),
        ((0.5,), (1e-50,), "positive in every channel"),
        ((1e50,), (1.0,), "must be finite"),
        ((), (), "positive in every channel"),
    ],
)
def test_refuses_constants_that_cannot_be(mean, deviation, message):
    with pytest.raises(ValueError, match=message):
        Standardize(mean, deviation)


def test_no_constant_level_has_a_deviation():
    """Rounding leaves some of them 1e-8, which would divide by nothing."""
    for level in range(256):
        images = np.full((100, 6, 5, 1), level, np.uint8)
        with pytest.raises(ValueError, match="are alike"):
            Standardize.fit(images)
    images[0, 0, 0] = 254
    assert Standardize.fit(images).deviation[0] > 0
