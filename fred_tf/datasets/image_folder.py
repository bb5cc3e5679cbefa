"""Image files in one folder per class."""

import collections
import concurrent.futures
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence, Set

import numpy as np
from absl import logging

from fred_tf import progress
from fred_tf.datasets import pictures
from fred_tf.datasets.file_ends import ends
from fred_tf.datasets.raw_images import Found, Raw
from fred_tf.disk import files
from fred_tf.disk.paths import Path, checked

TEST_FOLDERS = ("test", "validation", "valid", "val")
# What people call splits, too: no names of classes where all are like these.
_SPLITS = {*TEST_FOLDERS, "train", "training", "testing", "dev", "eval"}
# Pictures that are decoded at a time, which may be large; and bytes of a file.
_AHEAD, _MOST_BYTES = 8, 1 << 28
# What systems and archives leave beside people's files.
_HIDDEN = (".", "__MACOSX")


def read(root: Path) -> Found:
    """Returns the splits of a folder, not decoded yet.

        root/<class>/**/*.jpg
        root/train/<class>/**/*.jpg   root/test/<class>/**/*.jpg

    Classes are numbered in the sorted order of their folder names, images
    follow the sorted order of their paths. What is not read, a warning counts
    and names. The test split is in `test`, `validation`, `valid` or `val`, the
    first beside `train` that holds folders, without which pictures have no
    labels; it is None where none does.

    Raises:
        FileNotFoundError: the folder is missing, or holds no folders.
        OSError: a folder of a class, or one within it, cannot be listed.
        ValueError: a class has no pictures, the test split has a class that
            the training split lacks, or splits would be taken for classes.
    """
    root = checked(root, "folder")
    train = root / "train" if (root / "train").is_dir() else root
    # Without classes pictures have no labels: competitions keep theirs.
    tests = [root / name for name in TEST_FOLDERS if _class_names(root / name)]
    test = tests[0] if tests and train != root else None
    class_names = _class_names(train)
    if not class_names:
        raise FileNotFoundError(
            f"{root} must hold a folder of pictures for each class, or such "
            "folders in `train` and `test`. Received: "
            f"{'none in it' if root.is_dir() else 'no such folder'}. Where "
            "it has moved, --data_dir says to where; in Python `data_dir`."
        )
    if train == root and {name.lower() for name in class_names} <= _SPLITS:
        raise ValueError(
            f"A folder in {root} is a class, unless one of them is `train`. "
            f"Received: {list(class_names)}, which are splits by their names. "
            "Call the one to train on `train`, and the one to test on `test`."
        )
    if train != root:
        _tell_of_splits(root, {train, test})
    if test is None:
        return Found(_split(train, class_names), None, class_names)
    unknown = sorted(set(_class_names(test)) - set(class_names))
    if unknown:
        raise ValueError(
            f"Every class of {test} must occur in {train}. Received: "
            f"{unknown} besides. Remove these folders, or add training images."
        )
    return Found(
        _split(train, class_names),
        _split(test, class_names, may_be_empty=True),
        class_names,
        test.name,
    )


def _class_names(folder: pathlib.Path) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    return tuple(
        sorted(
            path.name
            for path in folder.iterdir()
            if path.is_dir() and not path.name.startswith(_HIDDEN)
        )
    )


def _split(
    folder: pathlib.Path,
    class_names: Sequence[str],
    may_be_empty: bool = False,
) -> Raw:
    paths: list[pathlib.Path] = []
    labels: list[int] = []
    there: list[pathlib.Path] = []
    for label, name in enumerate(class_names):
        inside = _within(folder / name, folder)
        chosen = sorted(path for path in inside if _is_read(path, folder))
        if not chosen and not may_be_empty:
            raise ValueError(
                f"Every class must have pictures. Received: {folder / name} "
                f"with none of {', '.join(pictures.SUFFIXES)}. Add some, or "
                "remove the folder."
            )
        paths += chosen
        labels += [label] * len(chosen)
        there += inside
    _tell_of_others(folder, class_names, there, paths)
    if not paths:
        raise ValueError(
            f"{folder} must hold pictures in its classes. Received: none. Add "
            "some, or remove the folder."
        )
    with concurrent.futures.ThreadPoolExecutor() as pool:
        looked = pool.map(_looked_at, paths)
        headers, digests = zip(*progress.each(looked, "picture", len(paths)))
    return Raw(
        np.array(labels),
        lambda rows: _decoded([paths[row] for row in rows]),
        lambda row: str(paths[row]),
        headers,
        str(folder),
        {"files": _identity(folder, paths, digests)},
        divided=True,
    )


