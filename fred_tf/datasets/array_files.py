"""Arrays in files: `.npz`, a folder of `.npy`, or the `.h5` of 3D-MNIST."""

import contextlib
import os
import pathlib
from collections.abc import Iterable, Iterator

import h5py
import numpy as np

from fred_tf.datasets import arrays, raw_images
from fred_tf.datasets.raw_images import Found
from fred_tf.disk import arrays as npy
from fred_tf.disk import files, npz
from fred_tf.disk.paths import Path, checked

SUFFIXES = (".npz", ".h5", ".hdf5")

# What the arrays are called, in lower case: images and labels to train on, and
# to test with.
_NAMES = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("images", "labels", "test_images", "test_labels"),
    ("x", "y", "x_test", "y_test"),
)
# Bytes of a file, and of each array, at most.
_MOST = 1 << 33


def read(path: Path) -> Found:
    """Returns the splits of a file, and names of classes: their numbers.

    Images are as `arrays.read` takes them. Volumes that lie as vectors of a
    cubic number of values, as in `full_dataset_vectors.h5` of 3D-MNIST
    (Kaggle, daavoo/3d-mnist: 4,096 values), become cubes with one channel.

    A folder holds each array as a `.npy` file of its name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such file, or holds no such arrays.
    """
    path = checked(path, "file")
    suffix = path.suffix.lower()
    if not path.is_dir() and suffix not in SUFFIXES:
        raise ValueError(
            f"Arrays are read from {', '.join(SUFFIXES)} files, or from a "
            f"folder with a .npy file of each. Received: {path}."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    readers = {".npz": _npz, ".h5": _hdf5, ".hdf5": _hdf5}
    reader = _npy if path.is_dir() else readers[suffix]
    with _explained(path):
        images, labels, *tests = reader(path)
        pairs = [(_cubes(images), labels)]
        if tests:
            pairs.append((_cubes(tests[0]), tests[1]))
    train, test, class_names = arrays.read(
        pairs[0] if len(pairs) == 1 else tuple(pairs)
    )
    place = f"split of {path.name}"
    return Found(
        raw_images.of_split(train, f"the train {place}"),
        test and raw_images.of_split(test, f"the test {place}"),
        class_names,
    )


@contextlib.contextmanager
def _explained(path: pathlib.Path) -> Iterator[None]:
    """Adds to what is wrong with a file which it is, and what it must hold."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} must hold arrays of numbers called "
            f"{' or '.join(str(list(names[:2])) for names in _NAMES)}, and if "
            f"there are test images {list(_NAMES[0][2:])} or alike. Received: "
            f"{str(error).rstrip('.')}."
        ) from error


def _wanted(there: Iterable[str]) -> list[str]:
    """Returns the names of the arrays to read, as they are written."""
    written = {name.lower(): name for name in there}
    for train_images, train_labels, *tests in _NAMES:
        if train_images in written and train_labels in written:
            names = [train_images, train_labels]
            names += tests if all(name in written for name in tests) else []
            return [written[name] for name in names]
    raise ValueError(f"arrays called {sorted(written.values())[:20]}")


def _npy(folder: pathlib.Path) -> list[np.ndarray]:
    there = {p.stem: p for p in sorted(folder.glob("*.npy"))}
    parts = []
    for name in _wanted(there):
        with files.opened(there[name]) as file:
            length = os.fstat(file.fileno()).st_size
            try:
                parts.append(npy.within(file, length, _MOST))
            except ValueError as error:
                raise ValueError(f"`{name}`, which {error}") from error
    return parts


def _npz(path: pathlib.Path) -> list[np.ndarray]:
    return npz.within(path, _wanted, _MOST)


def _hdf5(path: pathlib.Path) -> list[np.ndarray]:
    with files.opened(path) as file, h5py.File(file, "r") as stored:
        names = _wanted(k for k in stored if _is_plain(stored, k))
        parts = [stored[name] for name in names]
        for name, part in zip(names, parts):
            if part.nbytes > _MOST or part.dtype.kind not in "uifb":
                raise ValueError(
                    f"{name} of shape {part.shape} and type {part.dtype}"
                )
        return [part[()] for part in parts]


def _is_plain(stored: h5py.File, name: str) -> bool:
    """Says whether a name is an array of this file, not a link to another."""
    link = stored.get(name, getlink=True)
    return isinstance(link, h5py.HardLink) and isinstance(
        stored[name], h5py.Dataset
    )


def _cubes(images: np.ndarray) -> np.ndarray:
    """Returns vectors as cubes with one channel; others stay as they are."""
    if images.ndim != 2:
        return images
    side = round(images.shape[1] ** (1 / 3))
    if side < 2 or side**3 != images.shape[1]:
        raise ValueError(
            f"vectors of {images.shape[1]} values, which is no cube of a "
            "whole number"
        )
    return images.reshape(-1, side, side, side, 1).astype(np.float32)
