import dataclasses
import importlib.util
import json
import pathlib
import runpy
import shutil
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets
from fred_tf.experts.store import ExpertStore
from fred_tf.forms import coefficients, manifest
from fred_tf.forms.coefficients import (
    STORAGES,
    read_coefficients,
    write_coefficients,
)
from fred_tf.normalizations import Standardize
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.transforms import DCT as Cosines

ROOT = pathlib.Path(__file__).parents[2]
DCT = config.replace(
    presets.preset("digits_ipc1_dm"),
    {"ipc": 4, "parameterization.coefficients_per_channel": 16},
)


def example():
    """The example that reads with TensorFlow alone, as users copy it."""
    path = ROOT / "examples" / "decode_coefficients.py"
    spec = importlib.util.spec_from_file_location("decode_coefficients", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bits(values: np.ndarray) -> np.ndarray:
    """Tells 0.0 from -0.0."""
    return np.asarray(values, np.float32).view(np.uint32)


def memory_of(settings, digits):
    memory = assembly.parameterization(settings, digits.image_shape, 10)
    assembly.adapt(memory, digits, seed=0)
    return memory


def described(memory, digits) -> SyntheticSet:
    return SyntheticSet(
        images=memory.decode().numpy(),
        labels=memory.labels,
        class_names=digits.class_names,
        normalization=digits.normalization,
        dataset="digits",
        floats_stored=memory.floats_stored,
        student_learning_rate=0.1 + 0.2,
        details={"steps": 3},
    )


def read_alike(memory, settings, digits, tmp_path, storage) -> SyntheticSet:
    """Writes a memory; what TensorFlow alone and we read of it is the same."""
    folder = write_coefficients(
        memory,
        settings.parameterization,
        described(memory, digits),
        tmp_path / "set",
        storage,
    )
    images, labels = zip(*example().images_of(folder).as_numpy_iterator())
    read = read_coefficients(folder)
    np.testing.assert_allclose(np.stack(images), read.images, atol=2e-6)
    np.testing.assert_array_equal(labels, read.labels)
    return read


@pytest.fixture(scope="module")
def memory(digits):
    return memory_of(DCT, digits)


@pytest.fixture(scope="module")
def decoded(memory, digits):
    return described(memory, digits)


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
    memory, decoded, tmp_path, storage
):
    folder = write_coefficients(
        memory, DCT.parameterization, decoded, tmp_path / "set", storage
    )
    read = read_coefficients(folder)
    error = np.abs(read.images - decoded.images).max()
    assert error <= LARGEST[storage]
    assert (error > 0) == (storage != "float32")
    for field in dataclasses.fields(SyntheticSet):
        if field.name != "images":
            one, other = (getattr(x, field.name) for x in (read, decoded))
            assert np.all(one == other), field.name


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("norm", ["none", "ortho"])
def test_tensorflow_alone_decodes_the_same(digits, tmp_path, storage, norm):
    settings = config.replace(DCT, {"parameterization.norm": norm})
    memory = memory_of(settings, digits)
    read_alike(memory, settings, digits, tmp_path, storage)


@pytest.mark.parametrize("storage", ["float32", "int8"])
@pytest.mark.parametrize("channels", ["separate", "joint"])
def test_tensorflow_alone_decodes_colours(
    digits, generator, tmp_path, storage, channels
):
    settings = config.replace(DCT, {"parameterization.channels": channels})
    memory = assembly.parameterization(settings, (8, 8, 3), 10)
    labels = np.repeat(np.arange(10), 16)
    images = generator.normal(size=(160, 8, 8, 3)).astype(np.float32)
    memory.adapt(images, labels, seed=0)
    read = read_alike(memory, settings, digits, tmp_path, storage)
    error = np.abs(read.images - memory.decode().numpy()).max()
    assert (error > 0) == (storage != "float32")


@pytest.mark.parametrize("storage", STORAGES)
def test_tensorflow_alone_reads_tables_and_values_bit_for_bit(
    memory, decoded, tmp_path, storage
):
    folder = write_coefficients(
        memory, DCT.parameterization, decoded, tmp_path / "set", storage
    )
    facts, records = example().records_of(folder)
    labels, tables, values = zip(*records.as_numpy_iterator())
    assert labels == tuple(range(10))
    np.testing.assert_array_equal(tables, memory.table)
    stored = tf.data.TFRecordDataset(str(shard(folder)))
    for found, record in zip(values, stored.as_numpy_iterator()):
        _, expected = coefficients._parse(record, facts, DCT.parameterization)
        np.testing.assert_array_equal(bits(found), bits(expected))
    if storage == "float32":
        kept = np.concatenate(values)
        np.testing.assert_array_equal(bits(kept), bits(memory.values.numpy()))


