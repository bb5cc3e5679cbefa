"""What is damaged is named, and what is claimed is not believed."""

import json
import shutil
import struct
import zlib

import pytest
import tensorflow as tf

from fred_tf.disk import files, records
from fred_tf.experts.store import ExpertStore
from fred_tf.forms import manifest
from fred_tf.forms.coefficients import Coefficients


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("flip 100", "has .* record 0 of 10"),
        ("flip -9", "has .* record 9 of 10"),
        ("cut at record", "has .* 9 whole records of 10"),
        ("delete", "is missing"),
    ],
)
def test_damage_is_named(folder, shard, damage, kind, message):
    damage[kind](shard(folder))
    with pytest.raises(ValueError, match=f"00000-of-00001 {message}"):
        Coefficients().read(folder)


def edit(folder, **changes):
    """Changes a manifest as somebody would who means it."""
    path = folder / manifest.NAME
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(records.seal({**facts, **changes})))


@pytest.mark.parametrize("version", [2, 9])
def test_another_version_and_another_kind_are_refused(folder, example, version):
    edit(folder, format_version=version)
    with pytest.raises(ValueError, match=f"must be 4 .* Received: {version}."):
        Coefficients().read(folder)
    with pytest.raises(ValueError, match=rf"not .*version 4.*{version}\)"):
        example.images_of(folder)
    edit(folder, format_version=4, kind="images")
    with pytest.raises(ValueError, match="coefficients is wanted.*of images"):
        Coefficients().read(folder)
    with pytest.raises(ValueError, match="not of coefficients.*'images'"):
        example.images_of(folder)


def standardize(**changes):
    return {"name": "standardize", "mean": [0], "deviation": [1], **changes}


# The memory has 16 instances of 16 coefficients in images [8, 8, 1].
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instances_per_class": 5}, "values .* must take 80 bytes"),
        ({"instances_per_class": 10**8}, "bytes must decode to at most"),
        ({"instances_per_class": 10**30}, "`instances_per_class` must be an"),
        ({"instances_per_class": -1}, "`instances_per_class` must be an int"),
        ({"instances_per_class": "4"}, "`instances_per_class` must be an int"),
        ({"instances_per_class": True}, "`instances_per_class` must be an in"),
        ({"image_shape": [7000, 7000, 1]}, "`image_shape` must be a shape of"),
        ({"image_shape": [2**22, 1, 1]}, "sizes of at most 4096"),
        ({"image_shape": [2048, 2048, 1]}, "must decode to at most .*Receive"),
        ({"image_shape": [4, 4, 1]}, r"in \[0, 16\)\. Received: 0 to"),
        ({"image_shape": [3, 3, 1]}, "`coefficients_per_channel` must be bet"),
        ({"image_shape": [8, 8, 2]}, "values .* must take"),
        ({"image_shape": [8.0, 8, 1]}, "`image_shape` must be an integer"),
        ({"image_shape": None}, "`image_shape` must be a list"),
        ({"class_names": ["0"]}, "10 records are of 1 classes"),
        ({"class_names": ["0"] * 10}, "`class_names` must be distinct"),
        (
            {"class_names": [str(i) for i in range(100_001)]},
            "`class_names` mus",
        ),
        ({"class_names": "0123456789"}, "`class_names` must be a list"),
        ({"floats_stored": -1}, "`floats_stored` must be an integer"),
        ({"floats_stored": 2**70}, "`floats_stored` must be an integer"),
        ({"student_learning_rate": "fast"}, "`student_learning_rate` must"),
        ({"student_learning_rate": -1}, "`student_learning_rate` must be a n"),
        ({"details": []}, "`details` must be a JSON object"),
        ({"dataset": "\x1b[2Jdigits"}, "`dataset` must be a name"),
        ({"dataset": None}, "`dataset` must be a text"),
        ({"normalization": standardize(deviation=[0])}, "`deviation` positiv"),
        ({"normalization": standardize(mean="5")}, "`mean` must be a finite"),
        ({"normalization": standardize(mean=[True])}, "`mean` must be a fin"),
        ({"normalization": standardize(mean=[0, 0])}, "one value per channel"),
        ({"normalization": standardize(median=[0])}, "has the fields"),
        ({"normalization": []}, "`normalization` must be a JSON object"),
        (
            {"parameterization": {"coefficients_per_channel": 16.0}},
            "must be of type int. Received: 16.0",
        ),
        ({"parameterization": {"bits": True}}, "must be of type int. Rec.*Tr"),
        ({"parameterization": {"bits": 10**30}}, "`bits` must be a number fr"),
        ({"storage": "int9"}, "`storage` must be one of"),
        (
            {"parameterization": {"transform": "dtc"}},
            "`transform` must be one of",
        ),
        ({"parameterization": {"coefficients": 16}}, "has no field 'coeff"),
        ({"normalization": {"name": "pca"}}, "`normalization` must be one of"),
    ],
)
def test_claims_that_records_do_not_bear_out_are_refused(
    folder, changes, message
):
    """F46, F47: before anything of the claimed size is made."""
    edit(folder, **changes)
    with pytest.raises(ValueError, match=message) as raised:
        Coefficients().read(folder)
    assert str(folder) in str(raised.value)


