import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

from fred_tf.disk.records import FORMAT_VERSION
from fred_tf.forms import manifest
from fred_tf.forms.encodings import ENCODINGS
from fred_tf.forms.images import read_tfrecord, verify_tfrecord, write_tfrecord
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet

SHARDS = 3
ARRAYS = ("images", "labels", "soft_labels")


@pytest.fixture(scope="module")
def synthetic_set() -> SyntheticSet:
    """Twenty real digits, the first with values that are easily lost."""
    data = load_digits()
    pixels = (data.images[:20, ..., None] / 16).astype(np.float32)
    standardize = Standardize.fit(pixels)
    images = standardize(pixels)
    images[0, 0, :4, 0] = [-0.0, 1e-45, 3e38, -1 / 3]
    return SyntheticSet(
        images=images,
        labels=data.target[:20],
        class_names=tuple(f"digit {i}, né $x_{i}$" for i in range(10)),
        normalization=standardize,
        dataset="3D-digits",
        floats_stored=640,
        student_learning_rate=0.1 + 0.2,
        details={"objective": "trajectory_matching", "steps": [1, 2.5, None]},
    )


@pytest.fixture(scope="module")
def exported(synthetic_set, tmp_path_factory):
    # Names that trip careless path handling.
    parent = tmp_path_factory.mktemp("two words ü")
    return write_tfrecord(synthetic_set, parent / "digits", shards=SHARDS)


@pytest.fixture
def folder(exported, tmp_path):
    """A copy to damage, and a proof that exports can be moved."""
    return shutil.copytree(exported, tmp_path / "moved")


def shards_of(folder):
    return sorted(folder.glob("*.tfrecord-*"))


def bits(images: np.ndarray) -> np.ndarray:
    """Tells 0.0 from -0.0."""
    return np.asarray(images, np.float32).view(np.uint32)


def assert_same(one: SyntheticSet, other: SyntheticSet):
    np.testing.assert_array_equal(bits(one.images), bits(other.images))
    np.testing.assert_array_equal(one.labels, other.labels)
    rest = (
        {k: v for k, v in vars(s).items() if k not in ARRAYS}
        for s in (one, other)
    )
    assert next(rest) == next(rest)


@pytest.mark.parametrize("shards", [1, SHARDS, 20])
def test_round_trip_is_exact(synthetic_set, tmp_path, shards):
    path = write_tfrecord(synthetic_set, tmp_path / "set", shards)
    assert len(shards_of(path)) == shards
    assert_same(read_tfrecord(path), synthetic_set)


def test_order_survives_shards_longer_than_a_block_of_tfds(
    synthetic_set, tmp_path
):
    long = dataclasses.replace(
        synthetic_set,
        images=np.concatenate([synthetic_set.images] * 2),
        labels=np.concatenate([synthetic_set.labels] * 2),
    )
    path = write_tfrecord(long, tmp_path / "set", shards=2)
    assert_same(read_tfrecord(path), long)


def test_round_trip_without_learning_rate_and_of_volumes(
    synthetic_set, tmp_path
):
    volumes = dataclasses.replace(
        synthetic_set,
        images=synthetic_set.images.reshape(20, 4, 4, 4, 1),
        student_learning_rate=None,
        details={},
    )
    path = write_tfrecord(volumes, tmp_path / "set")
    assert_same(read_tfrecord(path), volumes)


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
    path = write_tfrecord(tame, tmp_path / "set", encoding=encoding)
    read = read_tfrecord(path)
    np.testing.assert_array_equal(read.labels, tame.labels)
    if encoding == "float16":
        np.testing.assert_allclose(
            read.images, tame.images, rtol=tolerance, atol=1e-7
        )
        return
    pixels = tame.pixels()
    reach = np.maximum(pixels.max((1, 2, 3)), 1) - np.minimum(
        pixels.min((1, 2, 3)), 0
    )
    error = np.abs(read.pixels() - pixels).max((1, 2, 3))
    assert np.all(error <= tolerance * reach)
    assert error.max() > 0


def test_png_is_a_picture_for_plain_tensorflow(synthetic_set, tmp_path):
    """The range of each record gives pixels back, as its description says."""
    tame = dataclasses.replace(
        synthetic_set, images=np.clip(synthetic_set.images, -3, 3)
    )
    path = write_tfrecord(tame, tmp_path / "set", encoding="png")
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
    path = write_tfrecord(tame, tmp_path / "set", 2, encoding)
    np.testing.assert_array_equal(read_tfrecord(path).soft_labels, soft)


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
        write_tfrecord(volumes, tmp_path / "set", encoding=encoding)
    assert not list(tmp_path.iterdir())


