"""A synthetic set as one `.npz` file of plain arrays, for NumPy alone."""

import io
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from fred_tf.disk import (
    archives,
    arrays,
    files,
    json_text,
    npz,
    replaceable,
)
from fred_tf.forms import facts, limits, manifest
from fred_tf.forms.form import SetForm
from fred_tf.forms.provenance import provenance, purpose
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet


class ImagesNpz(SetForm):
    """One file that NumPy reads alone; nothing in it is pickled.

    ```python
    stored = np.load("images.npz", allow_pickle=False)
    images, labels = stored["images"], stored["labels"]
    names = stored["class_names"][labels]
    pixels = images * stored["deviation"] + stored["mean"]  # in [0, 1] units
    about = json.loads(stored["about"].tobytes())  # the rest
    ```

    `images` are float32 `[n, ..., channels]`, bit for bit as networks see
    them, normalised and not clipped; `labels` int64 `[n]`; `class_names` text
    `[classes]`. A set with soft labels has them as `soft_labels` float32 `[n,
    classes]`. `mean` and `deviation`, float32 `[channels]`, undo the usual
    normalisation; one of another kind has none, and `about` says what it is.

    `about` is JSON in UTF-8 as uint8: `description`, `class_names`,
    `normalization`, `details`, `citation` and `license` as other forms have
    them, and the SHA-256 of each array, of its bytes as `.npy` file, and of
    itself.
    """

    name = kind = "images_npz"
    path = "images.npz"
    loading = """\
import json

import numpy as np

stored = np.load(PATH, allow_pickle=False)
images, labels = stored["images"], stored["labels"]
names = stored["class_names"]
about = json.loads(stored["about"].tobytes())
print(about["description"])  # what its pixels mean"""
    arrays = """\
import numpy as np

stored = np.load(PATH, allow_pickle=False)
images, labels = stored["images"], stored["labels"]"""
    soft_arrays = 'soft_labels = stored["soft_labels"]'

    def check_replaceable(self, path):
        if path.suffix != ".npz":
            raise ValueError(
                "`images_npz` is a `.npz` file. Received: "
                f"{path}. Give a name that ends in `.npz`."
            )
        # What comes before, the format version, may be another.
        replaceable.check_file(path, f'"kind":"{self.kind}"'.encode())

    def write(self, decoded, memory, path):
        path = pathlib.Path(path)
        self.check_replaceable(path)
        held = _arrays(decoded)
        entries = {
            name: {"sha256": files.digest(_npy(array))}
            for name, array in held.items()
        }
        said = {
            "description": _description(decoded),
            **facts.of(decoded),
            **provenance(decoded),
        }
        text = manifest.text(self.kind, entries, said).encode()
        about = {npz.ABOUT: np.frombuffer(text, np.uint8)}
        with files.replacing_file(path) as temporary:
            # Of a path, NumPy would change the name.
            with temporary.open("wb") as file:
                np.savez(file, **about, **held)
        return path

    def read(self, path):
        said, members = _verified(pathlib.Path(path))
        with facts.believed(path):
            return _restored(said, members, pathlib.Path(path))

    def recognises(self, path):
        return path.suffix == ".npz" and not path.is_dir()

    def verify(self, path):
        _verified(pathlib.Path(path))


def _arrays(decoded: SyntheticSet) -> dict[str, np.ndarray]:
    """Returns all arrays but the one that says what they are."""
    held = {
        "images": np.ascontiguousarray(decoded.images, "<f4"),
        "labels": decoded.labels.astype("<i8"),
        "class_names": np.array(decoded.class_names),
    }
    if decoded.soft_labels is not None:
        held["soft_labels"] = np.ascontiguousarray(decoded.soft_labels, "<f4")
    if isinstance(decoded.normalization, Standardize):
        held["mean"] = np.array(decoded.normalization.mean, "<f4")
        held["deviation"] = np.array(decoded.normalization.deviation, "<f4")
    return held


def _npy(array: np.ndarray) -> bytes:
    """Returns an array as it lies in the archive."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _description(decoded: SyntheticSet) -> str:
    return (
        f"{purpose(decoded)} They are normalised and may leave the range of "
        "real images: pixels in [0, 1] units are "
        f"{decoded.normalization.undoing}."
    )


def _verified(path: pathlib.Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Returns what a file says of itself, and its members as it says they are.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such file, or not as it was written.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no {path}. Write it with `python -m export`."
        )
    stored = files.read_bytes(path, limits.MOST_STORED)
    with facts.believed(path):
        members = archives.members(stored, {f"{npz.ABOUT}.npy"})
        text = arrays.unpacked(members.pop(f"{npz.ABOUT}.npy")).tobytes()
        said = manifest.checked(json_text.parsed(text, path), path)
        if said["kind"] != ImagesNpz.kind:
            raise ValueError(
                f"an export of {ImagesNpz.kind} is wanted. Received: one of "
                f"{said['kind']}."
            )
        wanted = {
            f"{name}.npy": entry["sha256"]
            for name, entry in said["files"].items()
        }
        found = {name: files.digest(data) for name, data in members.items()}
        others = sorted(
            name
            for name in wanted.keys() | found.keys()
            if wanted.get(name) != found.get(name)
        )
        if others:
            raise ValueError(
                f"its arrays must be as its `{npz.ABOUT}` says. Received: "
                f"other, missing or more {', '.join(others)}."
            )
        return said, members


def _restored(
    said: Mapping[str, Any], members: Mapping[str, bytes], path: pathlib.Path
) -> SyntheticSet:
    held = {
        name: arrays.unpacked(members[f"{name}.npy"]).copy()
        for name in ("images", "labels", "soft_labels")
        if f"{name}.npy" in members
    }
    images, labels = held["images"], held["labels"]
    soft = held.get("soft_labels")
    kinds = [array.dtype.str for array in held.values()]
    if kinds != ["<f4", "<i8", "<f4"][: len(held)] or images.ndim < 2:
        raise ValueError(
            "`images` and `soft_labels` must be float32, `labels` int64. "
            f"Received: {kinds}, images of shape {images.shape}."
        )
    shape = limits.image_shape({"image_shape": list(images.shape[1:])})
    count = limits.count({"images": len(images)}, "images")
    limits.check_decoded(shape, count, images.nbytes)
    return facts.restored(said, images, labels, soft, path)
