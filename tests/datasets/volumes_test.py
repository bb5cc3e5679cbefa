"""Volumes: `Tensor` features of TFDS, arrays in memory and in files."""

import itertools

import h5py
import numpy as np
import pytest
import tensorflow_datasets as tfds

from fred_tf import datasets
from fred_tf.datasets.preparation import Preparation
from tests.datasets.prepared import LABEL, prepare

LABELS = [0, 1, 0, 1, 1]


def volumes(kind, shape=(4, 5, 6)):
    generator = np.random.default_rng(0)
    values = generator.integers(0, 2, (len(LABELS), *shape))
    if kind == np.uint16:
        return (values * 65_535).astype(kind)
    return values.astype(kind)


def write(folder, feature, images):
    rows = [{"image": x, "label": y} for x, y in zip(images, LABELS)]
    prepare(
        folder / "solids" / "1.0.0",
        {"image": feature, "label": LABEL},
        {"train": rows, "test": rows[:3]},
    )


ENCODINGS = ("none", "bytes", "zlib")
KINDS = (np.float32, np.uint8, np.bool_, np.uint16)
CHANNELS = ((), (1,), (4,))


def cells():
    """All triples; the quick ones have each pair of two of the three."""
    for e, k, c in itertools.product(range(3), range(4), range(3)):
        slow = [] if (e + k + c) % 3 == 0 else [pytest.mark.slow]
        cell = ENCODINGS[e], KINDS[k], CHANNELS[c]
        yield pytest.param(*cell, marks=slow)


@pytest.mark.parametrize(("encoding", "kind", "channels"), cells())
def test_tensors_of_tfds_are_volumes(tmp_path, encoding, kind, channels):
    shape = (4, 5, 6, *channels)
    images = volumes(kind, shape)
    feature = tfds.features.Tensor(shape=shape, dtype=kind, encoding=encoding)
    write(tmp_path, feature, images)
    data = datasets.load("solids", tmp_path)
    wanted = images if len(shape) == 4 else images[..., None]
    assert data.image_shape == wanted.shape[1:]
    scale = 255 if data.train.images.dtype == np.uint8 else 1
    np.testing.assert_array_equal(data.train.images / scale, wanted > 0)
    np.testing.assert_array_equal(data.train.labels, LABELS)
    assert len(data.test) == 3


def test_bytes_that_are_levels_stay(tmp_path):
    images = 7 * volumes(np.uint8)
    feature = tfds.features.Tensor(shape=(4, 5, 6), dtype=np.uint8)
    write(tmp_path, feature, images)
    data = datasets.load("solids", tmp_path)
    np.testing.assert_array_equal(data.train.images[..., 0], images)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((None, 5, 6), np.uint8), ((4, 5, 6), np.int32), ((6,), np.uint8)],
)
def test_tensors_that_are_no_volumes_are_refused(tmp_path, shape, kind):
    images = volumes(kind, [size or 4 for size in shape])
    write(tmp_path, tfds.features.Tensor(shape=shape, dtype=kind), images)
    with pytest.raises(ValueError, match="`Tensor`.*depth.*'solids'"):
        datasets.load("solids", tmp_path)


def test_bytes_expand_no_further_than_a_volume(tmp_path):
    """What zlib makes of a record is bounded, not believed."""
    larger = tfds.features.Tensor(
        shape=(40, 50, 60), dtype=np.uint8, encoding="zlib"
    )
    write(tmp_path, larger, volumes(np.uint8, (40, 50, 60)))
    folder = tmp_path / "solids" / "1.0.0"
    path = folder / "features.json"
    claimed = path.read_text()
    for size, less in (("40", "4"), ("50", "5"), ("60", "6")):
        claimed = claimed.replace(f'"{size}"', f'"{less}"')
    path.write_text(claimed)
    with pytest.raises(ValueError, match="120 bytes. Received: 121 or more"):
        datasets.load("solids", tmp_path)


def test_pictures_may_lie_as_tensors(tmp_path):
    images = volumes(np.uint8, (4, 5, 3)) * np.uint8(200)
    feature = tfds.features.Tensor(shape=(4, 5, 3), dtype=np.uint8)
    write(tmp_path, feature, images)
    data = datasets.load("solids", tmp_path)
    np.testing.assert_array_equal(data.train.images, images)


def test_a_size_of_pictures_is_refused_of_volumes(tmp_path):
    feature = tfds.features.Tensor(shape=(4, 5, 6), dtype=np.uint8)
    write(tmp_path, feature, volumes(np.uint8))
    with pytest.raises(ValueError, match="of pictures; volumes stay"):
        datasets.load("solids", tmp_path, preparation=Preparation(4))


def test_arrays_of_four_axes_may_be_volumes():
    deep = volumes(np.uint8, (7, 8, 8))
    data = datasets.load((deep, np.array(LABELS)))
    assert data.image_shape == (7, 8, 8, 1)
    np.testing.assert_array_equal(data.train.images[..., 0], 255 * deep)
    spectral = volumes(np.float32, (8, 8, 4))
    assert datasets.load((spectral, np.array(LABELS))).image_shape == (8, 8, 4)
    with pytest.raises(ValueError, match="channels last"):
        datasets.load((volumes(np.float32, (3, 8, 8)), np.array(LABELS)))


@pytest.mark.parametrize("suffix", [".npz", ".h5", ""])
def test_arrays_of_files_may_be_volumes(tmp_path, suffix):
    path = tmp_path / f"solids{suffix}"
    images, labels = volumes(np.float32, (6, 6, 6)), np.array(LABELS)
    arrays = {"X_train": images, "y_train": labels}
    arrays |= {"X_test": images[:2], "y_test": labels[:2]}
    if suffix == ".npz":
        np.savez(path, **arrays)
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                # As 3D-MNIST has them, vectors.
                flat = array.reshape(len(array), -1)
                file[name] = flat if name.startswith("X") else array
    else:
        path.mkdir()
        for name, array in arrays.items():
            np.save(path / f"{name}.npy", array)
    data = datasets.load(f"file:{path}")
    assert data.dataset == f"file:solids{suffix}"
    assert data.image_shape == (6, 6, 6, 1)
    np.testing.assert_array_equal(data.train.images[..., 0], images)
    assert len(data.test) == 2


def test_a_folder_without_arrays_is_refused(tmp_path):
    np.save(tmp_path / "images.npy", volumes(np.float32))
    with pytest.raises(ValueError, match=r"arrays called \['images'\]"):
        datasets.load(f"file:{tmp_path}")