def test_plain_tfds_loads_it(synthetic_set, folder):
    builder = tfds.builder_from_directory(str(folder))
    info = builder.info
    assert info.supervised_keys == ("image", "label")
    assert tuple(info.features["label"].names) == synthetic_set.class_names
    assert info.splits["train"].num_examples == 20
    assert info.metadata == {
        "format_version": FORMAT_VERSION,
        "encoding": "float32",
        "loss": "nothing",
        "dataset": "3D-digits",
        "images": 20,
        "normalization": synthetic_set.normalization.get_config(),
        "floats_stored": 640,
        "student_learning_rate": 0.1 + 0.2,
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


def test_what_made_it_is_cited(synthetic_set, folder, tmp_path):
    made = dataclasses.replace(
        synthetic_set,
        details={"config": {"parameterization": {"name": "frequency"}}},
    )
    write_tfrecord(made, tmp_path / "set")
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
    path = write_tfrecord(known, tmp_path / "set")
    info = tfds.builder_from_directory(str(path)).info
    assert info.citation.startswith("Krizhevsky 2009, Learning multiple")
    assert "state no licence" in info.redistribution_info.license


def test_tfds_load_finds_it_by_name(synthetic_set, tmp_path):
    write_tfrecord(synthetic_set, tmp_path / "fred_3d_digits" / "1.0.0")
    dataset = tfds.load("fred_3d_digits", data_dir=tmp_path, split="train")
    assert dataset.cardinality() == 20


def test_plain_tf_data_reads_it_in_the_documented_spec(synthetic_set, folder):
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
    again = write_tfrecord(synthetic_set, tmp_path / "again", shards=SHARDS)
    for path in exported.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def cut_at_record(path):
    records = list(tf.data.TFRecordDataset(str(path)))[:-1]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record.numpy())


def cut_in_record(path):
    path.write_bytes(path.read_bytes()[:-5])


def flip_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


# 20 images in 3 shards: 7, 7 and 6.
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_at_record, r"00001-of-00003 has .* 6 whole records of 7"),
        (cut_in_record, r"00001-of-00003 has .* record 6 of 7, .* is damaged"),
        (flip_bit, r"00001-of-00003 has .* record 3 of 7, .* is damaged"),
        (
            lambda p: p.write_bytes(b""),
            r"00001-of-00003 has .* 0 whole .* of 7",
        ),
        (lambda p: p.unlink(), r"00001-of-00003 is missing"),
        (
            lambda p: shutil.copy(p, f"{p}-copy"),
            r"00001-of-00003-copy is not in the manifest",
        ),
        (
            lambda p: p.rename(p.with_name("x")) and p.symlink_to("x"),
            r"00001-of-00003' is not a plain file",
        ),
    ],
)
def test_damaged_shard_is_named(folder, damage, message):
    damage(shards_of(folder)[1])
    with pytest.raises(ValueError, match=message) as raised:
        read_tfrecord(folder)
    assert str(folder) in str(raised.value)
    assert "python -m export" in str(raised.value)


def test_swapped_shards_are_named(folder):
    first, second, _ = shards_of(folder)
    first_bytes, second_bytes = first.read_bytes(), second.read_bytes()
    first.write_bytes(second_bytes)
    second.write_bytes(first_bytes)
    with pytest.raises(ValueError) as raised:
        verify_tfrecord(folder)
    assert f"is a copy of {first.name}" in str(raised.value)
    assert f"is a copy of {second.name}" in str(raised.value)


@pytest.mark.parametrize(
    "name",
    ["features.json", "dataset_info.json", "metadata.json", "label.labels.txt"],
)
def test_damaged_metadata_is_named(folder, name):
    flip_bit(folder / name)
    with pytest.raises(ValueError, match=f"{name} has SHA-256"):
        read_tfrecord(folder)


