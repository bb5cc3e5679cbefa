"""Coded files that are damaged, of others, or claim more than they hold."""

import gzip
import json
import zlib

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import forms
from fred_tf.disk import files, records
from fred_tf.forms import manifest
from fred_tf.forms.coded import FACTS, CodedCoefficients
from fred_tf.forms.frequencies import SHARD

FORM = CodedCoefficients()


@pytest.fixture
def coded(memory, decoded, tmp_path):
    return FORM.write(decoded, memory, tmp_path / "coded")


def forge(folder, changes=None, parts=None, **said):
    """Changes facts, parts of the record or the manifest, and seals all."""
    if changes is not None:
        facts = json.loads(gzip.decompress((folder / FACTS).read_bytes()))
        text = json.dumps({**facts, **changes}).encode()
        (folder / FACTS).write_bytes(gzip.compress(text))
    if parts is not None:
        path = str(folder / SHARD)
        (record,) = tf.data.TFRecordDataset(path).as_numpy_iterator()
        example = tf.train.Example.FromString(record)
        for name, part in parts.items():
            stored = example.features.feature[name].bytes_list.value
            stored[:] = [] if part is None else [part(stored[0])]
        with tf.io.TFRecordWriter(path) as writer:
            writer.write(example.SerializeToString())
    path = folder / manifest.NAME
    values = json.loads(path.read_text())
    for name in values["files"]:
        values["files"][name]["sha256"] = files.sha256(folder / name)
    path.write_text(json.dumps(records.seal({**values, **said})))


def inflated(change):
    """Makes a change of what zlib has compressed one of what it stored."""
    return lambda stored: zlib.compress(change(zlib.decompress(stored)))


def both_refuse(folder, example, message):
    with pytest.raises(ValueError, match=message) as raised:
        FORM.read(folder)
    assert str(folder) in str(raised.value)
    # The example may say less, but it must not decode.
    with pytest.raises((ValueError, LookupError, TypeError, zlib.error)):
        example.images_of(folder)


def test_no_flipped_bit_is_read_as_another_set(
    small_memory, small_set, example_of, survivors_of, tmp_path
):
    """Every byte of every file: refused by name."""
    folder = FORM.write(small_set, small_memory, tmp_path / "set", step=0.25)
    whole, example = FORM.read(folder), example_of("decode_coded")
    assert not survivors_of(FORM, folder, example, whole)


def test_no_shorter_file_is_read(
    small_memory, small_set, monkeypatch, tmp_path
):
    """Cut anywhere, and sealed again by whoever cut it."""
    folder = FORM.write(small_set, small_memory, tmp_path / "set", step=0.25)
    for name, every in ((FACTS, 11), (SHARD, 1)):
        whole = (folder / name).read_bytes()
        for length in range(0, len(whole), every):
            (folder / name).write_bytes(whole[:length])
            forge(folder)
            with pytest.raises(ValueError, match="must hold what it says"):
                FORM.read(folder)
        (folder / name).write_bytes(whole)
    forge(folder)
    FORM.read(folder)


@pytest.mark.parametrize("cut", [slice(4, None), slice(-4), slice(1, None)])
def test_a_stream_that_lacks_a_word_is_refused(coded, example_of, cut):
    forge(coded, parts={"levels": lambda stored: stored[cut]})
    both_refuse(coded, example_of("decode_coded"), "A stream must|nvalid")


@pytest.mark.parametrize("kind", ["delete", "empty", "flip", "link"])
@pytest.mark.parametrize("name", [FACTS, SHARD])
def test_damage_is_named(coded, damage, kind, name):
    damage[kind](coded / name)
    with pytest.raises(ValueError, match=name):
        forms.read(coded)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"format_version": 5}, "`format_version` .* must be 4 .*: 5"),
        ({"coding": 4}, "`coding` must be an integer from 1 to 3. Rec.* 4"),
        ({"coding": None}, "`coding` must be an integer from 1 to 3"),
        ({"kind": "coefficients"}, "coded is wanted. Received: .* of coeff"),
    ],
)
def test_another_version_is_refused(coded, example_of, said, message):
    forge(coded, **said)
    both_refuse(coded, example_of("decode_coded"), message)


def test_a_manifest_without_its_files_is_refused(coded):
    for name in (FACTS, SHARD):
        path = coded / manifest.NAME
        before = path.read_text()
        values = json.loads(before)
        del values["files"][name]
        (coded / name).rename(coded / "aside")
        path.write_text(json.dumps(records.seal(values)))
        with pytest.raises(ValueError, match=f"it names no {name}"):
            FORM.read(coded)
        (coded / "aside").rename(coded / name)
        path.write_text(before)


