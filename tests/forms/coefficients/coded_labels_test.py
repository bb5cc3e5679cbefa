"""Learned labels in coded files: 8 bits, and float32 of earlier ones."""

import dataclasses
import zlib

import numpy as np
import pytest

from fred_tf import forms
from fred_tf.coding import labels
from fred_tf.forms.coded import CodedCoefficients
from fred_tf.parameterizations import Frequency, byte_budget
from tests.forms.coefficients.coded_damage_test import forge
from tests.forms.coefficients.coded_test import facts_of, parts_of, size_of

FORM = CodedCoefficients()


@pytest.fixture(params=["probabilities", "scores"])
def soft(request, decoded, generator):
    """The set of 160 images with labels, and what they are."""
    values = generator.normal(size=(160, 10)).astype(np.float32)
    if request.param == "probabilities":
        values = np.exp(values) / np.exp(values).sum(1, keepdims=True)
    return dataclasses.replace(
        decoded, soft_labels=values, label_kind=request.param
    )


def test_labels_take_a_byte_each(soft, memory, decoded, tmp_path):
    folder = FORM.write(soft, memory, tmp_path / "set")
    stored = zlib.decompress(parts_of(folder)["soft_labels"])
    levels, step = labels.quantize(soft.soft_labels, soft.label_kind)
    assert np.frombuffer(stored, np.int8).tolist() == levels.ravel().tolist()
    assert facts_of(folder)["label_step"] == step
    read = forms.read(folder)
    np.testing.assert_array_equal(
        read.soft_labels, labels.dequantize(levels, step, soft.label_kind)
    )
    assert read.label_kind == soft.label_kind
    np.testing.assert_allclose(read.soft_labels, soft.soft_labels, atol=0.02)
    more = size_of(folder) - size_of(
        FORM.write(decoded, memory, tmp_path / "hard")
    )
    assert 1_300 < more < 1_750  # Of 1,600; names and a step besides.


def as_before(folder, soft):
    """Makes a file what it was before labels were rounded."""
    raw = soft.soft_labels.tobytes()
    forge(
        folder,
        {},
        {"soft_labels": lambda stored: zlib.compress(raw)},
        coding=1,
    )


def test_files_with_labels_of_float32_are_read(
    soft, memory, example_of, tmp_path
):
    folder = FORM.write(soft, memory, tmp_path / "set")
    images = forms.read(folder).images
    as_before(folder, soft)
    read = forms.read(folder)
    np.testing.assert_array_equal(read.soft_labels, soft.soft_labels)
    np.testing.assert_array_equal(read.images, images)
    (image, label), *_ = example_of("decode_coded").images_of(folder).take(1)
    np.testing.assert_allclose(image, images[0], atol=2e-6)
    assert int(label) == 0


@pytest.mark.parametrize(
    ("changes", "parts", "coding", "message"),
    [
        ({"label_step": 0}, {}, 2, "`label_step` must be a number"),
        ({"label_step": None}, {}, 2, "`label_step` must be a finite"),
        ({"label_step": 1e300}, {}, 2, "`label_step` must be a number"),
        ({"label_kind": "guesses"}, {}, 2, "`label_kind` must be one of"),
        # Each version has its own size.
        ({}, {}, 1, r"soft_labels \(160, 10\) must take 6400 bytes"),
        (
            {},
            {"soft_labels": lambda stored: zlib.compress(bytes(6400))},
            2,
            r"soft_labels \(160, 10\) must take 1600 bytes",
        ),
    ],
)
def test_labels_of_others_are_within_bounds(
    soft, memory, tmp_path, changes, parts, coding, message
):
    folder = FORM.write(soft, memory, tmp_path / "set")
    forge(folder, changes, parts, coding=coding)
    with pytest.raises(ValueError, match=message):
        FORM.read(folder)


def test_budgets_count_what_files_take():
    settings = Frequency.Settings(
        coefficients_per_channel=16, step=1.0, labels="scores"
    )
    plain = dataclasses.replace(settings, labels="fixed")
    each, without = (
        byte_budget.bytes_of(x, (8, 8, 1), 10)[1] for x in (settings, plain)
    )
    assert each - without == 10
    memory, other = (Frequency((8, 8, 1), 10, 16, x) for x in (settings, plain))
    told, bare = (x.penalty()[1]["rate_bytes"] for x in (memory, other))
    assert float(told - bare) == 1_600
