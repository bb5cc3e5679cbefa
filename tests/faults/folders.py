"""One of each folder that programs read, and how they are forged."""

import contextlib
import json
import os
import pathlib
import zipfile
from collections.abc import Callable
from typing import Any
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from fred_tf import config as config_lib
from fred_tf import datasets, forms, presets
from fred_tf.coresets import random_set
from fred_tf.datasets import digits
from fred_tf.disk import files, records
from tests.faults.programs import GRAPHS, PROGRAMS, SCORED
from tests.faults.rows import command
from trainers.elsewhere import packed_scoring, packing
from trainers.elsewhere.runner import arrays, sealed

IMAGES = "run/export/images_float32"
COEFFICIENTS = "run/export/coefficients_float32"
MEMORY = "run/export/memory.keras"
# What `others` makes: sets and a model of somebody else, and exports that are
# not written by default.
SET, MODEL = "others/theirs.npz", "others/net.keras"
FOLDER, TABLE = "others/images_folder", "others/images_parquet"


def make(folder: pathlib.Path) -> None:
    """Fills a folder with all that programs read."""
    for name in ("distill", "evaluate", "export", "train_experts", "sweep"):
        make_one(name, folder)
    pack(folder / "pack")
    photos(folder / "photos")
    others(folder)


def make_one(name: str, folder: pathlib.Path) -> None:
    """Fills a folder with what a program leaves."""
    command(PROGRAMS[name].module, *PROGRAMS[name].flags)(folder)


def pack(folder: pathlib.Path) -> None:
    """Writes a pack as it comes back, without what only JAX can write."""

    def lower(function, arguments, path):
        pathlib.Path(path).touch()

    preset = presets.preset("digits_ipc1_dm_tiny")
    with (
        mock.patch.object(packing, "check_jax", lambda: None),
        mock.patch.object(packing, "lower", lower),
        mock.patch.object(packed_scoring, "lower", lower),
    ):
        packing.pack(config_lib.override(preset, [*GRAPHS, *SCORED]), folder)
    scores = {"step": 0, "rate": 0.01, "networks": {"mlp": [0.5]}}
    spent = {"device": "cpu", "differences": [], "step": 0, "complete": False}
    for kind, said in (("scores", scores), ("spent", spent)):
        sealed.write(folder / f"{kind}.json", kind, _seal_of(folder), **said)


def photos(folder: pathlib.Path) -> None:
    """Writes a few digits as a folder of images."""
    train, test, names = digits.read()
    for name, split in (("train", train), ("test", test)):
        for label in (0, 1):
            place = folder / name / names[label]
            place.mkdir(parents=True)
            for number, row in enumerate(split.indices_of(label)[:3]):
                pixels = (255 * split.images[row]).astype(np.uint8)
                encoded = tf.io.encode_png(pixels).numpy()
                (place / f"{number}.png").write_bytes(encoded)


def others(folder: pathlib.Path) -> None:
    """Writes a set and a model of others, and pictures of real images."""
    real = random_set(datasets.load("digits"), 1, seed=0)
    (folder / SET).parent.mkdir()
    np.savez(folder / SET, images=real.pixels(), labels=real.labels)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    model.save(folder / MODEL)
    for place in (FOLDER, TABLE):
        form = forms.FORMS[pathlib.Path(place).name]
        form.write(real, None, folder / place)


# --- Forging ------------------------------------------------------------------


def edit(path: pathlib.Path, change: Callable[[Any], Any]) -> None:
    """Changes the JSON of a file; a record is sealed again, as anybody can.

    Args:
        path: the file.
        change: changes what it is given, or returns something else.
    """
    values = json.loads(path.read_text())
    returned = change(values)
    values = values if returned is None else returned
    if isinstance(values, dict) and "sha256" in values:
        values = records.seal(values)
    path.write_text(json.dumps(values))


def reseal(
    folder: pathlib.Path, place: str = "manifest.json", **changes: Any
) -> None:
    """Makes the manifest of an export agree with files and changes."""

    def change(values):
        values.update(changes)
        for name, entry in values["files"].items():
            if (folder / name).is_file():
                entry["sha256"] = files.sha256(folder / name)

    edit(folder / place, change)


def edit_in_zip(
    path: pathlib.Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    """Changes one file in a zip file."""
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    parts[name] = change(parts[name])
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)


def edit_arrays(
    path: pathlib.Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    """Changes the arrays of an `.npz` file of a pack, and seals them again."""
    with np.load(path) as stored:
        values = dict(stored)
    of = str(values.pop("of"))
    del values["sha256"]
    change(values)
    arrays.write(path, of, **values)


def own(folder: pathlib.Path) -> None:
    """Makes the files of a pack be of it again, after it was changed.

    Files that are no longer what they were are left alone.
    """
    seal = _seal_of(folder)
    for name in ("scores.json", "spent.json"):
        with contextlib.suppress(ValueError, AttributeError):
            edit(folder / name, lambda there: there.update(of=seal))
    with contextlib.suppress(ValueError, KeyError):
        path = folder / "state.npz"
        with np.load(path) as stored:
            values = {k: v for k, v in stored.items() if k not in sealed.OWN}
        arrays.write(path, f"{seal} state", **values)


def _seal_of(folder: pathlib.Path) -> str:
    return json.loads((folder / "pack.json").read_text())["sha256"]


def links(path: pathlib.Path, target: pathlib.Path) -> None:
    """Puts a symbolic link in the place of a file."""
    if path.exists():
        os.replace(path, target)
    path.symlink_to(target)