# The memory has 16 instances of 16 coefficients in images [8, 8, 1].
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instances_per_class": 15}, "A stream must end with"),
        ({"instances_per_class": 17}, "A stream must end|nvalid"),
        ({"instances_per_class": 10**8}, "bytes must decode to at most"),
        ({"instances_per_class": 10**30}, "`instances_per_class` must be"),
        ({"instances_per_class": -1}, "`instances_per_class` must be an int"),
        ({"image_shape": [2048, 2048, 1]}, "must decode to at most"),
        ({"image_shape": [2**22, 1, 1]}, "sizes of at most 4096"),
        ({"image_shape": [4, 4, 1]}, "masks .* must take 20 bytes"),
        ({"image_shape": [8, 8, 2]}, "spreads .* must take"),
        ({"class_names": ["0"]}, "masks .* must take 8 bytes"),
        ({"class_names": None}, "`class_names` must be a list"),
        ({"largest_level": 0}, "`largest_level` must be an integer from 1"),
        ({"largest_level": 1024}, "`largest_level` must be an integer fr"),
        ({"largest_level": 2**40}, "`largest_level` must be an integer fr"),
        ({"largest_level": "7"}, "`largest_level` must be an integer from"),
        ({"step": 0}, "`step` must be a number from 1e-30"),
        ({"step": -1}, "`step` must be a number from"),
        ({"step": 1e300}, "`step` must be a number from"),
        ({"step": "1"}, "`step` must be a finite number"),
        ({"step": None}, "`step` must be a finite number"),
        (
            {"parameterization": {"coefficients_per_channel": 15}},
            "every class must keep 15 positions",
        ),
        ({"parameterization": {"transform": "evil"}}, "`transform` must be"),
        ({"normalization": {"name": "pca"}}, "`normalization` must be one"),
        ({"details": []}, "`details` must be a JSON object"),
        ({"student_learning_rate": "fast"}, "`student_learning_rate` must"),
    ],
)
def test_claims_that_bytes_do_not_bear_out_are_refused(coded, changes, message):
    """Before anything of the claimed size is made."""
    forge(coded, changes)
    with pytest.raises(ValueError, match=message) as raised:
        FORM.read(coded)
    assert str(coded) in str(raised.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"masks": None}, "IndexError"),
        ({"levels": None}, "IndexError"),
        ({"levels": lambda stored: b""}, "A stream must|nvalid"),
        ({"levels": lambda stored: stored[:8]}, "A stream must|nvalid"),
        ({"levels": lambda stored: bytes(8)}, "A stream must|nvalid"),
        ({"levels": lambda stored: stored + bytes(4)}, "A stream mu|nvalid"),
        ({"masks": inflated(lambda raw: bytes(2**24))}, "must take 80 bytes"),
        ({"masks": inflated(lambda raw: raw[:-1])}, "must take 80 bytes"),
        (
            {"masks": inflated(lambda raw: b"\xff" * len(raw))},
            "every class must keep 16 positions",
        ),
        (
            {"masks": inflated(lambda raw: bytes(len(raw)))},
            "every class must keep 16 positions",
        ),
        ({"spreads": inflated(lambda raw: raw + b"\0")}, "must take"),
        ({"spreads": inflated(lambda raw: b"")}, "must take"),
        (
            {"spreads": inflated(lambda raw: b"\x40" + raw[1:])},
            "spreads must be below 64, not 64",
        ),
        ({"spreads": lambda stored: b"no zlib"}, "error"),
    ],
)
def test_records_of_others_are_within_bounds(coded, example_of, parts, message):
    forge(coded, parts=parts)
    both_refuse(coded, example_of("decode_coded"), message)


def test_facts_that_unpack_to_more_than_they_may_are_refused(coded, example_of):
    """A few bytes may stand for gigabytes: no more is unpacked than may be."""
    (coded / FACTS).write_bytes(gzip.compress(bytes(2**24 + 1)))
    forge(coded)
    both_refuse(coded, example_of("decode_coded"), "one text of at most")
    for other in (b"", b"no gzip", gzip.compress(b"[]"), gzip.compress(b"{")):
        (coded / FACTS).write_bytes(other)
        forge(coded)
        with pytest.raises(ValueError, match=str(coded)):
            FORM.read(coded)


def test_two_records_are_refused(coded):
    whole = (coded / SHARD).read_bytes()
    (coded / SHARD).write_bytes(whole * 2)
    forge(coded)
    with pytest.raises(ValueError, match="2 records are of a set"):
        FORM.read(coded)


@pytest.mark.parametrize("step", [1e-30, 1e30])
def test_levels_of_others_stay_numbers(coded, step):
    forge(coded, {"step": step})
    assert np.isfinite(FORM.read(coded).images).all()
