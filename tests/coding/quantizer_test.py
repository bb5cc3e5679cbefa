import numpy as np
import pytest
import scipy.fft
import tensorflow as tf

from fred_tf.coding import quantizer
from fred_tf.coding.entropy_model import MOST_LEVEL
from fred_tf.parameterizations import Frequency


@pytest.fixture
def units(generator):
    return 10.0 ** generator.uniform(-2, 3, (2, 7))


@pytest.fixture
def values(generator, units):
    made = 5 * generator.normal(size=(2, 6, 7, 3)) * units[:, None, :, None]
    return made.astype(np.float32)


def test_levels_are_the_nearest(values, units):
    """Of the channels' DCT, which SciPy knows."""
    levels = quantizer.levels(values, units, 0.5)
    assert levels.dtype == tf.int32
    exact = scipy.fft.dct(values / units[:, None, :, None], norm="ortho") / 0.5
    assert np.abs(levels.numpy() - exact).max() <= 0.5 + 1e-4
    again = quantizer.coefficients(levels, units, 0.5)
    assert again.dtype == tf.float32
    expected = 0.5 * scipy.fft.idct(np.float64(levels), norm="ortho")
    np.testing.assert_allclose(
        again / units[:, None, :, None], expected, atol=1e-4
    )
    # What is rounded already stays.
    np.testing.assert_array_equal(quantizer.levels(again, units, 0.5), levels)


@pytest.mark.parametrize("channels", ["separate", "joint"])
@pytest.mark.parametrize(
    ("transform", "norm"),
    [("dct", "none"), ("dct", "ortho"), ("dft", "none"), ("haar", "none")],
)
def test_images_err_by_the_step_alone(generator, transform, norm, channels):
    """Whatever the transform: step^2 / 12 for each coefficient."""
    if (transform, channels) == ("haar", "joint"):
        pytest.skip("Three colours have no half.")
    settings = Frequency.Settings(
        coefficients_per_channel=20,
        transform=transform,
        norm=norm,
        channels=channels,
    )
    memory = Frequency((8, 8, 3), 2, 50, settings)
    images = 4 * generator.normal(size=(100, 8, 8, 3)).astype(np.float32)
    memory.adapt(images, memory.labels, 0)
    shape = [2, 50, *memory.values.shape[1:]]
    values = tf.reshape(memory.values.value, shape)
    step, before = 1.5, memory.decode()
    levels = quantizer.levels(values, memory.units, step)
    coarse = quantizer.coefficients(levels, memory.units, step)
    memory.values.assign(tf.reshape(coarse, memory.values.shape))
    errors = (memory.decode() - before).numpy().reshape(100, -1)
    squared = (errors**2).sum(1) / (20 * 3)
    assert quantizer.step_of_error(squared.mean()) == pytest.approx(
        step, rel=0.03
    )


def test_the_least_step_has_a_level_for_all(values, units):
    step = quantizer.least_step(quantizer.orthonormal(values, units).numpy())
    for factor, fits in ((1, True), (0.99, False)):
        levels = quantizer.levels(values, units, factor * step)
        assert (np.abs(levels).max() <= MOST_LEVEL) == fits
