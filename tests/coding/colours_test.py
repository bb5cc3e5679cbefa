"""Steps of colours, beside hand-computed ones."""

import numpy as np
import pytest

from fred_tf.coding import colours


def test_steps_are_as_the_root_of_deviations():
    """The fourth root of energies, to a geometric mean of 1."""
    found = colours.scales([16.0, 1.0, 1.0])
    assert found == pytest.approx((1.59, 0.794, 0.794), abs=1e-3)
    assert np.prod(found) == pytest.approx(1, abs=0.01)
    assert colours.scales([81.0, 1.0]) == (1.73, 0.577)


def test_units_do_not_matter_and_the_only_colour_is_left_alone():
    assert colours.scales([16e6, 1e6, 1e6]) == colours.scales([16, 1, 1])
    assert colours.scales([7.0]) == (1.0,)
    assert colours.scales([0.0, 0.0, 0.0]) == (1.0, 1.0, 1.0)


def test_a_colour_that_is_not_there_asks_for_no_step_of_its_own():
    found = colours.scales([5.0, 0.0, 1e-30])
    assert found[1] == found[2] >= 1 / colours.MOST
    assert found[0] == colours.MOST
