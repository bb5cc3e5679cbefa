"""A memory that was trained through a step is stored as it was trained."""

import numpy as np
import pytest

from fred_tf import forms
from fred_tf.forms import OverBudgetError, coded
from fred_tf.forms.coded import CodedCoefficients
from fred_tf.parameterizations import Frequency
from tests.forms.coefficients.coded_test import facts_of, size_of

FORM = CodedCoefficients()
STEP = 1.3


@pytest.fixture(scope="module")
def trained(memory_of):
    return memory_of(step=STEP)


@pytest.mark.parametrize("channels", ["separate", "joint"])
@pytest.mark.parametrize("step", [0.37, STEP, 5.0])
def test_it_comes_back_bit_for_bit(memory_of, tmp_path, channels, step):
    memory, decoded = memory_of(step=step, channels=channels)
    written = FORM.write(decoded, memory, tmp_path / "set")
    assert facts_of(written)["step"] == step
    np.testing.assert_array_equal(forms.read(written).images, decoded.images)
    assert coded.size_of(decoded, memory) == (step, size_of(written))


@pytest.mark.parametrize("norm", ["none", "ortho"])
@pytest.mark.parametrize("channels", ["separate", "joint"])
def test_colours_come_back_bit_for_bit(
    generator, coloured_set, tmp_path, channels, norm
):
    """A file holds the sum and differences of separate ones."""
    settings = Frequency.Settings(
        coefficients_per_channel=16,
        mask_rule="energy",
        channels=channels,
        norm=norm,
        step=0.7,
    )
    memory = Frequency((8, 8, 3), 10, 4, settings)
    images = generator.normal(size=(80, 8, 8, 3)).astype(np.float32)
    memory.adapt(images, np.repeat(np.arange(10), 8), seed=0)
    decoded = coloured_set(memory)
    written = FORM.write(decoded, memory, tmp_path / "set")
    np.testing.assert_array_equal(forms.read(written).images, decoded.images)


def test_other_forms_hold_the_same_images(trained, tmp_path):
    memory, decoded = trained
    for name in ("coefficients_float32", "memory.keras", "images_float32"):
        form = next(f for f in forms.FORMS.values() if f.path == name)
        again = form.read(form.write(decoded, memory, tmp_path / name))
        np.testing.assert_allclose(again.images, decoded.images, atol=1e-6)


def test_facts_do_not_say_how_it_was_trained(trained, tmp_path):
    """They would round twice."""
    written = FORM.write(trained[1], trained[0], tmp_path / "set")
    assert "step" not in facts_of(written)["parameterization"]


def test_a_budget_takes_the_step_of_the_training_if_it_fits(trained, tmp_path):
    memory, decoded = trained
    _, exact = coded.size_of(decoded, memory)
    for more in (0, 5_000):
        assert coded.size_of(decoded, memory, None, exact + more) == (
            STEP,
            exact,
        )
    assert coded.size_of(decoded, memory, None, exact - 100)[1] <= exact - 100
    with pytest.raises(OverBudgetError, match="must be at least"):
        coded.size_of(decoded, memory, None, 500)


def test_another_step_may_still_be_asked_for(trained, tmp_path):
    memory, decoded = trained
    written = FORM.write(decoded, memory, tmp_path / "set", step=2 * STEP)
    assert facts_of(written)["step"] == 2 * STEP


def test_more_levels_than_a_file_has_are_coded_coarser(memory_of):
    memory, decoded = memory_of(step=0.001)
    step, _ = coded.size_of(decoded, memory)
    assert step > 0.001
