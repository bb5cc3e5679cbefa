"""What TensorBoard shows of a run, in the order in which it shows it.

loss                     every tenth step, as what follows of steps
measured/*               mean accuracy and its spread by network or kernel, of
                         --evaluate_every, of `trainers.evaluate` and of a
                         sweep's cells
memory/*                 norms of the gradient, of all and by band of frequency;
                         step size; steps that were skipped
objective/*              what it learns, e.g. the student learning rate
pictures/*               gallery, masks, one of each class over time, and a
                         histogram of pixels
rate/*                   bits of a coefficient, bytes of the coded set; of
                         memories with one step size
speed/*                  steps per second, peak memory
values/*                 histograms of what is stored
config                   the settings as text; HPARAMS has them, too, beside
                         the accuracies of each run

`tags.py` says more of each, and so does TensorBoard beside its name. What has
been 0 in every step is left out. A run is named for its settings, by the folder
of its event files: `tensorboard/digits_ipc1_fred_distribution_matching`.
"""

import json
import pathlib
import re
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
from fred_tf.parameterizations import PARAMETERIZATIONS, Frequency
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluation import Evaluation
from trainers import process_memory
from trainers.log import events, tags
from trainers.log import hparams as run_hparams
from trainers.log.tags import Tag

# The last that is written of what stays as it is, and of a step's pictures.
_SETTINGS, _PIXELS = tags.CONFIG.name, tags.PIXELS.name
# After these, more cannot be written either.
_UNWRITTEN = (OSError, tf.errors.OpError)


def place(folder: RunFolder) -> pathlib.Path:
    """Returns the folder of a run's event files.

    TensorBoard calls the run by it, whatever folder it is shown.
    """
    settings = folder.identity
    stored = PARAMETERIZATIONS[settings["parameterization"]["name"]].called()
    name = (
        f"{settings['dataset']}_ipc{settings['ipc']}_{stored}_"
        f"{settings['objective']['name']}"
    )
    return folder.log_folder / re.sub(r"[^\w.-]+", "_", name.lower())


class RunLog:
    """Writes the event files of a run.

    A log is not a result: where it fails, one warning is logged and the run
    goes on. Where no event file can be written, e.g. on a full disk, none is
    from then on; snapshots and drawings are tried again each time.

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
        self._left: set[tuple[int, str]] = set()
        self._place = place(folder)
        self._earlier: list[pathlib.Path] = []
        self._step = step or 0

        def begin():
            if step is not None:
                self._earlier = events.paths(self._place)
                for path in self._earlier:
                    self._left |= events.rewind(path, step)
            self._writer = tf.summary.create_file_writer(str(self._place))

        self._try(begin)
        # Of scalars and histograms, which are left out while they are 0.
        self._begun = {tag for _, tag in self._left}

    def close(self) -> None:
        """Writes what is left, a profile too; later calls write nothing."""
        self._stop_profiling()
        if self._writer is not None:
            self._try(self._writer.close)
            self._writer = None

    def begin(self, run: DistilledRun) -> None:
        """Writes what stays as it is: the settings, and the masks.

        Nothing that a killed process had written already, unless a run has
        other settings since, e.g. more steps: TensorBoard shows the first ones
        that it finds, so those of before are dropped.
        """
        values = config_lib.to_json(run.config)
        text = f"```json\n{json.dumps(values, indent=2)}\n```"

        def write():
            told = events.latest(self._earlier, 0, {_SETTINGS})
            if told.get(_SETTINGS) == text.encode():
                return
            for path in self._earlier:
                without = {_SETTINGS, *run_hparams.TAGS}
                events.rewind(path, self._step, without)
            run_hparams.write(self._folder, values, tags.scorer(run.config))
            there = (0, tags.MASKS.name) in self._left
            if isinstance(run.parameterization, Frequency) and not there:
                memory, names = run.parameterization, run.facts.class_names
                drawn = masks(memory.masks, names, memory.transform.axis)
                _picture(tags.MASKS, drawn)
            tf.summary.text(
                tags.CONFIG.name, text, description=tags.CONFIG.description
            )

        self._write(0, write)

    def scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes a step's scalars, the speed since last time, and memory."""
        now = time.monotonic()

        def write():
            for name, value in scalars.items():
                tag = tags.of_scalar(name)
                if self._is_shown(tag, value):
                    _scalar(tag, value)
            if self._before and step > self._before[0]:
                steps, seconds = step - self._before[0], now - self._before[1]
                _scalar(tags.STEPS_PER_SECOND, steps / seconds)
            _scalar(tags.PEAK_MEMORY, process_memory.peak())
            if peak := _peak_device_memory():
                _scalar(tags.PEAK_DEVICE_MEMORY, peak)

        self._write(step, write)
        self._before = (step, now)

    def has_pictures(self, step: int) -> bool:
        """Returns whether a killed process had written all of a step's."""
        kept: list[np.ndarray] = []

        def look():
            snapshots = self._folder.snapshots()
            kept.extend(snapshots[s] for s in (step,) if s in snapshots)

        self._try(look)
        return bool(kept) and (step, _PIXELS) in self._left

    def pictures(self, run: DistilledRun) -> None:
        """Writes the images as they are and as they were, and histograms."""
        decoded = run.synthetic_set()
        self._try(
            lambda: self._folder.save_snapshot(
                run.step, _first_of_class(decoded)
            )
        )

        def write():
            for weight in run.parameterization.trainable_weights:
                tag, values = tags.of_weight(weight.name), weight.numpy()
                if self._is_shown(tag, values):
                    _histogram(tag, values)
            if decoded.images.shape[-1] in (1, 3):
                _picture(tags.GALLERY, gallery(decoded))
                if snapshots := self._folder.snapshots():
                    _picture(
                        tags.FIRST_OF_CLASS,
                        strips(
                            snapshots,
                            decoded.class_names,
                            decoded.normalization,
                        ),
                    )
            _histogram(tags.PIXELS, decoded.pixels())

        self._write(run.step, write)

    def accuracy(
        self,
        step: int,
        scorer: str,
        result: Evaluation,
        may_be_there: bool = False,
    ) -> None:
        """Writes an evaluation, in percent.

        Args:
            step: outer step of the set that was evaluated.
            scorer: what was trained on it, see `tags.scorer`.
            result: its accuracies.
            may_be_there: whether the same numbers are looked for first.
        """

        def write():
            wanted = _percent(scorer, result)
            if may_be_there and _is_logged(self._folder, step, wanted):
                return
            for tag, value in wanted.items():
                _scalar(tag, value)

        self._write(step, write)

    def profile(self, step: int, first: int, count: int) -> None:
        """Profiles `count` steps after step `first`; call it after each step.

        The PROFILE tab needs `pip install tensorboard-plugin-profile`.
        """
        if step == first:
            start = tf.profiler.experimental.start
            failure = self._try(lambda: start(str(self._place)))
            self._profiling = failure is None
        elif step == first + count:
            self._stop_profiling()

    def _is_shown(self, tag: Tag, values: float | np.ndarray) -> bool:
        """Returns whether a tag has ever been something else than 0."""
        if np.any(values):
            self._begun.add(tag.name)
        return tag.name in self._begun

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

        if isinstance(self._try(write), _UNWRITTEN):
            self._writer = None

    def _try(self, call: Callable[[], object]) -> Exception | None:
        """Returns what a call raised; warns of the first failure.

        Everything is caught: what is drawn depends on the names of classes and
        on the data, and matplotlib raises what it likes. No result is worth
        less for it.
        """
        try:
            call()
        except Exception as error:  # noqa: BLE001
            if not self._warned:
                logging.warning(
                    "What TensorBoard shows cannot be written: %s: %s. The run "
                    "goes on without it.",
                    type(error).__name__,
                    error,
                )
            self._warned = True
            return error
        return None


