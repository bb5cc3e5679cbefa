"""Files of others with images and labels: `.npz`, and nothing that is code."""

import pathlib
from collections.abc import Sequence

import numpy as np

from fred_tf.disk import files, npz
from fred_tf.disk.paths import Path, checked

SUFFIX = ".npz"
# What PyTorch and Python write, by their suffixes.
PICKLES = (".pt", ".pth", ".pkl", ".pickle")
# What the arrays of images and of labels are called.
_NAMES = (
    ("images", "labels"),
    ("image_syn", "label_syn"),
    ("data", "labels"),
    ("data", "targets"),
    ("x_train", "y_train"),
    ("x", "y"),
)
# Bytes of an archive that hold the name of its first array.
_HEAD = 64
_WRITE = "Write it with `numpy.savez(path, images=images, labels=labels)`."


def is_array_file(path: Path) -> bool:
    """Returns whether a path is one of these, or one that is refused.

    An export is none, be it `images.npz` or a folder: it says what its arrays
    mean.
    """
    path = checked(path)
    suffix = path.suffix.lower()
    if path.is_dir():
        return False
    return suffix in PICKLES or (suffix == SUFFIX and not _is_export(path))


def _is_export(path: Path) -> bool:
    """Returns whether a file begins with the array that only exports have."""
    try:
        with files.opened(path) as file:
            return f"{npz.ABOUT}.npy".encode() in file.read(_HEAD)
    except (OSError, ValueError):  # Reading it tells why.
        return False


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns images and labels of a `.npz` file, within the bounds of `npz`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, no such file, or a pickle; or it has not
            exactly one pair of arrays with the usual names.
    """
    path = checked(path)
    if path.suffix.lower() in PICKLES:
        raise ValueError(_of_pickle(path))
    if path.suffix.lower() != SUFFIX:
        raise ValueError(
            f"Sets of others are read from `.npz` files. Received: {path}. "
            f"{_WRITE}"
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    images, labels = npz.read(path, _wanted, _WRITE)
    return images, labels


def _wanted(there: Sequence[str]) -> tuple[str, str]:
    found = [pair for pair in _NAMES if set(pair) <= set(there)]
    if len(found) != 1:
        raise ValueError(
            f"arrays called {sorted(there)[:20]}, which must hold one of the "
            f"pairs {', '.join(' and '.join(pair) for pair in _NAMES)}"
        )
    return found[0]


def _of_pickle(path: pathlib.Path) -> str:
    """Returns why a pickle is not read, and how it becomes a `.npz` file."""
    return (
        "Pickles run code when they are read, so none is. Received: "
        f'{path}. Where PyTorch is, convert it: python -c "import numpy, '
        "torch; read = lambda path: torch.load(path, map_location='cpu', "
        f"weights_only=True).detach().numpy(); numpy.savez('{path.stem}.npz', "
        f"images=read('{path.name}'), labels=read('LABELS{path.suffix}'))\" "
        "and give the .npz file, with --channels_first where its images have "
        "them so."
    )