def test_no_flipped_byte_of_a_manifest_or_shard_goes_unseen(
    synthetic_set, tmp_path, monkeypatch
):
    """F17: an error that names the file, or the very same set."""
    # Which record is bad, other tests look at; looking takes a while.
    monkeypatch.setattr(manifest, "_readable", lambda path, records: "")
    small = dataclasses.replace(
        synthetic_set,
        images=synthetic_set.images[:1, :2, :2],
        labels=synthetic_set.labels[:1],
    )
    folder = write_tfrecord(small, tmp_path / "set")
    for path in [folder / manifest.NAME, *shards_of(folder)]:
        whole = path.read_bytes()
        for position in range(len(whole)):
            content = bytearray(whole)
            content[position] ^= 1 << position % 8
            path.write_bytes(content)
            try:
                read = read_tfrecord(folder)
            except ValueError as error:
                assert path.name in str(error)
                continue
            assert_same(read, small)
        path.write_bytes(whole)
    assert_same(read_tfrecord(folder), small)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m.update(format_version=2), r"must be 4 .*Received: 2\."),
        (lambda m: m.pop("format_version"), r"must be 4 .*Received: absent"),
        (
            lambda m: m.update(kind="coefficients"),
            r"export of images is wanted\. Received: .* of coefficients",
        ),
        (lambda m: m.update(files=["a"]), r"Received: \['a'\]"),
        (lambda m: m["files"].update({"../a": {}}), r"'\.\./a' is not a plain"),
        (
            lambda m: m["files"].update({"/etc/hosts": {}}),
            r"hosts' is not a pl",
        ),
        (lambda m: m["files"].update({"": {}}), r"'' is not a plain"),
        (lambda m: m["files"].update({"a\\b": {}}), r"b' is not a plain"),
        (lambda m: m.update(kind=["images"]), r"what `kind`.*\['images'\]"),
    ],
)
def test_odd_manifests_are_refused(folder, edit, message):
    path = folder / manifest.NAME
    values = json.loads(path.read_text())
    edit(values)
    path.write_text(json.dumps(manifest.seal(values)))
    with pytest.raises(ValueError, match=message):
        read_tfrecord(folder)


def test_an_edited_manifest_is_refused_and_a_reformatted_one_is_not(
    synthetic_set, folder
):
    path = folder / manifest.NAME
    values = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(values.items()))))
    assert_same(read_tfrecord(folder), synthetic_set)
    path.write_text(json.dumps({**values, "comment": "mine"}))
    with pytest.raises(ValueError, match="as it was written.*that states"):
        read_tfrecord(folder)
    path.write_text(json.dumps({**values, "sha256": None}))
    with pytest.raises(ValueError, match="that states None"):
        read_tfrecord(folder)


def test_manifest_that_is_no_object_is_refused(folder):
    (folder / manifest.NAME).write_text("[1]")
    with pytest.raises(ValueError, match="must hold a JSON object"):
        read_tfrecord(folder)


def test_missing_export_says_how_to_write_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m export"):
        read_tfrecord(tmp_path / "nowhere")


def test_failure_midway_leaves_the_old_export(
    synthetic_set, folder, monkeypatch
):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def full_disk(**_):
        raise OSError("No space left on device")

    monkeypatch.setattr(tfds.folder_dataset, "write_metadata", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_tfrecord(synthetic_set, folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert list(folder.parent.iterdir()) == [folder]


def test_an_earlier_export_is_replaced_as_a_whole(synthetic_set, folder):
    write_tfrecord(synthetic_set, folder, shards=2)
    assert len(shards_of(folder)) == 2
    assert_same(read_tfrecord(folder), synthetic_set)


def test_a_foreign_folder_is_not_replaced(synthetic_set, tmp_path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    for target in (tmp_path, thesis):
        with pytest.raises(FileExistsError, match="holds no manifest.json"):
            write_tfrecord(synthetic_set, target)
    assert thesis.read_text() == "years of work"


@pytest.mark.parametrize("shards", [0, 21])
def test_shards_are_checked(synthetic_set, tmp_path, shards):
    with pytest.raises(ValueError, match=rf"\(20\)\. Received: {shards}"):
        write_tfrecord(synthetic_set, tmp_path / "set", shards)


@pytest.mark.parametrize("name", ["", " 9", "a\nb", "a\rb", "twice"])
def test_names_that_would_not_come_back_are_refused(
    synthetic_set, tmp_path, name
):
    names = ("twice", *synthetic_set.class_names[:8], name)
    odd = dataclasses.replace(synthetic_set, class_names=names)
    with pytest.raises(ValueError, match="distinct single lines"):
        write_tfrecord(odd, tmp_path / "set")


@pytest.mark.parametrize("value", [np.zeros(2), float("nan"), {1, 2}])
def test_details_must_be_json(synthetic_set, tmp_path, value):
    odd = dataclasses.replace(synthetic_set, details={"value": value})
    with pytest.raises(ValueError, match="must be finite JSON values"):
        write_tfrecord(odd, tmp_path / "set")
    assert not list(tmp_path.iterdir())
