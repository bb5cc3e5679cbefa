"""Steps of colours, beside hand-computed ones."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.coding import colours


def scales(energies):
    return colours.scales(np.float32(energies)).numpy()


def test_steps_are_as_the_root_of_deviations():
    """The fourth root of energies, to a geometric mean of 1."""
    found = scales([16.0, 1.0, 1.0])
    assert found == pytest.approx((1.587, 0.794, 0.794), abs=1e-6)
    assert np.prod(found) == pytest.approx(1, abs=0.01)
    assert scales([81.0, 1.0]) == pytest.approx((1.732, 0.577), abs=1e-6)


def test_units_do_not_matter_and_the_only_colour_is_left_alone():
    assert np.all(scales([16e6, 1e6, 1e6]) == scales([16, 1, 1]))
    assert scales([7.0]) == 1
    assert np.all(scales([0.0, 0.0, 0.0]) == 1)


def test_a_colour_that_is_not_there_asks_for_no_step_of_its_own():
    found = scales([5.0, 0.0, 1e-30])
    assert found[1] == found[2] >= 1 / colours.MOST
    assert found[0] == colours.MOST


def test_compiled_scales_are_those_that_a_file_says(generator):
    energies = generator.uniform(1, 100, size=3).astype(np.float32)
    compiled = tf.function(colours.scales, jit_compile=True)(energies).numpy()
    said = scales(energies).astype(float).round(colours.DECIMALS)
    np.testing.assert_allclose(compiled, np.float32(said), rtol=1e-6)
    np.testing.assert_array_equal(scales(energies), np.float32(said))


@pytest.mark.parametrize("channels", [1, 3], ids=["joint", "separate"])
def test_energies_are_those_of_each_colour(channels, generator):
    # Joint channels are the last axis: position 3 x + c is of colour c.
    table = np.array([[0, 4, 5], [2, 3, 7]], np.int32)
    values = generator.normal(size=(2, 5, 3, channels)).astype(np.float32)
    found = colours.energies(values, table, 3).numpy()
    wanted = np.zeros(3)
    for label, row in enumerate(table):
        for place, position in enumerate(row):
            for channel in range(channels):
                colour = position % 3 if channels == 1 else channel
                part = values[label, :, place, channel]
                wanted[colour] += np.sum(part**2)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
