"""Images through records, for this library and for plain readers."""

import dataclasses

import matplotlib.pyplot
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from fred_tf.forms.encodings import ENCODINGS
from fred_tf.forms.images import Images

SHARDS = 3
read = Images().read


def write(decoded, folder, shards=1, encoding="float32"):
    return Images(encoding).write(decoded, None, folder, shards)


@pytest.mark.parametrize("shards", [1, SHARDS, 20])
def test_round_trip_is_exact(
    synthetic_set, tmp_path, shards, assert_same, shards_of
):
    path = write(synthetic_set, tmp_path / "set", shards)
    assert len(shards_of(path)) == shards
    assert_same(read(path), synthetic_set)


def test_order_survives_shards_longer_than_a_block_of_tfds(
    synthetic_set, tmp_path, assert_same
):
    long = dataclasses.replace(
        synthetic_set,
        images=np.concatenate([synthetic_set.images] * 2),
        labels=np.concatenate([synthetic_set.labels] * 2),
    )
    path = write(long, tmp_path / "set", shards=2)
    assert_same(read(path), long)


def test_round_trip_without_learning_rate_and_of_volumes(
    synthetic_set, tmp_path, assert_same
):
    volumes = dataclasses.replace(
        synthetic_set,
        images=synthetic_set.images.reshape(20, 4, 4, 4, 1),
        student_learning_rate=None,
        details={},
    )
    path = write(volumes, tmp_path / "set")
    assert_same(read(path), volumes)


# Half a step of each encoding, in normalised units.
@pytest.mark.parametrize(
    ("encoding", "tolerance"), [("float16", 2**-11), ("png", 1 / 509)]
)
def test_lossy_encodings_are_as_close_as_they_say(
    synthetic_set, tmp_path, encoding, tolerance
):
    tame = dataclasses.replace(
        synthetic_set, images=np.clip(synthetic_set.images, -3, 3)
    )
    path = write(tame, tmp_path / "set", encoding=encoding)
    again = read(path)
    np.testing.assert_array_equal(again.labels, tame.labels)
    if encoding == "float16":
        np.testing.assert_allclose(
            again.images, tame.images, rtol=tolerance, atol=1e-7
        )
        return
    pixels = tame.pixels()
    reach = np.maximum(pixels.max((1, 2, 3)), 1) - np.minimum(
        pixels.min((1, 2, 3)), 0
    )
    error = np.abs(again.pixels() - pixels).max((1, 2, 3))
    assert np.all(error <= tolerance * reach)
    assert error.max() > 0


def test_png_is_a_picture_for_plain_tensorflow(
    synthetic_set, tmp_path, shards_of
):
    """The range of each record gives pixels back, as its description says."""
    tame = dataclasses.replace(
        synthetic_set, images=np.clip(synthetic_set.images, -3, 3)
    )
    path = write(tame, tmp_path / "set", encoding="png")
    spec = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "low": tf.io.FixedLenFeature([], tf.float32),
        "high": tf.io.FixedLenFeature([], tf.float32),
    }
    record = next(iter(tf.data.TFRecordDataset(str(shards_of(path)[0]))))
    parsed = tf.io.parse_single_example(record, spec)
    levels = tf.cast(tf.io.decode_png(parsed["image"]), tf.float32)
    span = parsed["high"] - parsed["low"]
    pixels = parsed["low"] + levels / 255 * span
    np.testing.assert_allclose(pixels, tame.pixels()[0], atol=0.003 * span)
    info = tfds.builder_from_directory(str(path)).info
    assert "low + image / 255 * (high - low)" in info.description
    assert "They are normalised" not in info.description
    assert info.metadata["loss"] == "a 510th of each image's range of values"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_soft_labels_come_back(synthetic_set, tmp_path, encoding):
    soft = np.full((20, 10), 0.05, np.float32)
    soft[np.arange(20), synthetic_set.labels] = 0.55
    tame = dataclasses.replace(
        synthetic_set,
        images=np.clip(synthetic_set.images, -3, 3),
        soft_labels=soft,
    )
    path = write(tame, tmp_path / "set", 2, encoding)
    np.testing.assert_array_equal(read(path).soft_labels, soft)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("float16", "up to 65,504. Received: 3e\\+38"),
        ("png", r"one channel or three.*Received: \(4, 4, 4, 1\)"),
        ("float61", "Did you mean 'float16'"),
    ],
)
def test_what_an_encoding_cannot_hold_is_refused(
    synthetic_set, tmp_path, encoding, message
):
    volumes = dataclasses.replace(
        synthetic_set, images=synthetic_set.images.reshape(20, 4, 4, 4, 1)
    )
    with pytest.raises(ValueError, match=message):
        write(volumes, tmp_path / "set", encoding=encoding)
    assert not list(tmp_path.iterdir())