def test_the_example_prints_three_images(folder, monkeypatch, capsys):
    path = ROOT / "examples" / "decode_coefficients.py"
    monkeypatch.setattr(sys, "argv", [str(path), str(folder)])
    runpy.run_path(str(path), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(") ")[0] for line in lines] == ["0 (8, 8, 1"] * 3


def test_the_example_needs_nothing_of_ours():
    source = (ROOT / "examples" / "decode_coefficients.py").read_text()
    assert "import fred_tf" not in source
    assert "from fred_tf" not in source


@pytest.mark.parametrize("transform", ["dft", "haar", "db4", "identity"])
def test_other_transforms_are_read_here_and_refused_there(
    digits, tmp_path, transform
):
    settings = config.replace(DCT, {"parameterization.transform": transform})
    memory = memory_of(settings, digits)
    expected = described(memory, digits)
    folder = write_coefficients(
        memory, settings.parameterization, expected, tmp_path / "set"
    )
    np.testing.assert_array_equal(
        read_coefficients(folder).images, expected.images
    )
    message = f"'{transform}' in .*export.forms.read_export.*saved_model/1"
    with pytest.raises(ValueError, match=message):
        example().images_of(folder)


@pytest.mark.parametrize(
    ("bits", "storage"), [(8, "int8"), (4, "int4"), (4, "float32"), (6, "int8")]
)
def test_a_memory_of_few_bits_loses_nothing_more(
    digits, tmp_path, bits, storage
):
    """What was distilled through the rounding is what is stored."""
    settings = config.replace(DCT, {"parameterization.bits": bits})
    memory = memory_of(settings, digits)
    expected = described(memory, digits)
    folder = write_coefficients(
        memory, settings.parameterization, expected, tmp_path / "set", storage
    )
    # A level of 8 bits lies within 1/254 of each level of 6.
    tolerance = 0.03 if bits == 6 else 1e-5
    np.testing.assert_allclose(
        read_coefficients(folder).images, expected.images, atol=tolerance
    )


def test_records_of_levels_are_small(memory, decoded, tmp_path):
    """At equal content fewer bits take fewer bytes, without packing."""
    sizes = []
    for storage in ("float32", "float16", "int8", "int6", "int4"):
        folder = write_coefficients(
            memory, DCT.parameterization, decoded, tmp_path / storage, storage
        )
        (shard,) = folder.glob("*.tfrecord-*")
        sizes.append(shard.stat().st_size)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < 0.45 * sizes[0]


@pytest.fixture
def folder(memory, decoded, tmp_path):
    return write_coefficients(
        memory, DCT.parameterization, decoded, tmp_path / "set", "int8"
    )


def shard(folder):
    (path,) = folder.glob("*.tfrecord-*")
    return path


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 4
    path.write_bytes(content)


def cut_at_record(path):
    records = list(tf.data.TFRecordDataset(str(path)))[:-1]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record.numpy())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: flip(p, 100), "00000-of-00001 has .* record 0 of 10"),
        (lambda p: flip(p, -9), "00000-of-00001 has .* record 9 of 10"),
        (cut_at_record, "00000-of-00001 has .* 9 whole records of 10"),
        (lambda p: p.unlink(), "00000-of-00001 is missing"),
    ],
)
def test_damage_is_named(folder, damage, message):
    damage(shard(folder))
    with pytest.raises(ValueError, match=message):
        read_coefficients(folder)


def edit(folder, **changes):
    """Changes a manifest as somebody would who means it."""
    path = folder / manifest.NAME
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(manifest.seal({**facts, **changes})))


@pytest.mark.parametrize("version", [2, 9])
def test_another_version_and_another_kind_are_refused(folder, version):
    edit(folder, format_version=version)
    with pytest.raises(ValueError, match=f"must be 4 .* Received: {version}."):
        read_coefficients(folder)
    with pytest.raises(ValueError, match=rf"not .*version 4.*{version}\)"):
        example().images_of(folder)
    edit(folder, format_version=4, kind="images")
    with pytest.raises(ValueError, match="coefficients is wanted.*of images"):
        read_coefficients(folder)
    with pytest.raises(ValueError, match="not of coefficients.*'images'"):
        example().images_of(folder)


