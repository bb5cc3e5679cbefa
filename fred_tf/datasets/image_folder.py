"""Image files in one folder per class."""

import collections
import concurrent.futures
import pathlib
from collections.abc import Iterable

import numpy as np
from absl import logging

from fred_tf.datasets import encoded_images
from fred_tf.datasets.image_data import Split
from fred_tf.disk import files, paths
from fred_tf.disk.files import Path

SUFFIXES = (".png", ".jpg", ".jpeg")
TEST_FOLDERS = ("test", "validation", "val")


def read(root: Path) -> tuple[Split, Split, tuple[str, ...]]:
    """Returns train split, test split and class names of an image folder.

        root/train/<class>/*.png
        root/test/<class>/*.png

    Classes are numbered in the sorted order of their folder names, images
    follow the sorted order of their file names. PNG and JPEG files are read;
    what else is there, a warning counts and names. PNG files of 16 bits become
    float32, divided by 65,535. Where there is no `test` folder, `validation` or
    `val` takes its place.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: a class has no images, a file cannot be decoded or claims
            too many pixels, images differ in size, channels or bits, or the
            test split has a class that the training split lacks.
    """
    root = paths.checked(root, "folder:")
    train = root / "train"
    tests = [root / name for name in TEST_FOLDERS if (root / name).is_dir()]
    if not train.is_dir() or not tests:
        raise FileNotFoundError(
            f"{root} must hold train/<class>/ and test/<class>/ with "
            f"{', '.join(SUFFIXES)} files."
        )
    class_names = _class_names(train)
    unknown = sorted(set(_class_names(tests[0])) - set(class_names))
    if unknown:
        raise ValueError(
            f"Every class of {tests[0]} must occur in {train}. Received: "
            f"{unknown} besides. Remove these folders, or add training images."
        )
    return (
        _read_split(train, class_names),
        _read_split(tests[0], class_names),
        class_names,
    )


def _class_names(folder: pathlib.Path) -> tuple[str, ...]:
    return tuple(
        sorted(
            path.name
            for path in folder.iterdir()
            if path.is_dir() and not path.name.startswith(".")
        )
    )


def _read_split(folder: pathlib.Path, class_names: tuple[str, ...]) -> Split:
    found, labels = [], []
    for label, name in enumerate(class_names):
        of_class = sorted(filter(_is_read, (folder / name).glob("*")))
        found += of_class
        labels += [label] * len(of_class)
    _tell_of_others(folder, found)
    if not found:
        raise ValueError(
            f"{folder} must hold <class>/*.png or *.jpg files. Received: none."
        )
    with concurrent.futures.ThreadPoolExecutor() as pool:
        images = list(pool.map(_read_image, found))
    for path, image in zip(found, images):
        if (image.shape, image.dtype) != (images[0].shape, images[0].dtype):
            raise ValueError(
                "All images must have the same height, width, channels and "
                f"bits. Received: {images[0].shape} {images[0].dtype} in "
                f"{found[0]} and {image.shape} {image.dtype} in {path}. Resize "
                "or convert one of them."
            )
    stacked = np.stack(images)
    if stacked.dtype == np.uint16 and (brightest := stacked.max()) < 1 << 15:
        logging.warning(
            "%s holds images of 16 bits whose brightest value is %d: they are "
            "divided by 65,535 and so at most %.3f of 1. If they are of fewer "
            "bits, multiply them before they are written.",
            folder,
            brightest,
            brightest / encoded_images.MOST_OF_16_BITS,
        )
    return Split(encoded_images.scaled(stacked), np.asarray(labels))


def _is_read(path: pathlib.Path) -> bool:
    hidden = path.name.startswith(".")
    return not hidden and path.suffix.lower() in SUFFIXES and path.is_file()


def _tell_of_others(
    folder: pathlib.Path, found: Iterable[pathlib.Path]
) -> None:
    """Warns of the files of a split that are not read, by what they are."""
    read = set(found)
    others = [p for p in sorted(folder.rglob("*")) if p not in read]
    others = [path for path in others if not path.is_dir()]
    if not others:
        return
    counts = collections.Counter(_kind(folder, path) for path in others)
    logging.warning(
        "%d of %d files in %s are NOT used: %s; e.g. %s. Only %s in <class>/ "
        "are: convert or move the others.",
        len(others),
        len(others) + len(read),
        folder,
        ", ".join(f"{n} {kind}" for kind, n in counts.most_common()),
        ", ".join(repr(str(p.relative_to(folder))) for p in others[:3]),
        ", ".join(SUFFIXES),
    )


def _kind(folder: pathlib.Path, path: pathlib.Path) -> str:
    if any(x.startswith(".") for x in path.relative_to(folder).parts):
        return "hidden"
    depth = len(path.relative_to(folder).parts)
    if depth != 2:
        return "in subfolders of classes" if depth > 2 else "beside the classes"
    return path.suffix.lower() or "without a suffix"


def _read_image(path: pathlib.Path) -> np.ndarray:
    # Data sets are often links to files elsewhere.
    return encoded_images.decode(files.read_bytes(path.resolve()), str(path))
