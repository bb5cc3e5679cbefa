"""Arrays in files: `.npz`, a folder of `.npy`, or the `.h5` of 3D-MNIST."""

import collections
import contextlib
import itertools
import math
import os
import pathlib
from collections.abc import Callable, Collection, Iterable, Iterator

import h5py
import numpy as np
from absl import logging

from fred_tf.datasets import arrays, raw_images
from fred_tf.datasets.data_facts import TEST
from fred_tf.datasets.raw_images import Found
from fred_tf.disk import arrays as npy
from fred_tf.disk import files, npz
from fred_tf.disk.paths import Path, checked

SUFFIXES = (".npz", ".h5", ".hdf5")

# What images and labels are called, in lower case; the first that are there.
_TRAIN = (
    ("x_train", "y_train"),
    ("train_images", "train_labels"),
    ("images", "labels"),
    ("x", "y"),
)
_TEST = (("x_test", "y_test"), ("test_images", "test_labels"))
_VALIDATION = (
    ("x_val", "y_val"),
    ("x_valid", "y_valid"),
    ("x_validation", "y_validation"),
    ("val_images", "val_labels"),
    ("validation_images", "validation_labels"),
)
# What is tested on, the first that is there.
_TESTED = {TEST: _TEST, "validation": _VALIDATION}
# Bytes of a file, and of each array, at most.
_MOST = 1 << 33

# Called with the names of all arrays, returns those of the ones to read.
_Choose = Callable[[Iterable[str]], list[str]]


def read(path: Path) -> Found:
    """Returns the splits of a file, and names of classes: their numbers.

    Images are as `arrays.read` takes them. Volumes that lie as vectors of a
    cubic number of values, as in `full_dataset_vectors.h5` of 3D-MNIST
    (Kaggle, daavoo/3d-mnist: 4,096 values), become cubes with one channel.

    A folder holds each array as a `.npy` file of its name. Links to files are
    followed, as in folders of images; what a file itself refers to is not.
    Where it has no test images, those to validate with stand for them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such file, holds no such arrays, has test images
            without labels or the other way round, two arrays whose names
            differ by case alone, or says that an array lies in another file.
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
    tested_on = TEST

    def choose(there: Iterable[str]) -> list[str]:
        nonlocal tested_on
        chosen, tested_on = _wanted(there)
        return chosen

    with _explained(path):
        images, labels, *tests = reader(path.resolve(), choose)
        pairs = [(_cubes(images), labels)]
        if tests:
            pairs.append((_cubes(tests[0]), tests[1]))
    train, test, class_names = arrays.read(
        pairs[0] if len(pairs) == 1 else tuple(pairs)
    )
    place = f"split of {path.name}"
    return Found(
        raw_images.of_split(train, f"the train {place}"),
        test and raw_images.of_split(test, f"the {tested_on} {place}"),
        class_names,
        tested_on,
    )


@contextlib.contextmanager
def _explained(path: pathlib.Path) -> Iterator[None]:
    """Adds to what is wrong with a file which it is, and what it must hold."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} must hold arrays of numbers called {_either(_TRAIN)}, and "
            f"if there are test images {_either(_TEST)}. Received: "
            f"{str(error).rstrip('.')}."
        ) from error


def _either(pairs: Iterable[tuple[str, str]]) -> str:
    return " or ".join(str(list(pair)) for pair in pairs)


def _wanted(there: Iterable[str]) -> tuple[list[str], str]:
    """Returns the names of the arrays to read, as they are written.

    And what the last two of four are.

    Raises:
        ValueError: none are to train on, half a pair is to test with, or a
            name is written in two ways.
    """
    written = collections.defaultdict(list)
    for name in there:
        written[name.lower()].append(name)
    train = _first(_TRAIN, written)
    if not train:
        raise ValueError(
            f"arrays called {sorted(itertools.chain(*written.values()))[:20]}"
        )
    tests = {split: _first(pairs, written) for split, pairs in _TESTED.items()}
    halves = [pair for pair in _TEST if written.keys() & set(pair)]
    if halves and not tests[TEST]:
        raise ValueError(
            " and ".join(
                f"{written[one][0]!r} without {other!r}"
                for pair in halves
                for one, other in (pair, pair[::-1])
                if one in written
            )
        )
    tested_on = next((split for split, pair in tests.items() if pair), TEST)
    wanted = (*train, *tests[tested_on])
    if twice := [written[name] for name in wanted if len(written[name]) > 1]:
        raise ValueError(
            f"{' and '.join(map(repr, twice[0]))}, which differ by case "
            "alone. Leave one out, or rename it"
        )
    read = [written[name][0] for name in wanted]
    known = {x for pair in (*_TRAIN, *_TEST, *_VALIDATION) for x in pair}
    passed = [written[x] for x in known & written.keys() - {*wanted}]
    if passed:
        logging.warning(
            "Images and labels are read from %s alone. Not read: %s.",
            ", ".join(read),
            ", ".join(sorted(itertools.chain(*passed))),
        )
    return read, tested_on


def _first(
    pairs: Iterable[tuple[str, str]], there: Collection[str]
) -> tuple[str, ...]:
    return next((pair for pair in pairs if set(pair) <= set(there)), ())


def _npy(folder: pathlib.Path, choose: _Choose) -> list[np.ndarray]:
    there = {p.stem: p for p in sorted(folder.glob("*.npy"))}
    parts = []
    for name in choose(there):
        with files.opened(there[name].resolve()) as file:
            length = os.fstat(file.fileno()).st_size
            try:
                parts.append(npy.within(file, length, _MOST))
            except ValueError as error:
                raise ValueError(f"`{name}`, which {error}") from error
    return parts


def _npz(path: pathlib.Path, choose: _Choose) -> list[np.ndarray]:
    return npz.within(path, choose, _MOST)


def _hdf5(path: pathlib.Path, choose: _Choose) -> list[np.ndarray]:
    with files.opened(path) as file, h5py.File(file, "r") as stored:
        names = choose(k for k in stored if _is_plain(stored, k))
        parts = [stored[name] for name in names]
        for name, part in zip(names, parts):
            # HDF5 would read any file that they name, or crash.
            if part.is_virtual or part.external:
                raise ValueError(
                    f"{name!r}, which lies in other files. Copy it into this "
                    "one"
                )
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
    if math.isqrt(images.shape[1]) ** 2 == images.shape[1]:
        logging.warning(
            "Vectors of %d values are taken for volumes of %d x %d x %d. Store "
            "images as [n, height, width].",
            images.shape[1],
            *[side] * 3,
        )
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
    return images.reshape(-1, side, side, side, 1)