def test_plain_tfds_loads_it(synthetic_set, folder, bits):
    builder = tfds.builder_from_directory(str(folder))
    info = builder.info
    assert info.supervised_keys == ("image", "label")
    assert tuple(info.features["label"].names) == synthetic_set.class_names
    assert info.splits["train"].num_examples == 20
    assert info.metadata == {
        "encoding": "float32",
        "loss": "nothing",
        "dataset": "3D-digits",
        "numbers": {
            "format_version": 4,
            "images": 20,
            "floats_stored": 640,
            "student_learning_rate": 0.1 + 0.2,
        },
        "normalization": synthetic_set.normalization.get_config(),
        "details": synthetic_set.details,
    }
    assert "3D-digits" in info.description
    assert "3D-digits" in info.redistribution_info.license
    pairs = tfds.as_numpy(builder.as_dataset(split="train", as_supervised=True))
    found = sorted((int(y), bits(x).tobytes()) for x, y in pairs)
    assert found == sorted(
        (int(y), bits(x).tobytes())
        for x, y in zip(synthetic_set.images, synthetic_set.labels)
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tfds_shows_examples(synthetic_set, tmp_path, encoding, monkeypatch):
    tame = dataclasses.replace(
        synthetic_set, images=np.clip(synthetic_set.images, -3, 3)
    )
    path = write(tame, tmp_path / "set", encoding=encoding)
    builder = tfds.builder_from_directory(str(path))
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    drawn = tfds.show_examples(builder.as_dataset("train"), builder.info)
    assert len(drawn.axes) == 9
    assert drawn.axes[1].get_xlabel() == "digit 1, né $x_1$ (1)"
    matplotlib.pyplot.close(drawn)


def test_pictures_are_pixels_within_range(synthetic_set, folder, tmp_path):
    info = tfds.builder_from_directory(str(folder))
    shown = tfds.as_numpy(info.as_dataset("train", batch_size=-1))["picture"]
    pixels = np.clip(synthetic_set.pixels(), 0, 1)
    np.testing.assert_allclose(shown / 255, pixels, atol=0.5 / 255 + 1e-6)
    volumes = dataclasses.replace(
        synthetic_set, images=synthetic_set.images.reshape(20, 4, 4, 4, 1)
    )
    path = write(volumes, tmp_path / "set")
    builder = tfds.builder_from_directory(str(path))
    assert "picture" not in builder.info.features
    # TFDS draws no volumes, and says so.
    with pytest.raises(ValueError, match="Visualisation not supported"):
        tfds.show_examples(builder.as_dataset("train"), builder.info)


def test_what_made_it_is_cited(synthetic_set, folder, tmp_path):
    made = dataclasses.replace(
        synthetic_set,
        details={"config": {"parameterization": {"name": "frequency"}}},
    )
    write(made, tmp_path / "set")
    info = tfds.builder_from_directory(str(tmp_path / "set")).info
    assert "Frequency Domain-Based" in info.citation
    assert info.homepage == "https://arxiv.org/abs/2311.08819"
    # No run made this one, and its source is not known.
    info = tfds.builder_from_directory(str(folder)).info
    assert not info.citation


def test_a_known_source_is_cited_and_its_terms_are_named(
    synthetic_set, tmp_path
):
    known = dataclasses.replace(synthetic_set, dataset="cifar10")
    path = write(known, tmp_path / "set")
    info = tfds.builder_from_directory(str(path)).info
    assert info.citation.startswith("Krizhevsky 2009, Learning multiple")
    assert "state no licence" in info.redistribution_info.license


def test_tfds_load_finds_it_by_name(synthetic_set, tmp_path):
    write(synthetic_set, tmp_path / "fred_3d_digits" / "1.0.0")
    dataset = tfds.load("fred_3d_digits", data_dir=tmp_path, split="train")
    assert dataset.cardinality() == 20


def test_plain_tf_data_reads_it_in_the_documented_spec(
    synthetic_set, folder, bits, shards_of
):
    spec = {
        "image": tf.io.FixedLenFeature([8, 8, 1], tf.float32),
        "label": tf.io.FixedLenFeature([], tf.int64),
    }
    records = tf.data.TFRecordDataset(list(map(str, shards_of(folder))))
    examples = records.map(lambda r: tf.io.parse_single_example(r, spec))
    batch = next(examples.batch(20).as_numpy_iterator())
    np.testing.assert_array_equal(
        bits(batch["image"]), bits(synthetic_set.images)
    )
    np.testing.assert_array_equal(batch["label"], synthetic_set.labels)


def test_no_file_names_the_place_of_writing(exported):
    for path in exported.iterdir():
        content = path.read_bytes()
        assert b".partial" not in content
        assert str(exported.parent).encode() not in content


def test_equal_sets_give_equal_files(synthetic_set, exported, tmp_path):
    again = write(synthetic_set, tmp_path / "again", shards=SHARDS)
    for path in exported.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


@pytest.mark.parametrize("shards", [0, 21])
def test_shards_are_checked(synthetic_set, tmp_path, shards):
    with pytest.raises(ValueError, match=rf"\(20\)\. Received: {shards}"):
        write(synthetic_set, tmp_path / "set", shards)


@pytest.mark.parametrize("value", [np.zeros(2), float("nan"), {1, 2}])
def test_details_must_be_json(synthetic_set, tmp_path, value):
    odd = dataclasses.replace(synthetic_set, details={"value": value})
    with pytest.raises(ValueError, match="must be finite JSON values"):
        write(odd, tmp_path / "set")
    assert not list(tmp_path.iterdir())
