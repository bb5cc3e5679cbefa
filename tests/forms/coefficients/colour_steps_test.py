"""Colours that have a step of their own within a budget."""

import dataclasses

import numpy as np
import pytest

from fred_tf import assembly, config, forms
from fred_tf.forms import coded_budget
from fred_tf.forms.coded import CodedCoefficients
from fred_tf.forms.coded_content import Source
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet
from tests.forms.coefficients.coded_test import facts_of, size_of

FORM = CodedCoefficients()
BUDGET = 6_000
# Of the sum of the colours and of its differences.
DEVIATIONS = np.array([4.0, 1.0, 0.5])


@pytest.fixture(scope="module", params=["separate", "joint"])
def coloured(request, settings):
    """A memory of photographs, as far as their colours go, and its set."""
    random = np.random.default_rng(0)
    changes = {
        "parameterization.channels": request.param,
        "parameterization.coefficients_per_channel": 48,
    }
    made = config.replace(settings, changes)
    memory = assembly.parameterization(made, (8, 8, 3), 10)
    colours = DEVIATIONS * random.normal(size=(160, 8, 8, 3))
    matrix = np.array([[1, 1, 1], [1.5**0.5, 0, -(1.5**0.5)]])
    matrix = np.vstack([matrix, [0.5**0.5, -(2**0.5), 0.5**0.5]]) / 3**0.5
    images = (colours @ matrix).astype(np.float32)
    memory.adapt(images, np.repeat(np.arange(10), 16), seed=0)
    return memory, SyntheticSet(
        images=memory.decode().numpy(),
        labels=memory.labels,
        class_names=tuple("0123456789"),
        normalization=Standardize((0.5,) * 3, (0.25,) * 3),
        dataset="digits",
        floats_stored=memory.floats_stored,
    )


def errors_of(images, decoded) -> np.ndarray:
    """Root-mean-square errors of the sum of colours and of its differences."""
    errors = images - decoded.images
    sums = errors.sum(-1) / 3**0.5
    across = (errors[..., 0] - errors[..., 2]) / 2**0.5
    beside = errors @ np.array([1, -2, 1]) / 6**0.5
    return np.array([np.sqrt(np.mean(x**2)) for x in (sums, across, beside)])


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