def _within(folder: pathlib.Path, split: pathlib.Path) -> list[pathlib.Path]:
    """Returns all that a folder of a split holds; links in it are not entered.

    Raises:
        OSError: a folder cannot be listed, and is not hidden.
    """

    def refuse(error: OSError) -> None:
        if not _is_hidden(pathlib.Path(error.filename), split):
            raise OSError(
                error.errno,
                "Each folder of a class must be readable. Received: "
                f"{error.filename}, {error.strerror}. Let it be read, or move "
                "it elsewhere.",
            ) from error

    if not folder.is_dir():
        return []
    return [
        pathlib.Path(parent, name)
        for parent, folders, names in os.walk(folder, onerror=refuse)
        for name in (*folders, *names)
    ]


def _is_hidden(path: pathlib.Path, folder: pathlib.Path) -> bool:
    parts = path.relative_to(folder).parts
    return any(part.startswith(_HIDDEN) for part in parts)


def _is_read(path: pathlib.Path, folder: pathlib.Path) -> bool:
    is_picture = path.suffix.lower() in pictures.SUFFIXES
    return is_picture and path.is_file() and not _is_hidden(path, folder)


def _tell_of_splits(root: pathlib.Path, read: Set[pathlib.Path | None]) -> None:
    """Warns of what lies beside the splits of a folder and is not read."""
    others = [
        path.name
        for path in sorted(set(root.iterdir()) - read)
        if not _is_hidden(path, root)
        and (path.is_dir() or path.suffix.lower() in pictures.SUFFIXES)
    ]
    if others:
        logging.warning(
            "%d folders and pictures in %s are NOT used, since `train` is "
            "there: %s. Images to test on lie in the first of %s that holds a "
            "folder for each class.",
            len(others),
            root,
            ", ".join(map(repr, others[:3])),
            ", ".join(TEST_FOLDERS),
        )


def _tell_of_others(
    folder: pathlib.Path,
    class_names: Iterable[str],
    within: Iterable[pathlib.Path],
    found: Iterable[pathlib.Path],
) -> None:
    """Warns of the files of a split that are not read, by what they are."""
    classes, read = [folder / name for name in class_names], set(found)
    there = set(folder.iterdir()).difference(classes)
    there.update(within, *(_within(path, folder) for path in there))
    others = [path for path in sorted(there) if path not in read]
    # Folders that are links are entered where they are classes.
    others = [p for p in others if p.is_symlink() or not p.is_dir()]
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
        ", ".join(pictures.SUFFIXES),
    )


def _kind(folder: pathlib.Path, path: pathlib.Path) -> str:
    if _is_hidden(path, folder):
        return "hidden"
    if len(path.relative_to(folder).parts) == 1:
        return "beside the classes"
    if path.is_dir():
        return "a folder that is a link, within a class"
    return path.suffix.lower() or "without a suffix"


def _looked_at(
    path: pathlib.Path,
) -> tuple[pictures.Header | ValueError, str]:
    """Returns what a picture claims to be, and a digest of its two ends."""
    told = b""
    try:
        # Data sets are often links to files elsewhere.
        with files.opened(path.resolve()) as file:
            told = ends(file)
            return pictures.header(file, path), files.digest(told)
    except ValueError as error:
        return error, files.digest(told)


def _decoded(
    paths: Sequence[pathlib.Path],
) -> Iterator[np.ndarray | ValueError]:
    """Yields pictures in order, decoded by threads, a few ahead."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for start in range(0, len(paths), _AHEAD):
            yield from pool.map(_decode, paths[start : start + _AHEAD])


def _decode(path: pathlib.Path) -> np.ndarray | ValueError:
    try:
        return pictures.decode(
            files.read_bytes(path.resolve(), _MOST_BYTES), path
        )
    except ValueError as error:
        return error


def _identity(
    folder: pathlib.Path, paths: Sequence[pathlib.Path], digests: Iterable[str]
) -> str:
    """Returns a digest that changes when a file of a folder does.

    A folder that has moved keeps it. Sizes and times alone may be those of
    another folder, e.g. of bitmaps that were unpacked.
    """
    told = [
        (p.relative_to(folder).as_posix(), s.st_size, s.st_mtime_ns, digest)
        for p, digest in zip(paths, digests)
        for s in [p.stat()]
    ]
    return files.digest(repr(told).encode())