def test_records_that_unpack_to_more_than_claimed_are_refused(
    folder, monkeypatch
):
    """A few bytes may stand for gigabytes: only what is claimed is unpacked."""
    edit(folder, instances_per_class=1)
    longest = []
    make = zlib.decompressobj

    class Watched:
        def decompress(self, stored, size):
            longest.append(size)
            return make().decompress(stored, size)

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    with pytest.raises(ValueError, match="values .* must take 16 bytes"):
        Coefficients().read(folder)
    assert longest == [17]


def rewrite(folder, shard, records):
    """Replaces records, and signs the manifest as their author would."""
    path = shard(folder)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    entry = {"sha256": files.sha256(path), "records": len(records)}
    edit(folder, files={path.name: entry})


def changed(record, **parts):
    example = tf.train.Example.FromString(record)
    for name, part in parts.items():
        stored = example.features.feature[name].bytes_list.value
        stored[:] = [] if part is None else [zlib.compress(part, 9)]
    return example.SerializeToString()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: b"\xff" * 9, "DecodeError"),
        (lambda record: b"", "IndexError"),
        (lambda record: changed(record, values=None), "IndexError"),
        (lambda record: changed(record, values=bytes(2**24)), "take 256 b"),
        (lambda record: changed(record, values=b""), "must take 256 bytes"),
        (lambda record: changed(record, table=bytes(32)), "occurs twice"),
        (lambda record: changed(record, table=b"\xff" * 32), r"in \[0, 64\)"),
        (lambda record: changed(record, soft_labels=bytes(640)), "probabil"),
        (
            lambda record: changed(record, scales=b"\xff\x7f" * 16),
            "NaN or infinite",
        ),
    ],
)
def test_records_of_others_are_within_bounds(folder, shard, change, message):
    stored = tf.data.TFRecordDataset(str(shard(folder)))
    rewrite(folder, shard, [change(x.numpy()) for x in stored])
    with pytest.raises(ValueError, match=message) as raised:
        Coefficients().read(folder)
    assert str(folder) in str(raised.value)


@pytest.mark.parametrize("name", ["/dev/zero", "../other", "link"])
def test_the_example_opens_plain_files_of_the_folder_alone(
    folder, example, name
):
    (folder.parent / "other").write_bytes(b"")
    (folder / "link").symlink_to("/dev/zero")
    path = folder / "manifest.json"
    said = json.loads(path.read_text())
    said["files"] = {name: {"sha256": files.digest(b"")}}
    path.write_text(json.dumps(records.seal(said)))
    with pytest.raises(ValueError, match=f"'{name}' is no plain file of"):
        example.checked(folder)


def test_a_length_is_not_believed(folder, shard, example):
    """2^62 with its checksum, which ends the process in TensorFlow."""
    path = shard(folder)
    path.write_bytes(struct.pack("<Q", 2**62) + b"\x7f\x85\xf0\x00" + bytes(90))
    for read in (Coefficients().read, example.images_of):
        with pytest.raises(ValueError, match="has SHA-256|as it was written"):
            read(folder)
    entry = {"sha256": files.sha256(path), "records": 10}
    edit(folder, files={path.name: entry})
    with pytest.raises(ValueError, match="it claims 4,611,686,018,427,387,904"):
        Coefficients().read(folder)
    assert not list(example.images_of(folder))
    path.unlink()
    edit(folder, files={})
    with pytest.raises(ValueError, match="it names no coefficients.tfrecord"):
        Coefficients().read(folder)


def test_no_flipped_bit_gives_other_data(
    small_memory, small_set, example, survivors_of, tmp_path, monkeypatch
):
    """F17: an error that names the file, or the very same set."""
    form = Coefficients()
    folder = form.write(small_set, small_memory, tmp_path / "set")
    monkeypatch.setattr(example, "damage", lambda path, records: "")
    # Digits of a float that lie beyond its precision.
    assert len(survivors_of(form, folder, example, small_set)) < 10


def test_an_expert_store_is_not_replaced(memory, decoded, expert_dir, tmp_path):
    """It has a manifest.json as well."""
    store = shutil.copytree(expert_dir, tmp_path / "experts")
    with pytest.raises(FileExistsError, match="no manifest.json of its kind"):
        Coefficients().write(decoded, memory, store)
    assert len(ExpertStore.open(store).trajectory(1)) > 1


def test_a_damaged_export_is_replaced(memory, decoded, folder, damage):
    """As the message about the damage asks for."""
    damage["flip 0"](folder / manifest.NAME)
    with pytest.raises(ValueError, match="not a JSON file"):
        Coefficients().read(folder)
    Coefficients().write(decoded, memory, folder)
    Coefficients().read(folder)
