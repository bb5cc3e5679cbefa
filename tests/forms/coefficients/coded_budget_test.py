"""Levels within a budget, beside the nearest ones in as many bytes."""

import dataclasses

import numpy as np
import pytest

from fred_tf import forms
from fred_tf.forms import OverBudgetError, coded, coded_budget, coded_content
from fred_tf.forms.coded import CodedCoefficients
from fred_tf.forms.coded_content import Source
from tests.forms.coefficients.coded_test import error_of, facts_of, size_of

FORM = CodedCoefficients()
STEP = 2.0


@pytest.fixture(scope="module")
def trained(memory_of):
    return memory_of(step=STEP)


def sources(memory, decoded):
    """What is coded, and the same as if it had been trained without a step."""
    source = Source.of(decoded, memory)
    return source, dataclasses.replace(source, is_levels=False)


@pytest.mark.parametrize(
    ("budget", "most"), [(1200, 0.8), (1300, 0.8), (1500, 0.9), (1900, 1)]
)
def test_they_err_less_than_the_nearest_in_as_many_bytes(
    memory, decoded, budget, most
):
    """By most where most levels are 0, by little where they are many."""
    source, _ = sources(memory, decoded)
    nearest = coded_budget.within(source, budget, weights=(0.0,))
    found = coded_budget.within(source, budget)
    assert nearest.size <= budget and found.size <= budget
    assert found.error < most * nearest.error
    assert found.step < nearest.step
    assert coded_budget.within(source, budget) == found


def test_the_error_is_that_of_the_images(memory, decoded, tmp_path):
    found = coded_budget.within(sources(memory, decoded)[0], 1300)
    folder = FORM.write(decoded, memory, tmp_path / "set", budget_bytes=1300)
    assert size_of(folder) == found.size
    errors = forms.read(folder).images - decoded.images
    assert np.square(errors).sum() == pytest.approx(found.error, rel=1e-4)


@pytest.mark.parametrize("less", [10, 40, 150, 300])
def test_trained_levels_stay_but_for_some_that_are_not_worth_their_bits(
    trained, less
):
    memory, decoded = trained
    source, untrained = sources(memory, decoded)
    exact = coded_content.coded(source, STEP)
    assert exact.error == pytest.approx(0, abs=1e-3)
    found = coded_budget.within(source, exact.size - less)
    assert found.step == STEP
    assert found.size <= exact.size - less
    coarser = coded_budget.within(untrained, exact.size - less, weights=(0.0,))
    assert found.error < 0.7 * coarser.error


def test_another_step_is_taken_where_it_loses_less(memory_of):
    """Fine levels are hardly worth fewer bits than those next to them."""
    memory, decoded = memory_of(step=STEP / 8)
    source, untrained = sources(memory, decoded)
    budget = coded_content.coded(source, STEP / 8).size - 100
    found = coded_budget.within(source, budget)
    assert found.step > STEP / 8
    assert found == coded_budget.within(untrained, budget)


def test_a_budget_is_met_with_the_step_of_the_training(trained, tmp_path):
    memory, decoded = trained
    _, exact = coded.size_of(decoded, memory)
    folder = FORM.write(
        decoded, memory, tmp_path / "set", budget_bytes=exact - 20
    )
    assert facts_of(folder)["step"] == STEP
    assert exact - 40 < size_of(folder) <= exact - 20
    assert 0 < error_of(folder, decoded) < 0.15


def test_the_fewest_bytes_of_trained_levels_are_no_more_than_of_others(
    memory_of,
):
    """Of a step so coarse that no other has fewer levels."""
    source, untrained = sources(*memory_of(step=4 * STEP))
    least = []
    for each in (source, untrained):
        with pytest.raises(OverBudgetError) as refused:
            coded_budget.within(each, 900)
        least.append(refused.value.least)
    assert least[0] < least[1]
    found = coded_budget.within(source, least[0])
    assert (found.size, found.step) == (least[0], 4 * STEP)


def test_what_is_rounded_by_the_export_has_its_step_without_a_budget(
    memory_of, trained, tmp_path
):
    """The levels of which, and what is read back, are the training's."""
    memory, decoded = memory_of(step=STEP, rounded="export")
    exact = Source.of(decoded, memory)
    assert exact.usual_step == STEP and not exact.is_trained
    folder = FORM.write(decoded, memory, tmp_path / "set")
    through = FORM.write(trained[1], trained[0], tmp_path / "through")
    np.testing.assert_array_equal(
        forms.read(folder).images, forms.read(through).images
    )
    assert np.any(decoded.images != trained[1].images)
    within = FORM.write(
        decoded, memory, tmp_path / "within", budget_bytes=size_of(folder)
    )
    assert facts_of(within)["step"] != STEP
    assert error_of(within, decoded) <= error_of(folder, decoded)


def test_what_was_made_for_some_bytes_takes_them(memory_of, tmp_path):
    asked = {"step": STEP, "rounded": "export", "budget_bytes": 2_500}
    memory, decoded = memory_of(**asked)
    folder = FORM.write(decoded, memory, tmp_path / "set")
    assert 2_475 < size_of(folder) <= 2_500
    other = FORM.write(decoded, memory, tmp_path / "other", step=STEP)
    assert facts_of(other)["step"] == STEP
    less = FORM.write(decoded, memory, tmp_path / "less", budget_bytes=2_000)
    assert size_of(less) <= 2_000
