"""Image files in one folder per class."""

import concurrent.futures
import pathlib

import numpy as np
import tensorflow as tf

from fred_tf.datasets.image_data import Split
from fred_tf.disk.files import Path

SUFFIXES = (".png", ".jpg", ".jpeg")
TEST_FOLDERS = ("test", "validation", "val")


def read(root: Path) -> tuple[Split, Split, tuple[str, ...]]:
    """Returns train split, test split and class names of an image folder.

        root/train/<class>/*.png
        root/test/<class>/*.png

    Classes are numbered in the sorted order of their folder names, images
    follow the sorted order of their file names. PNG and JPEG files are read,
    others ignored. Where there is no `test` folder, `validation` or `val`
    takes its place.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: a class has no images, a file cannot be decoded, images
            differ in size or channels, or the test split has a class that
            the training split lacks.
    """
    root = pathlib.Path(root).expanduser()
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
    paths, labels = [], []
    for label, name in enumerate(class_names):
        class_paths = sorted(
            path
            for path in (folder / name).glob("*")
            if path.suffix.lower() in SUFFIXES
        )
        paths += class_paths
        labels += [label] * len(class_paths)
    if not paths:
        raise ValueError(
            f"{folder} must hold <class>/*.png or *.jpg files. Received: none."
        )
    with concurrent.futures.ThreadPoolExecutor() as pool:
        images = list(pool.map(_read_image, paths))
    for path, image in zip(paths, images):
        if image.shape != images[0].shape:
            raise ValueError(
                "All images must have the same height, width and channels. "
                f"Received: {images[0].shape} in {paths[0]} and {image.shape} "
                f"in {path}. Resize or convert one of them."
            )
    return Split(np.stack(images), np.asarray(labels))


def _read_image(path: pathlib.Path) -> np.ndarray:
    try:
        return tf.io.decode_image(
            path.read_bytes(), expand_animations=False
        ).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"{path} is not a readable PNG or JPEG file: {error.message} "
            "Restore it from a copy, or remove it."
        ) from error
