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
def coloured(request, settings, coloured_set):
    """A memory of photographs, as far as their colours go, and its set."""
    random = np.random.default_rng(0)
    changes = {
        "parameterization.channels": request.param,
        "parameterization.coefficients_per_channel": 48,
    }
    made = config.replace(settings, changes)
    memory = assembly.parameterization(made, (8, 8, 3), 10)
    colours = DEVIATIONS * random.normal(size=(160, 8, 8, 3))
    images = (colours @ COLOURS).astype(np.float32)
    memory.adapt(images, np.repeat(np.arange(10), 16), seed=0)
    return memory, coloured_set(memory)


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
