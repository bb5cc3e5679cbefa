"""What others made and evaluations take: arrays in `.npz`, `.keras` models."""

import functools
import json
import pathlib
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

import fred_tf
from fred_tf.datasets import ImageData
from fred_tf.foreign import KerasNetwork
from tests.faults import folders
from tests.faults.folders import MODEL, SET
from tests.faults.strangers.forged import (
    Change,
    Evil,
    innocent,
    pickled,
    rows,
    unchanged,
    update,
)


@functools.cache
def _data() -> ImageData:
    return fred_tf.load_data("digits")


# --- Arrays -------------------------------------------------------------------


def _scored(change: Change, name: str = SET, **said: Any) -> Change:
    """Reads arrays that somebody has changed, as `--exported` does."""

    def call(folder):
        change(folder / name)
        innocent(
            folder,
            lambda: fred_tf.foreign_set(
                folder / name, _data(), **{"values": "unit", **said}
            ),
        )

    return call


def _arrays(change: Callable[[dict[str, Any]], Any]) -> Change:
    """Changes the arrays of a file, which is written anew."""

    def of(path):
        with np.load(path) as stored:
            arrays = dict(stored)
        change(arrays)
        np.savez(path, **arrays)

    return of


def _labels(change: Callable[[np.ndarray], Any]) -> Change:
    return _arrays(lambda there: there.update(labels=change(there["labels"])))


def _images(change: Callable[[np.ndarray], Any]) -> Change:
    return _arrays(lambda there: there.update(images=change(there["images"])))


def _soft(rows_of: Callable[[np.ndarray], np.ndarray]) -> Change:
    return _labels(lambda labels: rows_of(np.eye(10, dtype=np.float32)[labels]))


def _claims(shape: bytes) -> Change:
    """Lets the header of the images name another shape; it stays as long."""

    def change(content):
        start = content.index(b"'shape': ") + len(b"'shape': ")
        end = content.index(b"\n")
        said = shape + b", }"
        return content[:start] + said.ljust(end - start) + content[end:]

    return lambda path: folders.edit_in_zip(path, "images.npy", change)


