"""One bit of a file changes: it is named, or it does not matter."""

import contextlib
import dataclasses
import logging
import pathlib
import random
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf import forms
from fred_tf.disk import evaluation_files, records
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.store import ExpertStore
from tests.faults.tally import REFUSED, SILENT, SURVIVED, TRACEBACK
from tests.flipping import flips
from trainers.elsewhere import reading, unpacking
from trainers.log.hparams import SWEEP_KIND
from trainers.sweep import making

# Bytes of a small file, of which each is flipped; of others so many.
SMALL, SAMPLE = 20_000, 2_000
# What programs turn into one line.
MISTAKES = (ValueError, OSError, RuntimeError, ImportError, tf.errors.OpError)


@dataclasses.dataclass(frozen=True)
class Reader:
    """How files are read by the programs.

    Attributes:
        files: pattern of their paths in the folder of all.
        read: of the folder and the path returns all that a program takes out
            of the file.
    """

    files: str
    read: Callable[[pathlib.Path, pathlib.Path], Any]


def _run(folder: pathlib.Path, path: pathlib.Path) -> Any:
    run = DistilledRun.restore(folder / "run")
    return (
        repr(run.config),
        repr(run.facts.to_json()),
        run.folder.environment,
        run.learned,
        run.step,
        run.synthetic_set().images.tobytes(),
    )


def _metrics(folder: pathlib.Path, path: pathlib.Path) -> Any:
    return RunFolder.read(folder / "run").metrics()


def _snapshots(folder: pathlib.Path, path: pathlib.Path) -> Any:
    snapshots = RunFolder.read(folder / "run").snapshots()
    return {step: image.tobytes() for step, image in snapshots.items()}


def _curve(folder: pathlib.Path, path: pathlib.Path) -> Any:
    return evaluation_files.curve(folder / "run")


def _evaluation(folder: pathlib.Path, path: pathlib.Path) -> Any:
    return records.read(path, evaluation_files.KIND)


def _experts(folder: pathlib.Path, path: pathlib.Path) -> Any:
    store = ExpertStore.open(folder / "experts")
    return (
        store.description,
        store.data,
        [
            (store.facts(i), np.asarray(store.trajectory(i)).tobytes())
            for i in range(len(store))
        ],
    )


def _export(folder: pathlib.Path, path: pathlib.Path) -> Any:
    export = folder / "run" / "export"
    inside = path.relative_to(export)
    name = {"memory.json": "memory.keras"}.get(inside.name, inside)
    (place,) = (
        export / form.path
        for form in forms.FORMS.values()
        if pathlib.Path(name).is_relative_to(form.path)
    )
    read = forms.read(place)
    return (
        read.images.tobytes(),
        read.labels.tobytes(),
        read.class_names,
        read.normalization.get_config(),
        read.dataset,
        read.floats_stored,
        read.student_learning_rate,
        read.details,
    )


def _sweep(folder: pathlib.Path, path: pathlib.Path) -> Any:
    return records.read(path, SWEEP_KIND)


def _cell(folder: pathlib.Path, path: pathlib.Path) -> Any:
    return records.read(path, making.KIND)


def _pack(folder: pathlib.Path, path: pathlib.Path) -> Any:
    return reading.read(folder / "pack").about


def _bring_back(folder: pathlib.Path, path: pathlib.Path) -> Any:
    with tempfile.TemporaryDirectory() as place:
        found = unpacking.bring_back(folder / "pack", f"{place}/run")
        run = DistilledRun.restore(f"{place}/run")
        return repr(found), run.step, run.synthetic_set().images.tobytes()


READERS = (
    Reader("run/config.json", _run),
    Reader("run/checkpoints/*", _run),
    Reader("run/metrics.jsonl", _metrics),
    Reader("run/snapshots/*", _snapshots),
    Reader("run/evaluation_step*.json", _curve),
    Reader("run/evaluation*.json", _evaluation),
    Reader("run/export/coefficients_*/*", _export),
    Reader("run/export/images_*/*", _export),
    Reader("run/export/images.npz", _export),
    Reader("run/export/memory.*", _export),
    Reader("run/export/saved_model/**/*", _export),
    Reader("experts/*", _experts),
    Reader("sweep/sweep.json", _sweep),
    Reader("sweep/*/cell.json", _cell),
    Reader("pack/pack.json", _pack),
    Reader("pack/state.npz", _bring_back),
    Reader("pack/scores.json", _bring_back),
    Reader("pack/spent.json", _bring_back),
)


def targets(folder: pathlib.Path) -> Iterator[tuple[Reader, pathlib.Path]]:
    """Yields the files that are read, each with the first that reads it."""
    seen = set()
    for reader in READERS:
        for path in sorted(folder.glob(reader.files)):
            if path.is_file() and path.name[0] != "." and path not in seen:
                seen.add(path)
                yield reader, path


def positions(path: pathlib.Path, every: int) -> list[int]:
    """Returns which bytes of a file are flipped, one after the other."""
    size = path.stat().st_size
    if size < SMALL:
        return list(range(0, size, every))
    drawn = random.Random(path.name).sample(range(size), min(size, SAMPLE))
    return drawn[::every]


def flipped(
    reader: Reader,
    folder: pathlib.Path,
    path: pathlib.Path,
    places: list[int],
) -> Iterator[tuple[str, str]]:
    """Yields the outcome of each flip, and a note; the file stays as it was.

    Args:
        reader: of the file.
        folder: of all; a copy.
        path: the file.
        places: bytes of which one bit is flipped, each alone.
    """
    expected = repr(reader.read(folder, path))
    for place in flips(path, places=places):
        outcome, note = _outcome(reader, folder, path, expected)
        where = f"{path.relative_to(folder)}, byte {place}"
        yield outcome, f"{where}: {note}"


def _outcome(reader, folder, path, expected) -> tuple[str, str]:
    with _warnings() as said:
        try:
            read = repr(reader.read(folder, path))
        except MISTAKES as error:
            if str(folder) in str(error):
                return REFUSED, ""
            return TRACEBACK, f"no path in {type(error).__name__}: {error}"
        except Exception as error:  # What a program would not turn into a line.
            return TRACEBACK, f"{type(error).__name__}: {error}"
    if read == expected:
        return SURVIVED, ""
    # A damaged checkpoint is passed over, and a torn line left out, aloud.
    if any(str(folder) in text for text in said):
        return REFUSED, ""
    return SILENT, "read as something else"


@contextlib.contextmanager
def _warnings() -> Iterator[list[str]]:
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record):
            said.append(record.getMessage())

    listener, logger = Listener(logging.WARNING), logging.getLogger("absl")
    logger.addHandler(listener)
    try:
        yield said
    finally:
        logger.removeHandler(listener)
