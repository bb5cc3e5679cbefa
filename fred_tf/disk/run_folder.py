"""The folder of one run: its settings, metrics, checkpoints and lock."""

import contextlib
import dataclasses
import os
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from absl import logging

from fred_tf.disk import (
    arrays,
    checkpoint_files,
    claims,
    files,
    folder_lock,
    metrics,
    records,
)

# A run may go on to more or fewer steps, and be scored by more or fewer
# networks; it never looks at the test split.
_FREE = "outer_steps", "evaluation.networks", *records.OF_TEST

KIND = "run"
CONFIG = "config.json"
_CHECKPOINTS = "checkpoints"
_LOGS = "tensorboard"
_SNAPSHOTS = "snapshots"
# Of `evaluation_files.curve_path`.
_CURVE = "evaluation_step*.json"
_SNAPSHOT = re.compile(r"(\d{9,})\.npy")
_PROGRAM = "python -m trainers.distill"
_WAY_OUT = (
    "Give what it was begun with (of `start`: --start_from), choose another "
    "--run_dir, or delete the folder."
)


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """A folder that holds one run and explains it.

    ```
    config.json    a record of the settings, see `records`
    metrics.jsonl  a line for each outer step, see `metrics`
    checkpoints/   see `checkpoints.Checkpoints`
    tensorboard/   event files, in a folder that is called as the run
    snapshots/     one image per class as it was at some steps, for pictures;
                   see `arrays`
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
        data_dir: the folder that the data set was found in the last time, as
            text; None where that is no folder in particular. It tells nothing
            of the run, and nothing that is made of it states it.
    """

    path: pathlib.Path
    identity: dict[str, Any]
    data: dict[str, Any]
    environment: dict[str, Any]
    data_dir: str | None = None

    @classmethod
    def open(
        cls,
        path: files.Path,
        identity: Mapping[str, Any],
        data: Mapping[str, Any],
        environment: Mapping[str, Any],
        data_dir: files.Path | None = None,
    ) -> "RunFolder":
        """Makes the folder, or checks that it holds this very run.

        One that holds settings alone is of a start that failed: it takes those
        asked for.

        Args:
            path: the folder.
            identity: the settings asked for. Another number of `outer_steps`
                than the folder's is written to it, unless more were made.
            data: facts of the data asked for; its test split may be another.
            environment: that of this process. Where it differs from that of
                the folder a warning is logged.
            data_dir: the folder that the data set was found in.

        Raises:
            ValueError: the folder holds another run, one of another format,
                a run without settings, or one of more steps.
            RuntimeError: another process is running in the folder.
            OSError: the folder cannot be made or written to.
        """
        path = pathlib.Path(path)
        there = None if data_dir is None else os.path.abspath(data_dir)
        asked = cls(
            path,
            records.plain(identity),
            records.plain(data),
            records.plain(environment),
            str(there) if there else None,
        )
        files.make_folder(path)
        with folder_lock.exclusive(path):
            for folder in (path, path / _SNAPSHOTS):
                files.remove_leftovers(folder)
            work = path / CONFIG, KIND, identity, data
            record = records.continued(
                *work, _FREE, _WAY_OUT, lambda content: has_begun(path)
            )
            if record is None:
                if not (path / CONFIG).exists():
                    asked._refuse_remains()
                asked._write_config()
                return asked
            begun = cls.read(path)
            asked._refuse_fewer_steps()
            begun._warn_of_other(asked.environment)
            now = dataclasses.replace(
                begun,
                identity=asked.identity,
                data_dir=asked.data_dir or begun.data_dir,
            )
            if now != begun:
                now._write_config()
            return now

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
                f"with `{_PROGRAM} --preset=NAME --run_dir={path}`."
            )
        record = records.read(path / CONFIG, KIND)
        for part in ("data", "environment"):
            if not isinstance(record.get(part), dict):
                raise ValueError(
                    f"{path / CONFIG} must state the run's {part}. Received: "
                    f"{record.get(part)!r}. Restore it from a copy, or choose "
                    "another --run_dir."
                )
        data_dir = None
        if "data_dir" in record:
            with records.stating(path / CONFIG):
                data_dir = claims.text(record, "data_dir")
        return cls(
            path,
            record["identity"],
            record["data"],
            record["environment"],
            data_dir,
        )

    @property
    def checkpoint_folder(self) -> pathlib.Path:
        """Where the checkpoints are."""
        return self.path / _CHECKPOINTS

    @property
    def log_folder(self) -> pathlib.Path:
        """Where the folder of event files for TensorBoard is."""
        return self.path / _LOGS

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes from running here inside a `with` block.

        Raises:
            RuntimeError: on entry, when another process holds the lock, or has
                begun a run of other settings here in the meantime.
        """
        with folder_lock.exclusive(self.path):
            there = RunFolder.read(self.path)
            if (there.identity, there.data) != (self.identity, self.data):
                raise RuntimeError(
                    f"{self.path} must be of this run. Received: another, that "
                    "began at the same moment. Choose another --run_dir."
                )
            yield

    def append_metrics(self, step: int, scalars: Mapping[str, float]) -> None:
        """Appends a line to `metrics.jsonl`; see `metrics.append`."""
        metrics.append(self.path / metrics.NAME, step, scalars)

    def metrics(self) -> list[dict[str, Any]]:
        """Returns the lines of `metrics.jsonl`; see `metrics.read`."""
        return metrics.read(self.path / metrics.NAME)

    def rewind_metrics(self, step: int) -> None:
        """Drops the lines after `step` and a torn last line.

        A resumed run repeats the steps after its checkpoint; called before
        them, this keeps `metrics.jsonl` free of duplicates.
        """
        metrics.rewind(self.path / metrics.NAME, step)

    def save_snapshot(self, step: int, images: np.ndarray) -> None:
        """Keeps some images as they are after an outer step."""
        arrays.write(self.path / _SNAPSHOTS / f"{step:09d}.npy", images)

    def snapshots(self) -> arrays.Arrays:
        """Returns what `save_snapshot` kept, by outer step.

        Each is read when it is asked for; one that is damaged is named then.
        """
        way_out = "Restore it from a copy, or delete it: a picture is lost."
        return arrays.Arrays(self._snapshots(), way_out)

    def rewind_snapshots(self, step: int) -> None:
        """Drops the snapshots after `step`, as `rewind_metrics` drops lines."""
        for kept_step, path in self._snapshots().items():
            if kept_step > step:
                path.unlink()

    def sync(self) -> None:
        """Waits until the lines and events of all steps are on the disk.

        A checkpoint comes after it: what continues from there finds them.

        Raises:
            OSError: writing failed.
        """
        with files.naming(self.path, "earlier checkpoints are intact"):
            if (self.path / metrics.NAME).exists():
                files.sync(self.path / metrics.NAME)
            files.sync_tree(self.log_folder)
            files.sync(self.path)

    def refuse_lost_checkpoints(self) -> None:
        """Refuses to begin a run that was begun before.

        Called where no checkpoint can be restored, before anything is dropped
        that tells of the steps that were made.

        Raises:
            ValueError: something does.
        """
        told = {
            metrics.NAME: self.metrics(),
            _SNAPSHOTS: [step for step in self._snapshots() if step > 0],
            _LOGS: [*self.log_folder.rglob("events.*")],
            "evaluations": [*self.path.glob(_CURVE)],
        }
        if names := [name for name, steps in told.items() if steps]:
            raise ValueError(
                f"{self.checkpoint_folder} must hold a checkpoint, for the run "
                f"has made steps: {' and '.join(names)} in {self.path} tell of "
                "them. Received: none. Restore that folder from a copy, or "
                "begin anew: choose another --run_dir, or delete this one."
            )

    def _snapshots(self) -> dict[int, pathlib.Path]:
        """Returns the files of snapshots by outer step; others are not ours."""
        paths = (self.path / _SNAPSHOTS).glob("*.npy")
        matches = {path: _SNAPSHOT.fullmatch(path.name) for path in paths}
        return {int(match[1]): path for path, match in matches.items() if match}

    def _write_config(self) -> None:
        records.write(
            self.path / CONFIG,
            KIND,
            self.identity,
            self.data,
            environment=self.environment,
            **({} if self.data_dir is None else {"data_dir": self.data_dir}),
        )

    def _refuse_remains(self) -> None:
        for name in (_CHECKPOINTS, metrics.NAME, _LOGS):
            if (self.path / name).exists():
                raise ValueError(
                    f"A run folder must have a {CONFIG}. Received: "
                    f"{self.path} with {name} but without it. Restore it from "
                    "a copy, delete the folder or choose another --run_dir."
                )

    def _refuse_fewer_steps(self) -> None:
        made = max(checkpoint_files.steps(self.checkpoint_folder), default=0)
        if self.identity.get("outer_steps", made) < made:
            raise ValueError(
                f"`outer_steps` must be at least {made}, for the run in "
                f"{self.path} has made so many. Received: "
                f"{self.identity['outer_steps']}. Ask for more, or choose "
                "another --run_dir."
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


def has_begun(path: files.Path) -> bool:
    """Returns whether anything of a run but its settings is in a folder.

    Other evaluations than those of its curve may be of real images.
    """
    path = pathlib.Path(path)
    made = [path / metrics.NAME, *path.glob(_CURVE)]
    for name in (_CHECKPOINTS, _LOGS, _SNAPSHOTS):
        made += (path / name).glob("*")
    return any(map(os.path.lexists, made))
