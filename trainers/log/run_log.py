"""What TensorBoard shows of a run.

loss, learned/*                   every tenth step
gradient_norm/all, band_0, ...    of the memory; bands from low to high
gradient_norm/usual               what a step is compared with
skipped                           steps that were not made so far, outliers
memory_learning_rate              of the step, given or measured
speed/*                           steps per second, peak memory of the
                                  process and of the first GPU
accuracy/<network>/*              mean and spread, of --evaluate_every, of
                                  `trainers.evaluate` and of a sweep's cells
gallery, masks, first_of_class    pictures; the last over time
coefficients/*, pixels            histograms
config                            the settings as text; HPARAMS has them,
                                  too, beside the accuracies of each run
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from absl import logging
from matplotlib.figure import Figure

from fred_tf import config as config_lib
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distilled_run import DistilledRun
from fred_tf.figures import canvas, gallery, masks, strips
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluator import Evaluation
from trainers.log import events
from trainers.log import hparams as run_hparams

# Names of a step's scalars by their beginning, and where they are shown.
_PLACES = {
    "loss": "loss",
    "skipped": "skipped",
    "memory_learning_rate": "memory_learning_rate",
    "usual_gradient_norm": "gradient_norm/usual",
    "gradient_norm_": "gradient_norm/",
    "gradient_norm": "gradient_norm/all",
}


class RunLog:
    """Writes the event files of a run.

    A log is not a result: where writing fails, e.g. on a full disk, one
    warning is logged, no more event files are written, and the run goes on.
    Snapshots are tried again each time.

    Args:
        folder: the run folder.
        step: what was logged after this step is dropped, since a run that is
            resumed from there logs it again; None drops nothing.
    """

    def __init__(self, folder: RunFolder, step: int | None = None):
        self._folder = folder
        self._before: tuple[int, float] | None = None
        self._writer = None
        self._profiling = self._warned = False

        def begin():
            if step is not None:
                for path in events.paths(folder.log_folder):
                    events.rewind(path, step)
            self._writer = tf.summary.create_file_writer(str(folder.log_folder))

        self._try(begin)

    def close(self) -> None:
        """Writes what is left, a profile too; later calls write nothing."""
        self._stop_profiling()
        if self._writer is not None:
            self._try(self._writer.close)
            self._writer = None

    def begin(self, run: DistilledRun) -> None:
        """Writes what stays as it is: the settings, and the masks."""
        values = config_lib.to_json(run.config)

        def write():
            text = json.dumps(values, indent=2)
            tf.summary.text("config", f"```json\n{text}\n```")
            run_hparams.write(self._folder, values, run.config.network.name)
            if isinstance(run.parameterization, Frequency):
                memory, names = run.parameterization, run.facts.class_names
                drawn = masks(memory.masks, names, memory.transform.axis)
                _picture("masks", drawn)

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
            if peak := _peak_device_memory():
                tf.summary.scalar("speed/peak_device_memory_gigabytes", peak)

        self._write(step, write)
        self._before = (step, now)

    def pictures(self, run: DistilledRun) -> None:
        """Writes the images as they are and as they were, and histograms."""
        decoded = run.synthetic_set()
        first = _first_of_class(decoded)
        self._try(lambda: self._folder.save_snapshot(run.step, first))

        def write():
            if decoded.images.shape[-1] in (1, 3):
                _picture("gallery", gallery(decoded))
                if snapshots := self._folder.snapshots():
                    _picture(
                        "first_of_class",
                        strips(
                            snapshots,
                            decoded.class_names,
                            decoded.normalization,
                        ),
                    )
            for weight in run.parameterization.trainable_weights:
                tf.summary.histogram(f"coefficients/{weight.name}", weight)
            tf.summary.histogram("pixels", decoded.pixels())

        self._write(run.step, write)

    def accuracy(self, step: int, network: str, result: Evaluation) -> None:
        """Writes an evaluation, in percent."""

        def write():
            for name, value in _percent(network, result).items():
                tf.summary.scalar(name, value)

        self._write(step, write)

    def profile(self, step: int, first: int, count: int) -> None:
        """Profiles `count` steps after step `first`; call it after each step.

        The PROFILE tab needs `pip install tensorboard-plugin-profile`.
        """
        if step == first:
            place = str(self._folder.log_folder)
            self._profiling = self._try(
                lambda: tf.profiler.experimental.start(place)
            )
        elif step == first + count:
            self._stop_profiling()

    def _stop_profiling(self) -> None:
        if self._profiling:
            self._profiling = False
            self._try(tf.profiler.experimental.stop)

    def _write(self, step: int, call: Callable[[], None]) -> None:
        if self._writer is None:
            return

        def write():
            with self._writer.as_default(step):
                call()
            self._writer.flush()

        if not self._try(write):
            self._writer = None

    def _try(self, call: Callable[[], None]) -> bool:
        """Returns whether writing went well; warns of the first failure."""
        try:
            call()
        except (OSError, tf.errors.OpError) as error:
            if not self._warned:
                logging.warning(
                    "What TensorBoard shows cannot be written: %s. The run "
                    "goes on without it.",
                    error,
                )
            self._warned = True
            return False
        return True


def append_accuracy(
    folder: RunFolder, step: int, network: str, result: Evaluation
) -> None:
    """Adds an evaluation to the log of a run that was made before.

    The same numbers at the same step are not added again.

    Args:
        folder: the run folder.
        step: outer step of the set that was evaluated.
        network: what was trained on it.
        result: its accuracies.
    """
    wanted = _percent(network, result)
    logged = events.latest(events.paths(folder.log_folder), step, wanted)
    if logged != {name: np.float32(x).item() for name, x in wanted.items()}:
        log = RunLog(folder)
        log.accuracy(step, network, result)
        log.close()


def _percent(network: str, result: Evaluation) -> dict[str, float]:
    """Returns what is shown of an evaluation, by tag."""
    return {
        f"accuracy/{network}/mean": 100 * result.mean,
        f"accuracy/{network}/deviation": 100 * result.deviation,
    }


def _place(name: str) -> str:
    for beginning, place in _PLACES.items():
        if name.startswith(beginning):
            return place + name[len(beginning) :]
    return f"learned/{name}"


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


def _peak_device_memory() -> float:
    """Returns the same of the first GPU; 0 where none is, or none counts."""
    if not tf.config.list_logical_devices("GPU"):
        return 0.0
    try:
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e9
    except (ValueError, tf.errors.OpError):
        return 0.0  # Allocators of plug-in devices need not count.
