"""What befalls files, and what must not befall a set."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.forms import manifest
from fred_tf.forms.saved_model import SavedModel
from fred_tf.normalizations import Standardize
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet
from tests.flipping import flips


def _memory() -> Frequency:
    memory = Frequency(
        (4, 4, 1), 2, 2, Frequency.Settings(coefficients_per_channel=3)
    )
    memory.table.assign([[0, 1, 4], [0, 1, 2]])
    memory.values.assign(np.arange(1.0, 13.0).reshape(4, 3, 1))
    return memory


def _set(memory: Frequency) -> SyntheticSet:
    return SyntheticSet(
        memory.decode().numpy(),
        memory.labels,
        ("zero", "one"),
        Standardize((0.1307,), (1 / 3,)),
        "small",
        memory.floats_stored,
        0.1 + 0.2,
        {"steps": 3},
    )


@pytest.fixture
def small_memory() -> Frequency:
    """Two classes of two images from three coefficients each."""
    return _memory()


@pytest.fixture
def small_set(small_memory) -> SyntheticSet:
    return _set(small_memory)


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory):
    """A model of `small_memory` and `small_set`, to be copied."""
    memory, path = _memory(), tmp_path_factory.mktemp("saved") / "model"
    return SavedModel().write(_set(memory), memory, path)


def _bits(values) -> np.ndarray:
    """Tells 0.0 from -0.0."""
    return np.asarray(values, np.float32).view(np.uint32)


@pytest.fixture(scope="session")
def bits():
    return _bits


def _assert_same(one: SyntheticSet, other: SyntheticSet, images: bool = True):
    for field in dataclasses.fields(SyntheticSet):
        pair = [getattr(x, field.name) for x in (one, other)]
        if field.name == "images":
            if images:
                np.testing.assert_array_equal(*map(_bits, pair))
        elif isinstance(pair[0], np.ndarray):
            np.testing.assert_array_equal(*pair)
        else:
            assert pair[0] == pair[1], field.name


@pytest.fixture(scope="session")
def assert_same():
    """Takes two sets, and whether images must agree, too."""
    return _assert_same


def _cut_at_record(path):
    records = list(tf.data.TFRecordDataset(str(path)))[:-1]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record.numpy())


def _cut_in_record(path):
    path.write_bytes(path.read_bytes()[:-5])


def _flip(path, position=None):
    """Flips a bit, in the middle unless told otherwise."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if position is None else position] ^= 4
    path.write_bytes(content)


_DAMAGE = {
    "cut at record": _cut_at_record,
    "cut in record": _cut_in_record,
    "flip": _flip,
    "flip 0": lambda path: _flip(path, 0),
    "flip 100": lambda path: _flip(path, 100),
    "flip -9": lambda path: _flip(path, -9),
    "empty": lambda path: path.write_bytes(b""),
    "delete": lambda path: path.unlink(),
    "link": lambda path: (
        path.rename(path.with_name("x")) and path.symlink_to("x")
    ),
}


@pytest.fixture(scope="session")
def damage():
    """Functions of a path, by what they do to the file."""
    return _DAMAGE


@pytest.fixture
def flipped(monkeypatch):
    """Takes a file; yields bytes' positions while a bit of each is flipped.

    All of them, unless told to skip some.

    Which record is bad, other tests look at; looking takes a while.
    """
    monkeypatch.setattr(manifest, "_readable", lambda path, records: "")
    return flips
