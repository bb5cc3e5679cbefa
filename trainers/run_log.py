"""What TensorBoard shows of a run.

loss, learned/*                   every tenth step
gradient_norm/all, band_0, ...    of the memory; bands from low to high
speed/*                           steps per second, peak memory
accuracy/<network>/*              mean and spread, of --evaluate_every and
                                  of `trainers.evaluate`
gallery, masks, first_of_class    pictures; the last over time
coefficients/*, pixels            histograms
config                            the settings as text; HPARAMS has them,
                                  too, beside the accuracies of each run
"""

import json
import pathlib
import resource
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging
from matplotlib.figure import Figure
from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.hparams import api as hparams

from fred_tf import config as config_lib
from fred_tf import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.evaluator import Evaluation
from fred_tf.figures import canvas, gallery, masks, strips
from fred_tf.parameterizations import Frequency
from fred_tf.run_folder import RunFolder
from fred_tf.synthetic_set import SyntheticSet

# Names of a step's scalars by their beginning, and where they are shown.
_PLACES = {
    "loss": "loss",
    "gradient_norm_": "gradient_norm/",
    "gradient_norm": "gradient_norm/all",
}


class RunLog:
    """Writes the event files of a run.

    A log is not a result: where writing fails, e.g. on a full disk, one
    warning is logged, nothing more is written, and the run goes on.

    Args:
        folder: the run folder.
        step: what was logged after this step is dropped, since a run that is
            resumed from there logs it again; None drops nothing.
    """

    def __init__(self, folder: RunFolder, step: int | None = None):
        self._folder = folder
        self._before: tuple[int, float] | None = None
        if step is not None:
            for path in folder.log_folder.glob("events.out.tfevents.*"):
                _rewind(path, step)
        self._writer = tf.summary.create_file_writer(str(folder.log_folder))

    def close(self) -> None:
        """Writes what is left; later calls write nothing."""
        self._write(0, lambda: self._writer.close())
        self._writer = None

    def begin(self, run: DistilledRun) -> None:
        """Writes what stays as it is: the settings, and the masks."""
        values = config_lib.to_json(run.config)

        def write():
            text = json.dumps(values, indent=2)
            tf.summary.text("config", f"```json\n{text}\n```")
            hparams.hparams(_flat(values))
            if isinstance(run.parameterization, Frequency):
                names = run.facts.class_names
                _picture("masks", masks(run.parameterization.masks, names))

        self._write(0, write)

    def scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes a step's scalars, the speed since last time, and memory."""
        now = time.monotonic()

        def write():
            for name, value in scalars.items():
                tf.summary.scalar(_place(name), value)
            if self._before and step > self._before[0]:
                steps, seconds = step - self._before[0], now - self._before[1]
                tf.summary.scalar("speed/steps_per_second", steps / seconds)
            tf.summary.scalar("speed/peak_memory_gigabytes", _peak_memory())

        self._write(step, write)
        self._before = (step, now)

    def pictures(self, run: DistilledRun) -> None:
        """Writes the images as they are and as they were, and histograms."""
        decoded = run.synthetic_set()
        self._folder.save_snapshot(run.step, _first_of_class(decoded))

        def write():
            if decoded.images.shape[-1] in (1, 3):
                _picture("gallery", gallery(decoded))
                snapshots = self._folder.snapshots()
                _picture(
                    "first_of_class",
                    strips(
                        snapshots, decoded.class_names, decoded.normalization
                    ),
                )
            for weight in run.parameterization.trainable_weights:
                tf.summary.histogram(f"coefficients/{weight.name}", weight)
            tf.summary.histogram("pixels", decoded.pixels())

        self._write(run.step, write)

    def accuracy(self, step: int, network: str, result: Evaluation) -> None:
        """Writes an evaluation, in percent."""

        def write():
            for name, value in (
                ("mean", result.mean),
                ("deviation", result.deviation),
            ):
                tf.summary.scalar(f"accuracy/{network}/{name}", 100 * value)

        self._write(step, write)

    def profile(self, step: int, first: int, count: int) -> None:
        """Profiles `count` steps after step `first`; call it after each step.

        The PROFILE tab needs `pip install tensorboard-plugin-profile`.
        """
        if step == first:
            tf.profiler.experimental.start(str(self._folder.log_folder))
        elif step == first + count:
            tf.profiler.experimental.stop()

    def _write(self, step: int, call: Callable[[], None]) -> None:
        if self._writer is None:
            return
        try:
            with self._writer.as_default(step):
                call()
            self._writer.flush()
        except (OSError, tf.errors.OpError) as error:
            logging.warning(
                "TensorBoard's event files cannot be written: %s. The run goes "
                "on without them.",
                error,
            )
            self._writer = None


def _rewind(path: pathlib.Path, last: int) -> None:
    """Drops the events after step `last`, and what a kill left half-written."""
    kept, dropped = [], False
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            event = event_pb2.Event.FromString(record.numpy())
            if event.step > last:
                dropped = True
            else:
                kept.append(record.numpy())
    except tf.errors.DataLossError:
        dropped = True
    if dropped:
        with files.replacing_file(path) as temporary:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                for record in kept:
                    writer.write(record)


def _place(name: str) -> str:
    for beginning, place in _PLACES.items():
        if name.startswith(beginning):
            return place + name[len(beginning) :]
    return f"learned/{name}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of a config by their dotted names."""
    leaves = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            leaves.update(_flat(value, f"{prefix}{name}."))
        else:
            leaves[prefix + name] = value
    return leaves


def _picture(name: str, figure: Figure) -> None:
    tf.summary.image(name, canvas.to_array(figure)[None])


def _first_of_class(decoded: SyntheticSet) -> np.ndarray:
    """Returns the first image of each class, in half precision."""
    labels, first = np.unique(decoded.labels, return_index=True)
    images = np.zeros((decoded.classes, *decoded.images.shape[1:]), np.float16)
    images[labels] = np.clip(decoded.images[first], -6e4, 6e4)
    return images


def _peak_memory() -> float:
    """Returns the largest memory that the process has had, in gigabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)