def _bomb(path: pathlib.Path) -> None:
    """Packs a gigabyte of zeros behind the header of ten images."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content + bytes(10**9))


def _packed_otherwise(path: pathlib.Path) -> None:
    with np.load(path) as stored:
        arrays = dict(stored)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array)


def _of_pytorch(path: pathlib.Path) -> None:
    path.with_suffix(".pt").write_bytes(pickled())


_SETS = rows(
    _scored,
    SET.rpartition("/")[2],
    {
        "arrays that are text": lambda path: path.write_text("images"),
        "arrays of no bytes": lambda path: path.write_bytes(b""),
        "arrays cut short": lambda path: path.write_bytes(
            path.read_bytes()[:-60]
        ),
        "arrays packed otherwise": _packed_otherwise,
        "images that are objects": _images(
            lambda _: np.array([Evil()] * 10, object)
        ),
        "images of fewer values than claimed": _claims(b"(10, 8, 8, 999)"),
        "a shape that is a program": _claims(b"__import__('evil')"),
        "arrays of two sets": _arrays(
            lambda there: there.update(x=there["images"], y=there["labels"])
        ),
        "images without labels": _arrays(lambda there: there.pop("labels")),
        "images of NaN": _images(lambda images: images * np.nan),
        "images of another size": _images(lambda images: images[:, 1:]),
        "images that are numbers": _images(lambda images: images[:, 0, 0]),
        "images from 0 to 255": _images(lambda images: images * 255),
        "whole images of 64 bits": _images(lambda x: x.astype(np.int64)),
        "labels in words": _labels(lambda labels: labels.astype(str)),
        "labels with a fraction": _labels(lambda labels: labels + 0.5),
        "fewer labels than images": _labels(lambda labels: labels[:-1]),
        "a class that is not there": _labels(lambda labels: labels + 1),
        "a class of -1": _labels(lambda labels: labels - 1),
        "a class without an image": _labels(lambda labels: labels * 0),
        "soft labels of NaN": _soft(lambda soft: soft * np.nan),
        "soft labels of 3 classes": _soft(lambda soft: soft[:, :3] / 3 + 2 / 9),
        "soft labels that sum to 2": _soft(lambda soft: 2 * soft),
    },
    {
        "images of 10^17 values": _claims(b"(10, 100000000, 100000000, 1)"),
        "images behind a bomb": _bomb,
    },
) + rows(
    lambda change: _scored(change, f"{SET.removesuffix('.npz')}.pt"),
    "Pickles run code",
    {"a pickle of PyTorch": _of_pytorch},
)
# What somebody says of arrays, of which none can be so.
_SAID: dict[str, dict[str, Any]] = {
    "unknown values": {"values": "pixels"},
    "bytes that are at most 1": {"values": "bytes"},
    "soft labels that are classes": {"soft_labels": "logits"},
    "channels that are not first": {"channels_first": True},
    "a mean of pixels": {"mean": [0.5], "deviation": [1]},
    "a mean alone": {"values": "normalized", "mean": [0.5]},
    "a mean of NaN": {
        "values": "normalized",
        "mean": [float("nan")],
        "deviation": [1],
    },
    "a deviation of 0": {
        "values": "normalized",
        "mean": [0],
        "deviation": [0],
    },
    "a deviation of three colours": {
        "values": "normalized",
        "mean": [0] * 3,
        "deviation": [1] * 3,
    },
}
_MEANINGS = [
    row
    for name, said in _SAID.items()
    for row in rows(
        lambda change, said=said: _scored(change, **said),
        "`values`|`mean`|one mean|soft_labels|Images must be",
        {name: unchanged},
    )
]

# --- Models -------------------------------------------------------------------


def _trained(change: Change) -> Change:
    """Reads a model that somebody has changed, as `--model` does."""

    def call(folder):
        change(folder / MODEL)
        shape, classes = _data().image_shape, _data().classes
        innocent(folder, lambda: KerasNetwork(folder / MODEL, shape, classes))

    return call


def _config(change: Callable[[dict[str, Any]], Any]) -> Change:
    def edited(content):
        config = json.loads(content)
        change(config)
        return json.dumps(config).encode()

    return lambda path: folders.edit_in_zip(path, "config.json", edited)


def _text(content: bytes) -> Change:
    return lambda path: folders.edit_in_zip(
        path, "config.json", lambda _: content
    )


def _layer(kind: str, **values: Any) -> Change:
    """Changes what the file says of the layer of a kind."""

    def change(config):
        for said in config["config"]["layers"]:
            if said["class_name"] == kind:
                said.update(values)

    return _config(change)


def _inside(kind: str, **values: Any) -> Change:
    """Changes the settings of the layer of a kind."""

    def change(config):
        for said in config["config"]["layers"]:
            said.pop("build_config", None)
            if said["class_name"] == kind:
                said["config"].update(values)

    return _config(change)


def _of(*layers: tuple[str, dict[str, Any]]) -> Change:
    """Puts layers in the place of all; their sizes follow from the images."""

    def change(config):
        config.pop("build_config", None)
        config["config"] = {
            "name": "model",
            "layers": [
                {"module": "keras.layers", "class_name": kind, "config": own}
                for kind, own in layers
            ],
        }

    return _config(change)


_OF_ANY_SIZE = "InputLayer", {"batch_shape": [None, None, None, 1]}
_FLAT: tuple[str, dict[str, Any]] = ("Flatten", {})
_LOGITS, _WIDE = ("Dense", {"units": 10}), ("Dense", {"units": 2**20})
_SYSTEM = {
    "module": "os",
    "class_name": "function",
    "config": "system",
    "registered_name": "function",
}

_MODELS = rows(
    _trained,
    MODEL.rpartition("/")[2],
    {
        "a model that is text": lambda path: path.write_text("keras"),
        "a model cut short": lambda path: path.write_bytes(
            path.read_bytes()[:-60]
        ),
        "a model that is a list": _text(b"[]"),
        "a model of half an object": _text(b'{"module": "keras"'),
        "a model that nests too deep": _text(b"[" * 10**5),
        "a model without layers": _config(
            lambda config: config["config"].pop("layers")
        ),
        "a model that is a layer": _config(update(class_name="Dense")),
        "a layer of the working folder": _layer(
            "Dense", module="evil", class_name="Evil"
        ),
        "a layer that is a program": _layer("Dense", class_name="Lambda"),
        "a layer that reads a file": _layer("Dense", class_name="TFSMLayer"),
        "an initialiser that is a command": _inside(
            "Dense", kernel_initializer=_SYSTEM
        ),
        "an activation that nobody knows": _inside("Dense", activation="evil"),
        "units below 0": _inside("Dense", units=-3),
        "units in words": _inside("Dense", units="many"),
        "units of NaN": _inside("Dense", units=float("nan")),
        "a share of 5": _of(_FLAT, ("Dropout", {"rate": 5}), _LOGITS),
    },
    {
        "units of 2^40": _inside("Dense", units=2**40),
        "2^40 weights": _of(
            ("InputLayer", {"batch_shape": [None, 8, 8, 1]}),
            _FLAT,
            _WIDE,
            _WIDE,
            _LOGITS,
        ),
    },
) + rows(
    _trained,
    "The model must .* Received: ",
    {
        "a model of other images": _inside(
            "InputLayer", batch_shape=[None, 9, 9, 1]
        ),
        "a model of other classes": _inside("Dense", units=3),
        "a model of probabilities": _of(
            _FLAT, ("Dense", {"units": 10, "activation": "softmax"})
        ),
        "a model without weights": _of(_FLAT),
    },
    {
        "images 2^20 times as large": _of(
            _OF_ANY_SIZE,
            ("UpSampling2D", {"size": [2**20, 2**20]}),
            ("GlobalAveragePooling2D", {}),
            _LOGITS,
        ),
        "2^40 weights of inputs of any size": _of(_FLAT, _WIDE, _WIDE, _LOGITS),
    },
)

FOREIGN = [*_SETS, *_MEANINGS, *_MODELS]
UNCHANGED = [
    _scored(unchanged),
    _scored(_soft(lambda soft: 0.9 * soft + 0.01)),
    _scored(_images(np.asfortranarray)),
    _scored(unchanged, values="normalized", mean=[0.5], deviation=[0.5]),
    _trained(unchanged),
    _trained(_of(_FLAT, _LOGITS)),
    _trained(_of(_OF_ANY_SIZE, ("GlobalMaxPooling2D", {}), _LOGITS)),
    # Weights are never looked at.
    _trained(
        lambda path: folders.edit_in_zip(
            path, "model.weights.h5", lambda _: b"evil"
        )
    ),
]
