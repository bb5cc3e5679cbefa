"""Colours that have a step of their own within a budget."""

import dataclasses

import numpy as np
import pytest

from fred_tf import assembly, config, forms
from fred_tf.forms import coded_budget
from fred_tf.forms.coded import CodedCoefficients
from fred_tf.forms.coded_content import Source
from tests.forms.coefficients.coded_test import facts_of, size_of

FORM = CodedCoefficients()
BUDGET = 6_000
# The sum of three channels and their differences, and how much each varies.
COLOURS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt(
    [[3], [2], [6]]
)
DEVIATIONS = np.array([4.0, 1.0, 0.5])


@pytest.fixture(scope="module", params=["separate", "joint"])
def coloured_of(request, settings, coloured_set):
    """Takes settings; returns a memory of photographs, and its set.

    As far as their colours go.
    """

    def make(**section):
        random = np.random.default_rng(0)
        section["channels"] = request.param
        section["coefficients_per_channel"] = 48
        changes = {f"parameterization.{k}": v for k, v in section.items()}
        made = config.replace(settings, changes)
        memory = assembly.parameterization(made, (8, 8, 3), 10)
        colours = DEVIATIONS * random.normal(size=(160, 8, 8, 3))
        images = (colours @ COLOURS).astype(np.float32)
        memory.adapt(images, np.repeat(np.arange(10), 16), seed=0)
        return memory, coloured_set(memory)

    return make


@pytest.fixture(scope="module")
def coloured(coloured_of):
    return coloured_of()


def errors_of(images, decoded) -> np.ndarray:
    """Returns the root-mean-square error of each colour."""
    errors = (images - decoded.images) @ COLOURS.T
    return np.sqrt(np.mean(errors**2, axis=(0, 1, 2)))


def test_what_varies_more_errs_more_in_as_many_bytes(
    coloured, example_of, tmp_path
):
    memory, decoded = coloured
    folder = FORM.write(decoded, memory, tmp_path / "set", budget_bytes=BUDGET)
    assert 0.97 * BUDGET < size_of(folder) <= BUDGET
    scales = facts_of(folder)["channel_scales"]
    assert scales == sorted(scales, reverse=True) and len(scales) == 3
    read = forms.read(folder)
    sums, across, beside = errors_of(read.images, decoded)
    assert sums > 1.2 * across > 1.44 * beside
    example = example_of("decode_coded")
    images, _ = zip(*example.images_of(folder).as_numpy_iterator())
    np.testing.assert_allclose(np.stack(images), read.images, atol=2e-6)


def test_the_error_is_in_units_of_the_steps(coloured, tmp_path):
    memory, decoded = coloured
    source = Source.of(decoded, memory).by_colour()
    found = coded_budget.within(source, BUDGET)
    folder = FORM.write(decoded, memory, tmp_path / "set", budget_bytes=BUDGET)
    errors = errors_of(forms.read(folder).images, decoded)
    pixels = decoded.images[..., 0].size
    weighted = pixels * np.square(errors / source.scales).sum()
    assert weighted == pytest.approx(found.error, rel=1e-3)


def test_without_a_budget_and_through_a_step_all_have_the_same(
    coloured, tmp_path
):
    memory, decoded = coloured
    folder = FORM.write(decoded, memory, tmp_path / "set", step=0.5)
    assert "channel_scales" not in facts_of(folder)
    levels = dataclasses.replace(Source.of(decoded, memory), is_levels=True)
    assert levels.by_colour() is levels


@pytest.mark.parametrize("budget_bytes", [None, 20_000])
def test_levels_of_colours_come_back_bit_for_bit(
    coloured_of, example_of, tmp_path, budget_bytes
):
    memory, decoded = coloured_of(step=0.6, steps="by_colour")
    folder = tmp_path / "set"
    FORM.write(decoded, memory, folder, budget_bytes=budget_bytes)
    said = facts_of(folder)
    assert said["step"] == 0.6 and len(set(said["channel_scales"])) == 3
    np.testing.assert_array_equal(forms.read(folder).images, decoded.images)
    images, _ = zip(*example_of("decode_coded").images_of(folder))
    np.testing.assert_allclose(np.stack(images), decoded.images, atol=2e-6)


def test_an_export_that_rounds_has_the_steps_that_were_counted(
    coloured_of, tmp_path
):
    memory, decoded = coloured_of(
        step=0.6, steps="by_colour", rounded="export", budget_bytes=6_000
    )
    said = facts_of(FORM.write(decoded, memory, tmp_path / "set"))
    np.testing.assert_allclose(said["channel_scales"], memory.step_scales)


@pytest.mark.parametrize("wrong", [[1, 1], [1, 1, 5], [1, 1, 0], "111"])
def test_colours_without_a_scale_are_refused(
    coloured, example_of, tmp_path, monkeypatch, wrong
):
    memory, decoded = coloured
    source = Source.of(decoded, memory)
    forged = {**source.said, "channel_scales": wrong}
    forged = dataclasses.replace(source, said=forged)
    monkeypatch.setattr(Source, "of", lambda *_: forged)
    folder = FORM.write(decoded, memory, tmp_path / "set", step=0.5)
    with pytest.raises(ValueError, match="channel_scales"):
        forms.read(folder)
    with pytest.raises((ValueError, TypeError), match="scale|str"):
        example_of("decode_coded").images_of(folder)
