"""Memories through records of coefficients."""

import dataclasses
import json

import numpy as np
import pytest

from fred_tf import config
from fred_tf.forms import manifest
from fred_tf.forms.coefficients import STORAGES, Coefficients

# Errors of images with unit deviation; the first storage keeps every bit.
LARGEST = {
    "float32": 0.0,
    "float16": 2e-3,
    "int8": 0.03,
    "int6": 0.12,
    "int4": 0.6,
}


@pytest.mark.parametrize("storage", STORAGES)
def test_round_trip_is_as_close_as_the_storage(
    memory, decoded, assert_same, tmp_path, storage
):
    folder = Coefficients(storage).write(decoded, memory, tmp_path / "set")
    read = Coefficients().read(folder)
    error = np.abs(read.images - decoded.images).max()
    assert error <= LARGEST[storage]
    assert (error > 0) == (storage != "float32")
    assert_same(read, decoded, images=False)


@pytest.mark.parametrize(
    ("bits", "storage"), [(8, "int8"), (4, "int4"), (4, "float32"), (6, "int8")]
)
def test_a_memory_of_few_bits_loses_nothing_more(
    memory_of, tmp_path, bits, storage
):
    """What was distilled through the rounding is what is stored."""
    memory, expected = memory_of(bits=bits)
    folder = Coefficients(storage).write(expected, memory, tmp_path / "set")
    # A level of 8 bits lies within 1/254 of each level of 6.
    tolerance = 0.03 if bits == 6 else 1e-5
    np.testing.assert_allclose(
        Coefficients().read(folder).images, expected.images, atol=tolerance
    )


def test_records_of_levels_are_small(memory, decoded, shard, tmp_path):
    """At equal content fewer bits take fewer bytes, without packing."""
    sizes = []
    for storage in ("float32", "float16", "int8", "int6", "int4"):
        folder = Coefficients(storage).write(
            decoded, memory, tmp_path / storage
        )
        sizes.append(shard(folder).stat().st_size)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < 0.45 * sizes[0]


def test_the_manifest_says_what_it_is_and_where_it_is_from(
    memory, decoded, settings, tmp_path
):
    details = {"config": config.to_json(settings)}
    made = dataclasses.replace(decoded, details=details)
    folder = Coefficients("int4").write(made, memory, tmp_path / "set")
    facts = json.loads((folder / manifest.NAME).read_text())
    assert facts["description"].startswith("160 synthetic images that stand")
    assert (
        "16 coefficients of the transform 'dct' as int4"
        in (facts["description"])
    )
    assert "digits, whose terms apply: Creative Commons" in facts["license"]
    assert facts["homepage"] == "https://arxiv.org/abs/2311.08819"
    for identifier in ("2311.08819", "2110.04181", "2102.08259"):
        assert identifier in facts["citation"]


def test_scales_keep_large_values_within_float16(memory, decoded, tmp_path):
    before = memory.values.numpy()
    try:
        memory.values.assign(before * 1e6)
        folder = Coefficients("float16").write(
            decoded, memory, tmp_path / "set"
        )
    finally:
        memory.values.assign(before)
    np.testing.assert_allclose(
        Coefficients().read(folder).images, 1e6 * decoded.images, atol=2e3
    )


def test_unknown_storages_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'int8'"):
        Coefficients("in8")
