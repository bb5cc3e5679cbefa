import numpy as np
import pytest
import tensorflow as tf

from fred_tf.parameterizations import rounding


@pytest.fixture
def values(generator):
    """Coefficients whose magnitudes differ as those of images do."""
    sizes = np.float32(10.0) ** np.arange(-3, 4)
    made = generator.normal(size=(2, 5, 7, 3)).astype(np.float32)
    return made * sizes[:, None]


@pytest.mark.parametrize("bits", range(2, 9))
def test_levels_are_the_nearest_that_the_bits_hold(values, bits):
    levels, scales = rounding.quantize(values, bits)
    assert levels.dtype == tf.int8
    assert scales.shape == (2, 7)
    largest = 2 ** (bits - 1) - 1
    assert np.abs(levels).max() == largest
    wide = np.asarray(scales, np.float64)[:, None, :, None]
    error = np.abs(np.asarray(levels) * wide - values)
    # Half a step, and what is lost where bfloat16 rounds the scale down.
    assert np.all(error <= wide * (0.5 + largest / 256))
    again = rounding.dequantize(levels, scales)
    np.testing.assert_array_equal(again, np.float32(np.asarray(levels) * wide))


def test_rounding_twice_is_rounding_once(values):
    once = rounding.dequantize(*rounding.quantize(values, 8))
    twice = rounding.dequantize(*rounding.quantize(once, 8))
    np.testing.assert_allclose(twice, once, rtol=2**-7)


def test_a_coefficient_that_is_zero_everywhere_stays_zero(values):
    values[0, :, 3] = 0
    levels, scales = rounding.quantize(values, 4)
    assert scales[0, 3] == 0
    assert not np.any(rounding.dequantize(levels, scales)[0, :, 3])


@pytest.mark.parametrize("bits", [1, 9, -4])
def test_other_widths_are_refused(bits):
    with pytest.raises(ValueError, match=f"2 to 8. Received: {bits}"):
        rounding.check_bits(bits)