def append_accuracy(
    folder: RunFolder, step: int, scorer: str, result: Evaluation
) -> None:
    """Adds an evaluation to the log of a run that was made before.

    The same numbers at the same step are not added again.

    Args:
        folder: the run folder.
        step: outer step of the set that was evaluated.
        scorer: what was trained on it, see `tags.scorer`.
        result: its accuracies.
    """
    # No log is begun, which is a file, where nothing is to be written.
    if not _is_logged(folder, step, _percent(scorer, result)):
        log = RunLog(folder)
        log.accuracy(step, scorer, result)
        log.close()


def _is_logged(
    folder: RunFolder, step: int, wanted: Mapping[Tag, float]
) -> bool:
    """Returns whether some scalars were logged last as they are."""
    values = {tag.name: np.float32(x).item() for tag, x in wanted.items()}
    return events.latest(events.paths(place(folder)), step, values) == values


def _percent(scorer: str, result: Evaluation) -> dict[Tag, float]:
    """Returns what is shown of an evaluation; one network has no spread."""
    shown = {tags.accuracy(scorer): 100 * result.mean}
    if len(result.accuracies) > 1:
        shown[tags.deviation(scorer)] = 100 * result.deviation
    return shown


def _scalar(tag: Tag, value: float) -> None:
    tf.summary.scalar(tag.name, value, description=tag.description)


def _histogram(tag: Tag, values: np.ndarray) -> None:
    tf.summary.histogram(tag.name, values, description=tag.description)


def _picture(tag: Tag, figure: Figure) -> None:
    pixels = canvas.to_array(figure)[None]
    tf.summary.image(tag.name, pixels, description=tag.description)


def _first_of_class(decoded: SyntheticSet) -> np.ndarray:
    """Returns the first image of each class, in half precision."""
    labels, first = np.unique(decoded.labels, return_index=True)
    images = np.zeros((decoded.classes, *decoded.images.shape[1:]), np.float16)
    images[labels] = np.clip(decoded.images[first], -6e4, 6e4)
    return images


def _peak_device_memory() -> float:
    """Returns the same of the first GPU; 0 where none is, or none counts."""
    if not tf.config.list_logical_devices("GPU"):
        return 0.0
    try:
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e9
    except (ValueError, tf.errors.OpError):
        return 0.0  # Allocators of plug-in devices need not count.
