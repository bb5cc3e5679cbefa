"""Run folders and folders of images that others had their hands in."""

import os
import pathlib
import shutil
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

import fred_tf
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.store import ExpertStore
from tests.faults.rows import CommandError, Row, command
from tests.faults.strangers.forged import (
    ERRORS,
    Change,
    Harmed,
    innocent,
    json,
    link,
    pickled,
    rows,
    text,
    unchanged,
    update,
)

_THESIS = "years of work"
_SNAPSHOT = "snapshots/000000000.npy"


def _run(read: Callable[[pathlib.Path], Any]):
    def of(change: Change) -> Change:
        def call(folder):
            change(folder / "run")
            innocent(folder, lambda: read(folder / "run"))

        return call

    return of


def _behind_a_lock(place: str, open_it: Callable[[pathlib.Path], Any]):
    """A lock that is a link must not touch what it leads to."""

    def call(folder):
        thesis = folder / "thesis.txt"
        thesis.write_text(_THESIS)
        lock = folder / place / ".lock"
        lock.unlink(missing_ok=True)
        lock.symlink_to(thesis)
        try:
            open_it(folder / place)
        finally:
            if thesis.read_text() != _THESIS:
                raise Harmed("The target of the link was emptied.")

    return call


def _open_run(path: pathlib.Path) -> None:
    there = RunFolder.read(path)
    RunFolder.open(path, there.identity, there.data, there.environment)


def _open_store(path: pathlib.Path) -> None:
    there = ExpertStore(path)
    ExpertStore.create_or_open(path, there.description, there.data)


def _pipe(path: pathlib.Path) -> None:
    (path / "config.json").unlink()
    os.mkfifo(path / "config.json")


def _configured(**values: Any) -> Change:
    return json("config.json", lambda there: there["identity"].update(values))


def _data(**values: Any) -> Change:
    return json("config.json", lambda there: there["data"].update(values))


def _snapshot_of_an_object(path: pathlib.Path) -> None:
    (path / _SNAPSHOT).write_bytes(pickled())


# A run that has more steps than the command asks for.
_FEWER = command(
    "trainers.distill",
    "--preset=digits_ipc1_dm_tiny",
    "--run_dir={}/run",
    *(
        f"--override={name}"
        for name in (
            "augmentation=none",
            "network.name=mlp",
            "evaluation.epochs=1",
            "evaluation.networks=1",
            "outer_steps=3",
        )
    ),
)


def _metrics(path: pathlib.Path) -> Any:
    return RunFolder.read(path).metrics()


def _snapshots(path: pathlib.Path) -> Any:
    return dict(RunFolder.read(path).snapshots())


RUNS = [
    Row(
        "a lock of a run that is a link",
        _behind_a_lock("run", _open_run),
        "lock",
        ERRORS,
    ),
    Row(
        "a lock of experts that is a link",
        _behind_a_lock("experts", _open_store),
        "lock",
        ERRORS,
    ),
    Row("fewer steps than were made", _FEWER, "outer_steps", CommandError),
    *rows(
        _run(DistilledRun.restore),
        "config.json",
        {
            "settings in a pipe": _pipe,
            "settings behind a link": link("config.json"),
            "settings of a later format": json(
                "config.json", update(format_version=5)
            ),
            "an unknown objective": _configured(objective={"name": "evil"}),
            "an unknown setting": _configured(evil=1),
            "an ipc in words": _configured(ipc="many"),
            "data without a normalisation": _data(normalization=None),
        },
        {
            "a billion images per class": _configured(ipc=10**9),
            "a million images per class": _configured(ipc=10**6),
            "data of 100000x100000": _data(image_shape=[100_000, 100_000, 1]),
        },
    ),
    *rows(
        _run(_metrics),
        "metrics.jsonl",
        {"metrics of half a step": text("metrics.jsonl", '{"step": 0.5}\n')},
    ),
    *rows(
        _run(_snapshots),
        "snapshots",
        {
            "a snapshot with an object": _snapshot_of_an_object,
            "a snapshot of text": text(_SNAPSHOT),
        },
    ),
]


def _photos(change: Change) -> Change:
    def call(folder):
        change(folder / "photos")
        fred_tf.load_data(f"folder:{folder / 'photos'}")

    return call


def _class_called(name: bytes) -> Change:
    def change(path):
        for split in ("train", "test"):
            inside = os.fsencode(path / split)
            os.rename(inside + b"/0", inside + b"/" + name)

    return change


def _image(content: Callable[[bytes], bytes]) -> Change:
    def change(path):
        file = path / "train" / "0" / "0.png"
        file.write_bytes(content(file.read_bytes()))

    return change


def _huge(content: bytes) -> bytes:
    """Lets a PNG file claim 60000x60000, with the right check sum."""
    size = struct.pack(">II", 60_000, 60_000)
    start = content[12:16] + size + content[24:29]
    check_sum = struct.pack(">I", zlib.crc32(start))
    return content[:12] + start + check_sum + content[33:]


def _nine_wide(content: bytes) -> bytes:
    return tf.io.encode_png(np.zeros((9, 9, 1), np.uint8)).numpy()


def _only_to_test(path: pathlib.Path) -> None:
    shutil.copytree(path / "test" / "0", path / "test" / "2")


PHOTOS = rows(
    _photos,
    "0.png",
    {
        "an image of text": _image(lambda content: b"not an image"),
        "an image cut short": _image(lambda content: content[:-40]),
        "an image of no bytes": _image(lambda content: b""),
        "an image of another size": _image(_nine_wide),
    },
    {"an image of 60000x60000": _image(_huge)},
) + rows(
    _photos,
    "class|name|train|test",
    {
        "a class to test only": _only_to_test,
        "no images to train on": lambda path: shutil.rmtree(path / "train"),
        "a class of two lines": _class_called(b"a\nb"),
        "a class with outer spaces": _class_called(b" a "),
        "a class that is no UTF-8": _class_called(b"a\xff"),
    },
)

UNCHANGED = [
    *(
        _run(read)(unchanged)
        for read in (DistilledRun.restore, _metrics, _snapshots)
    ),
    _photos(unchanged),
    lambda folder: _open_run(folder / "run"),
    lambda folder: _open_store(folder / "experts"),
]