# The memory has 4 instances of 16 coefficients in images [8, 8, 1].
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instances_per_class": 10**12}, "values .* must take 16000000000000"),
        ({"instances_per_class": 10**30}, "OverflowError"),
        ({"instances_per_class": -1}, "max_length must be non-negative"),
        ({"instances_per_class": "4"}, "TypeError"),
        ({"image_shape": [10**6, 10**6, 1]}, "table .* must take 64 bytes"),
        ({"image_shape": [3, 3, 1]}, "position lies outside"),
        ({"image_shape": None}, "TypeError"),
        ({"class_names": ["0"]}, "10 records are of 1 classes"),
        ({"storage": "int9"}, "`storage` must be one of"),
        (
            {"parameterization": {"transform": "dtc"}},
            "`transform` must be one of",
        ),
        ({"parameterization": {"coefficients": 16}}, "TypeError"),
        ({"normalization": {"name": "zca"}}, "normalisation is one of"),
    ],
)
def test_claims_that_records_do_not_bear_out_are_refused(
    folder, changes, message
):
    """F46, F47: before anything of the claimed size is made."""
    edit(folder, **changes)
    with pytest.raises(ValueError, match=message) as raised:
        read_coefficients(folder)
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
        read_coefficients(folder)
    assert longest == [17]


def test_no_flipped_bit_gives_other_data(tmp_path, monkeypatch):
    """F17: an error that names the file, or the very same set."""
    # Which record is bad, other tests look at; looking takes a while.
    monkeypatch.setattr(manifest, "_readable", lambda path, records: "")
    memory = Frequency((4, 4, 1), 2, 2, 3, Cosines())
    memory.table.assign([[0, 1, 4], [0, 1, 2]])
    memory.values.assign(np.arange(1, 13, dtype=np.float32).reshape(4, 3, 1))
    small = SyntheticSet(
        memory.decode().numpy(),
        memory.labels,
        ("zero", "one"),
        Standardize((0.1307,), (1 / 3,)),
        "small",
        memory.floats_stored,
        0.1 + 0.2,
        {"steps": 3},
    )
    settings = Frequency.Settings(coefficients_per_channel=3)
    folder = write_coefficients(memory, settings, small, tmp_path / "set")
    plain, survivors = example(), []
    monkeypatch.setattr(plain, "damage", manifest._readable)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for position in range(len(whole)):
            content = bytearray(whole)
            content[position] ^= 1 << position % 8
            path.write_bytes(content)
            try:
                read = read_coefficients(folder)
            except ValueError as error:
                assert path.name in str(error)
                # The example may say less, but it must not decode.
                with pytest.raises((ValueError, KeyError)):
                    plain.images_of(folder)
                continue
            survivors.append(position)
            for field in dataclasses.fields(SyntheticSet):
                one, other = (getattr(x, field.name) for x in (read, small))
                assert np.all(one == other), (field.name, position)
        path.write_bytes(whole)
    # Digits of a float that lie beyond its precision.
    assert len(survivors) < 10
    read_coefficients(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: flip(p, 100), "record 0 of 10 is damaged"),
        (lambda p: flip(p, -9), "record 9 of 10 is damaged"),
        (cut_at_record, "9 whole records of 10, of another checksum"),
    ],
)
def test_tensorflow_alone_notices_damage(folder, damage, message):
    """Plain TensorFlow reads on where a record is missing."""
    damage(shard(folder))
    where = "00000-of-00001 is not as it was written"
    with pytest.raises(ValueError, match=f"{where}: {message}"):
        example().images_of(folder)
    shard(folder).unlink()
    with pytest.raises(FileNotFoundError, match="00000-of-00001"):
        example().images_of(folder)


def test_the_manifest_says_what_it_is_and_where_it_is_from(
    memory, decoded, tmp_path
):
    made = dataclasses.replace(decoded, details={"config": config.to_json(DCT)})
    folder = write_coefficients(
        memory, DCT.parameterization, made, tmp_path / "set", "int4"
    )
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


def test_an_expert_store_is_not_replaced(memory, decoded, expert_dir, tmp_path):
    """It has a manifest.json as well."""
    store = shutil.copytree(expert_dir, tmp_path / "experts")
    with pytest.raises(FileExistsError, match="no manifest.json of an export"):
        write_coefficients(memory, DCT.parameterization, decoded, store)
    assert len(ExpertStore.open(store).trajectory(1)) > 1


def test_a_damaged_export_is_replaced(memory, decoded, folder):
    """As the message about the damage asks for."""
    flip(folder / manifest.NAME, 0)
    with pytest.raises(ValueError, match="not a JSON file"):
        read_coefficients(folder)
    write_coefficients(memory, DCT.parameterization, decoded, folder)
    read_coefficients(folder)


def test_scales_keep_large_values_within_float16(memory, decoded, tmp_path):
    before = memory.values.numpy()
    try:
        memory.values.assign(before * 1e6)
        folder = write_coefficients(
            memory, DCT.parameterization, decoded, tmp_path / "set", "float16"
        )
    finally:
        memory.values.assign(before)
    np.testing.assert_allclose(
        read_coefficients(folder).images, 1e6 * decoded.images, atol=2e3
    )


def test_unknown_storages_are_refused(memory, decoded, tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'int8'"):
        write_coefficients(
            memory, DCT.parameterization, decoded, tmp_path / "set", "in8"
        )
