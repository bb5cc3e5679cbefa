"""Folders that somebody made to be read by us: data, whatever they say."""

import json
import struct
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from fred_tf import forms
from fred_tf.disk import files, records
from fred_tf.forms import manifest
from fred_tf.forms.images import Images


def sign(folder):
    """Makes the manifest of what a folder now holds, as its author would."""
    path = folder / manifest.NAME
    said = json.loads(path.read_text())
    for name, entry in said["files"].items():
        entry["sha256"] = files.sha256(folder / name)
    path.write_text(json.dumps(records.seal(said)))


def edit(folder, name, change):
    path = folder / name
    said = json.loads(path.read_text())
    change(said)
    path.write_text(json.dumps(said))
    sign(folder)


NINE = b"".join(b"\n%d" % number for number in range(9)) + b"\n"


def features(said):
    return said["featuresDict"]["features"]


@pytest.fixture
def pictures(synthetic_set, tmp_path):
    """The same set as PNG pictures, within the range of pictures."""
    tame = dict(vars(synthetic_set))
    tame["images"] = np.clip(synthetic_set.images, -3, 3)
    path = tmp_path / "pictures"
    return Images("png").write(type(synthetic_set)(**tame), None, path)


@pytest.mark.parametrize("name", ["image", "label", None])
def test_no_class_that_features_name_is_imported(
    folder, tmp_path, monkeypatch, name
):
    """TFDS imports it; `python -m` has the working folder on its path."""
    source = 'import pathlib\npathlib.Path("ran").touch()\nclass Evil: pass\n'
    (tmp_path / "visitor.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("visitor", None)
    monkeypatch.chdir(tmp_path)

    def change(said):
        there = features(said)[name] if name else said
        there["pythonClassName"] = "visitor.Evil"

    edit(folder, "features.json", change)
    with pytest.raises(
        ValueError, match="features.json must describe .* as TF"
    ):
        forms.read(folder)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(Exception):  # noqa: B017 Whatever TFDS makes of it.
        tfds.builder_from_directory(str(folder)).as_dataset()
    assert (tmp_path / "ran").exists()


def test_tfds_is_not_asked(folder, monkeypatch, synthetic_set, assert_same):
    for name in ("builder_from_directory", "load", "as_numpy"):
        monkeypatch.setattr(tfds, name, None)
    monkeypatch.setattr(tfds.features.FeatureConnector, "from_config", None)
    assert_same(forms.read(folder), synthetic_set)


def shape_of(*sizes):
    def change(said):
        shape = features(said)["image"]["tensor"]["shape"]
        shape["dimensions"] = list(sizes)
        if len(sizes) == 3:  # Else there is none, as of volumes.
            picture = features(said)["picture"]["image"]["shape"]
            picture["dimensions"] = list(sizes)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shape_of("100000", "100000", "3"), "`image_shape` must be a shape"),
        (shape_of("4194304", "1", "1"), "sizes of at most 4096"),
        (shape_of("8", "8", "3"), "InvalidArgumentError"),
        (shape_of("-8", "8", "1"), "`image_shape` must be an integer"),
        (shape_of("8", "8", 1.0), "`image_shape` must be an integer"),
        (shape_of("9" * 5000), "`image_shape` must be an integer"),
        (shape_of(*["1"] * 17), "`dimensions` must be|`image_shape` must be"),
        (lambda said: features(said).pop("image"), "`image` must be a JSON"),
        (lambda said: features(said).pop("label"), "as TFDS does"),
        (lambda said: said.pop("featuresDict"), "`featuresDict` must be a JS"),
        (
            lambda said: features(said).update(more=features(said)["label"]),
            "as TFDS does",
        ),
        (
            lambda said: features(said)["image"]["tensor"].update(dtype="int8"),
            "as TFDS does",
        ),
        (
            lambda said: features(said)["label"]["classLabel"].update(
                numClasses="11"
            ),
            "as TFDS does",
        ),
        (
            lambda said: features(said).update(
                soft_label=features(said)["image"]
            ),
            "as TFDS does",
        ),
    ],
)
def test_features_are_those_that_we_write(folder, change, message):
    edit(folder, "features.json", change)
    with pytest.raises(ValueError, match=message) as raised:
        forms.read(folder)
    assert str(folder) in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 10**9}, "`images` must be an integer from 1"),
        ({"images": 10**8}, "must decode to at most"),
        ({"images": 21}, "20 records are of 21 images"),
        ({"images": 0}, "`images` must be an integer from 1"),
        ({"encoding": "jpeg"}, "`encoding` must be one of"),
        ({"encoding": ["png"]}, "`encoding` must be one of"),
        ({"encoding": "png"}, "as TFDS does"),
        ({"floats_stored": -1}, "`floats_stored` must be an integer"),
        ({"details": None}, "`details` must be a JSON object"),
        ({"normalization": {"name": "standardize"}}, "has the fields"),
        ({"normalization": 1}, "`normalization` must be a JSON object"),
    ],
)
def test_metadata_are_within_bounds(folder, changes, message):
    def change(said):
        place = (
            said["numbers"] if changes.keys() <= {*said["numbers"]} else said
        )
        place.update(changes)

    edit(folder, "metadata.json", change)
    with pytest.raises(ValueError, match=message) as raised:
        forms.read(folder)
    assert str(folder) in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metadata.json", b"[]", "`metadata` must be a JSON object"),
        ("metadata.json", b'{"images": NaN}', "JSON has no NaN"),
        (
            "metadata.json",
            b'{"numbers": {"images": 1e999}}',
            "`encoding` must be one of",
        ),
        ("metadata.json", b'{"a": %s}' % (b"9" * 9000), "not a JSON file"),
        ("metadata.json", b'{"a": %s1%s}' % (b"[" * 999, b"]" * 999), "JSON f"),
        ("metadata.json", b'{"a": %s1%s}' % (b"[" * 150, b"]" * 150), "100 le"),
        ("features.json", b"[" * 10**5, "not a JSON file"),
        ("features.json", b"1", "`content` must be a JSON object"),
        ("label.labels.txt", b"\xff\n", "UnicodeDecodeError"),
        ("label.labels.txt", b"a\n", "as TFDS does"),
        ("label.labels.txt", b"a\n" * 10, "Some label names are duplicated"),
        ("label.labels.txt", b" a" + NINE, "without outer spaces"),
        ("label.labels.txt", b"\x1b[2J" + NINE, "without outer spaces"),
    ],
)
def test_files_of_words_are_not_believed(folder, name, content, message):
    (folder / name).write_bytes(content)
    sign(folder)
    with pytest.raises(ValueError, match=message) as raised:
        forms.read(folder)
    assert str(folder) in str(raised.value)


