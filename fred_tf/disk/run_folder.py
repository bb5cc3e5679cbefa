"""The folder of one run: its settings, metrics, checkpoints and lock."""

import contextlib
import dataclasses
import errno
import json
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging

from fred_tf.disk import files, folder_lock, records

# A run may go on to more or fewer steps, and be scored by more or fewer
# networks; it never looks at the test split.
_FREE = ("outer_steps", "evaluation.networks", "data.test")

KIND = "run"
CONFIG = "config.json"
_METRICS = "metrics.jsonl"
_CHECKPOINTS = "checkpoints"
_LOGS = "tensorboard"
_SNAPSHOTS = "snapshots"
_PROGRAM = "python -m trainers.distill"


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """A folder that holds one run and explains it.

    ```
    config.json    a record of the settings, see `records`
    metrics.jsonl  one JSON object per line, each with its outer `step`
    checkpoints/   see `checkpoints.Checkpoints`
    tensorboard/   event files
    snapshots/     one image per class as it was at some steps, for pictures
    .lock          who writes to the folder
    ```

    Made by `open` for the program that runs, and by `read` for those that only
    look. One process at a time may run in it:

    ```python
    folder = RunFolder.open(run_dir, identity, data, environment)
    with folder.lock():
        step = checkpoints.restore_latest() or 0
        folder.rewind_metrics(step)
        ...
        folder.append_metrics(step, {"loss": 0.25})
    ```

    Attributes:
        path: the folder.
        identity: the settings of the run, fit for JSON.
        data: facts of its data, see `DataFacts`.
        environment: what else decides random numbers and rounding, as it was
            when the run began: threads, replicas, library versions.
    """

    path: pathlib.Path
    identity: dict[str, Any]
    data: dict[str, Any]
    environment: dict[str, Any]

    @classmethod
    def open(
        cls,
        path: files.Path,
        identity: Mapping[str, Any],
        data: Mapping[str, Any],
        environment: Mapping[str, Any],
    ) -> "RunFolder":
        """Makes the folder, or checks that it holds this very run.

        Args:
            path: the folder.
            identity: the settings asked for. Another number of `outer_steps`
                than the folder's is written to it.
            data: facts of the data asked for; its test split may be another.
            environment: that of this process. Where it differs from that of
                the folder a warning is logged.

        Raises:
            ValueError: the folder holds another run, one of another format,
                or a run without settings.
            RuntimeError: another process is running in the folder.
            OSError: the folder cannot be made or written to.
        """
        path = pathlib.Path(path)
        asked = cls(path, *map(records.plain, (identity, data, environment)))
        _make(path)
        with folder_lock.exclusive(path):
            files.remove_leftovers(path)
            record = records.continued(
                path / CONFIG,
                KIND,
                identity,
                data,
                _FREE,
                "Choose another --run_dir, or delete the folder.",
            )
            if record is None:
                asked._refuse_remains()
                asked._write_config()
                return asked
            begun = cls.read(path)
            begun._warn_of_other(asked.environment)
            if begun.identity != asked.identity:
                begun = dataclasses.replace(begun, identity=asked.identity)
                begun._write_config()
            return begun

    @classmethod
    def read(cls, path: files.Path) -> "RunFolder":
        """Reads the folder of an existing run; changes nothing in it.

        Raises:
            FileNotFoundError: there is no run at `path`.
            ValueError: its `config.json` is damaged or of another format.
        """
        path = pathlib.Path(path)
        if not (path / CONFIG).is_file():
            raise FileNotFoundError(
                f"There is no run in {path}: it has no {CONFIG}. Make one "
                f"with `{_PROGRAM} --run_dir={path}`."
            )
        record = records.read(path / CONFIG, KIND)
        if record["data"] is None:
            raise ValueError(
                f"{path / CONFIG} must state the run's data. Received: none. "
                "Restore it from a copy, or choose another --run_dir."
            )
        return cls(
            path, record["identity"], record["data"], record["environment"]
        )

    @property
    def checkpoint_folder(self) -> pathlib.Path:
        """Where the checkpoints are."""
        return self.path / _CHECKPOINTS

    @property
    def log_folder(self) -> pathlib.Path:
        """Where the event files for TensorBoard are."""
        return self.path / _LOGS

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Returns a `with` block that keeps other processes from running here.

        Raises:
            RuntimeError: on entry, when another process holds the lock.
        """
        return folder_lock.exclusive(self.path)

    def append_metrics(self, step: int, scalars: Mapping[str, float]) -> None:
        """Appends one line to `metrics.jsonl`, all of it or nothing.

        JSON has no NaN and no infinity: such values are stored as null.

        Args:
            step: outer step.
            scalars: named numbers; anything that `float` takes.

        Raises:
            ValueError: a scalar is called "step".
            OSError: writing failed, e.g. the disk is full.
        """
        if "step" in scalars:
            raise ValueError(
                "A scalar must not be called 'step', which is the name of the "
                f"outer step. Received: {sorted(scalars)}. Rename it."
            )
        numbers = {name: float(value) for name, value in scalars.items()}
        finite = {
            name: value if math.isfinite(value) else None
            for name, value in numbers.items()
        }
        line = (json.dumps({"step": int(step), **finite}) + "\n").encode()
        path = self.path / _METRICS
        # Unbuffered: a buffer would be written again when the file is closed.
        with open(path, "ab", buffering=0) as file:
            size = file.tell()
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                os.truncate(path, size)
                raise OSError(
                    error.errno,
                    f"Cannot write to {path}: {error.strerror}. Make room and "
                    "run the same command again.",
                ) from error

    def metrics(self) -> list[dict[str, Any]]:
        """Returns the lines of `metrics.jsonl`, each with its `step`.

        A torn last line, as a kill in the middle of writing leaves it, is
        left out.

        Raises:
            ValueError: another line is damaged; the message says which.
        """
        path = self.path / _METRICS
        if not path.exists():
            return []
        text = path.read_text(encoding="utf-8", errors="replace")
        *lines, torn = text.split("\n")
        if torn:
            logging.warning("%s ends in a torn line; it is left out.", path)
        return [
            _parse_metrics(line, f"Line {number} of {path}")
            for number, line in enumerate(lines, start=1)
        ]

    def rewind_metrics(self, step: int) -> None:
        """Drops the lines after `step` and a torn last line.

        A resumed run repeats the steps after its checkpoint; called before
        them, this keeps `metrics.jsonl` free of duplicates.
        """
        if (self.path / _METRICS).exists():
            lines = [line for line in self.metrics() if line["step"] <= step]
            files.write_text(
                self.path / _METRICS,
                "".join(json.dumps(line) + "\n" for line in lines),
            )

    def save_snapshot(self, step: int, images: np.ndarray) -> None:
        """Keeps some images as they are after an outer step."""
        path = self.path / _SNAPSHOTS / f"{step:09d}.npy"
        with files.replacing_file(path) as temporary:
            with open(temporary, "wb") as file:
                np.save(file, images, allow_pickle=False)

    def snapshots(self) -> dict[int, np.ndarray]:
        """Returns what `save_snapshot` kept, by outer step."""
        return {
            int(path.stem): np.load(path, allow_pickle=False)
            for path in sorted((self.path / _SNAPSHOTS).glob("*.npy"))
        }

    def rewind_snapshots(self, step: int) -> None:
        """Drops the snapshots after `step`, as `rewind_metrics` drops lines."""
        for path in (self.path / _SNAPSHOTS).glob("*.npy"):
            if int(path.stem) > step:
                path.unlink()

    def _write_config(self) -> None:
        records.write(
            self.path / CONFIG,
            KIND,
            self.identity,
            self.data,
            environment=self.environment,
        )

    def _refuse_remains(self) -> None:
        for name in (_CHECKPOINTS, _METRICS, _LOGS):
            if (self.path / name).exists():
                raise ValueError(
                    f"A run folder must have a {CONFIG}. Received: "
                    f"{self.path} with {name} but without it. Restore it from "
                    "a copy, delete the folder or choose another --run_dir."
                )

    def _warn_of_other(self, environment: Mapping[str, Any]) -> None:
        different = records.differences(self.environment, environment)
        if different:
            logging.warning(
                "%s was begun under other conditions; the run goes on, but "
                "its numbers may differ from those of an uninterrupted run: "
                "%s.",
                self.path,
                "; ".join(
                    f"{name} was {before!r}, is now {now!r}"
                    for name, (before, now) in different.items()
                ),
            )


def _make(path: pathlib.Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"The run folder {path} cannot be made: {error.strerror}. Choose "
            "another --run_dir.",
        ) from error


def _parse_metrics(line: str, where: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except json.JSONDecodeError:
        parsed = None
    if isinstance(parsed, dict) and isinstance(parsed.get("step"), int):
        return parsed
    raise ValueError(
        f"{where} must be a JSON object with an integer `step`. Received: "
        f"{line[:80]!r}. Delete that line."
    )
