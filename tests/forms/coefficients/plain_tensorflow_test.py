"""TensorFlow alone reads coefficients, by `examples/decode_coefficients.py`."""

import dataclasses
import runpy
import sys

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config
from fred_tf.disk import files
from fred_tf.forms import coefficients, frequencies
from fred_tf.forms.coefficients import STORAGES, Coefficients
from fred_tf.normalizations import Standardize


@pytest.fixture
def read_alike(example, tmp_path):
    """Takes a set, its memory and a storage, and returns the set as read.

    What TensorFlow alone and we read of it is the same.
    """

    def read(decoded, memory, storage):
        form = Coefficients(storage)
        folder = form.write(decoded, memory, tmp_path / "set")
        images, labels = zip(*example.images_of(folder).as_numpy_iterator())
        again = form.read(folder)
        np.testing.assert_allclose(np.stack(images), again.images, atol=2e-6)
        np.testing.assert_array_equal(labels, again.labels)
        return again

    return read


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("norm", ["none", "ortho"])
def test_it_decodes_the_same(memory_of, read_alike, storage, norm):
    memory, decoded = memory_of(norm=norm)
    read_alike(decoded, memory, storage)


@pytest.mark.parametrize("storage", ["float32", "int8"])
@pytest.mark.parametrize("channels", ["separate", "joint"])
def test_it_decodes_colours(
    settings, decoded, generator, read_alike, storage, channels
):
    of = config.replace(settings, {"parameterization.channels": channels})
    memory = assembly.parameterization(of, (8, 8, 3), 10)
    labels = np.repeat(np.arange(10), 16)
    images = generator.normal(size=(160, 8, 8, 3)).astype(np.float32)
    memory.adapt(images, labels, seed=0)
    colours = dataclasses.replace(
        decoded,
        images=memory.decode(),
        labels=memory.labels,
        normalization=Standardize((0.5,) * 3, (0.25,) * 3),
    )
    read = read_alike(colours, memory, storage)
    error = np.abs(read.images - memory.decode().numpy()).max()
    assert (error > 0) == (storage != "float32")


@pytest.mark.parametrize("storage", STORAGES)
def test_it_reads_tables_and_values_bit_for_bit(
    memory, decoded, example, shard, bits, tmp_path, storage
):
    folder = Coefficients(storage).write(decoded, memory, tmp_path / "set")
    facts, records = example.records_of(folder)
    labels, tables, values = zip(*records.as_numpy_iterator())
    assert labels == tuple(range(10))
    np.testing.assert_array_equal(tables, memory.table)
    stored = tf.data.TFRecordDataset(str(shard(folder)))
    claim = frequencies.claimed(facts, files.size(shard(folder)))
    for found, record in zip(values, stored.as_numpy_iterator()):
        parts = coefficients._parse(record, facts, claim)
        np.testing.assert_array_equal(bits(found), bits(parts["values"]))
    if storage == "float32":
        kept = np.concatenate(values)
        np.testing.assert_array_equal(bits(kept), bits(memory.values.numpy()))


def test_it_prints_three_images(folder, example_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(example_path), str(folder)])
    runpy.run_path(str(example_path), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(") ")[0] for line in lines] == ["0 (8, 8, 1"] * 3


def test_it_needs_nothing_of_ours(example_path):
    source = example_path.read_text()
    assert "import fred_tf" not in source
    assert "from fred_tf" not in source


@pytest.mark.parametrize("transform", ["dft", "haar", "db4", "identity"])
def test_other_transforms_are_read_here_and_refused_there(
    memory_of, example, tmp_path, transform
):
    memory, expected = memory_of(transform=transform)
    folder = Coefficients().write(expected, memory, tmp_path / "set")
    np.testing.assert_array_equal(
        Coefficients().read(folder).images, expected.images
    )
    message = f"'{transform}' in .*fred_tf.forms.read.*saved_model/1"
    with pytest.raises(ValueError, match=message):
        example.images_of(folder)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("flip 100", "record 0 of 10 is damaged"),
        ("flip -9", "record 9 of 10 is damaged"),
        ("cut at record", "9 whole records of 10, of another checksum"),
    ],
)
def test_it_notices_damage(folder, example, shard, damage, kind, message):
    """Plain TensorFlow reads on where a record is missing."""
    damage[kind](shard(folder))
    where = "00000-of-00001 is not as it was written"
    with pytest.raises(ValueError, match=f"{where}: {message}"):
        example.images_of(folder)
    shard(folder).unlink()
    with pytest.raises(FileNotFoundError, match="00000-of-00001"):
        example.images_of(folder)