def test_large_files_of_words_are_not_read(folder):
    with open(folder / "metadata.json", "wb") as file:
        file.truncate(2**24 + 1)
    sign(folder)
    with pytest.raises(ValueError, match="must have at most 16,777,216 bytes"):
        forms.read(folder)


def rewrite(folder, change):
    """Writes the records of a folder anew, each changed."""
    for path in folder.glob("*.tfrecord-*"):
        stored = [x.numpy() for x in tf.data.TFRecordDataset(str(path))]
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in stored:
                writer.write(change(record))
    sign(folder)


def with_picture(picture):
    def change(record):
        example = tf.train.Example.FromString(record)
        stored = example.features.feature["image"].bytes_list
        stored.value[:] = [picture(stored.value[0])]
        return example.SerializeToString()

    return change


def without_a_value(record):
    example = tf.train.Example.FromString(record)
    del example.features.feature["image"].float_list.value[-1]
    return example.SerializeToString()


def chunk(kind, data):
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png(width, height, bits=8, colours=0, more=b"", pixels=b""):
    head = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + more
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (png(100_000, 100_000), "shape .*8, 8, 1.*100000, 100000"),
        (png(8, 8, bits=16), "PNG of 8 bits"),
        (png(8, 8, colours=3), "PNG of 8 bits"),
        (png(8, 8, pixels=bytes(3)), "InvalidArgumentError"),
        (b"", "Received: one that begins with None"),
        (b"GIF89a" + bytes(90), "PNG of 8 bits"),
    ],
)
def test_pictures_are_looked_at_before_they_are_decoded(
    pictures, picture, message
):
    rewrite(pictures, with_picture(lambda _: picture))
    with pytest.raises(ValueError, match=message) as raised:
        forms.read(pictures)
    assert str(pictures) in str(raised.value)


def test_what_a_picture_says_besides_is_left_alone(pictures):
    """4 MiB of text in a few kB, and more pixels than the picture has."""
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**22)))
    picture = png(8, 8, more=bomb, pixels=bytes(2**22))
    rewrite(pictures, with_picture(lambda _: picture))
    assert len(forms.read(pictures).images) == 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: b"\xff\xff", "UnicodeDecodeError"),
        (lambda record: b"", "InvalidArgumentError"),
        (lambda record: record[:-1], "InvalidArgumentError|UnicodeDecodeErr"),
        (without_a_value, "InvalidArgumentError"),
    ],
)
def test_records_are_examples_of_the_features(folder, change, message):
    rewrite(folder, change)
    with pytest.raises(ValueError, match=message) as raised:
        forms.read(folder)
    assert str(folder) in str(raised.value)


def test_a_record_of_all_bytes_there_are_is_refused(folder, shards_of):
    """2^62 ends the process where TensorFlow believes it."""
    first = shards_of(folder)[0]
    head = struct.pack("<Q", 2**62)
    first.write_bytes(head + b"\x7f\x85\xf0\x00" + bytes(90))
    sign(folder)
    with pytest.raises(ValueError, match="record 0, .* is damaged: it claims"):
        forms.read(folder)
    # Nor is it read to say which record is damaged.
    first.write_bytes(first.read_bytes()[:-1])
    with pytest.raises(ValueError, match="record 0 of 7, .* it claims 4,611"):
        forms.read(folder)


@pytest.mark.parametrize("every", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_no_flipped_byte_of_any_file_goes_unseen(folder, flipped, every):
    for path in sorted(folder.iterdir()):
        for _ in flipped(path, every):
            with pytest.raises(ValueError, match=str(folder)) as raised:
                forms.read(folder)
            assert path.name in str(raised.value)
