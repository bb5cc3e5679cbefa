"""A run from its settings to its last step: the one recipe of all programs."""

import contextlib
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from fred_tf import assembly, datasets, presets
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.disk import paths, rewinds
from fred_tf.disk.files import Path
from fred_tf.distillation import devices, loop
from fred_tf.distillation.interruption import Interruption
from fred_tf.distilled_run import DistilledRun
from fred_tf.distilled_set import DistilledSet
from fred_tf.experts.store import ExpertStore
from fred_tf.experts.trainer import checked_worker
from fred_tf.open_run import OpenRun, opened
from fred_tf.presets import fitting
from fred_tf.settings import argument, check_least, check_one_of, check_type

ON_DIVERGENCE = ("stop", "rewind")

# What else happens in a run: see `distill`.
Observer = Callable[
    [OpenRun], contextlib.AbstractContextManager[Sequence[loop.Action]]
]


def distill(
    data: ImageData | Any,
    config: Config | str | None = None,
    run_dir: Path | None = None,
    *,
    ipc: int | None = None,
    budget_bytes: int | None = None,
    overrides: Iterable[str] = (),
    experts: Path | ExpertStore | None = None,
    start: DistilledRun | DistilledSet | Path | None = None,
    strategy: tf.distribute.Strategy | None = None,
    jit: bool | None = None,
    save_every: int = 100,
    on_divergence: str = "stop",
    observe: Observer | None = None,
    interruption: Interruption | None = None,
    progress: bool = True,
) -> DistilledSet:
    """Distils a data set, or continues to.

    ```python
    data = fred_tf.load_data("digits")
    distilled = fred_tf.distill(data, ipc=1)
    distilled = fred_tf.distill(data, "digits_ipc1_dm", "runs/digits")
    ```

    With a `run_dir` the run is kept there, and continues bit for bit when the
    same call is made again; without one nothing is left on disk. Nothing of
    the process is switched on or off: equal calls are bit-equal where the
    caller has switched on `tf.config.experimental.enable_op_determinism()`.

    Under a strategy of several workers, all of them must call this with equal
    arguments and a `run_dir` that they share; only the chief writes there.

    Args:
        data: from `load_data`, or what that takes.
        config: the settings, or the name of a preset; None takes a budget and
            what follows from the images, see `presets.config_for`.
        run_dir: the run folder; made if missing.
        ipc: budget in images per class, instead of a config.
        budget_bytes: in the place of any other, see `presets.within_bytes`.
        overrides: `name=value` each, as the programs take them.
        experts: the expert store or its folder, for objectives that need it.
        start: a run, its set or its folder, whose memory this one begins with
            instead of real images; to resume, the same must be given again.
        strategy: defaults to all GPUs here, or the CPU.
        jit: whether to compile the step with XLA; None: on accelerators only.
        save_every: outer steps between checkpoints.
        on_divergence: what a run that is lost does, one of `ON_DIVERGENCE`:
            it stops, or goes on from before with half the memory's step size.
        observe: called with the open run by the chief; returns a context
            manager of what else is done after steps.
        interruption: stops the run after the current step once it holds a
            signal; with several workers, once it does on any of them.
        progress: whether to show how far the run is.

    Returns:
        The set at the run's last step.

    Raises:
        TypeError, OSError: an argument is of another kind, or names nothing.
        ValueError: the folder holds another run, a setting does not fit the
            data, the experts or the replicas, or the workers disagree.
        RuntimeError: another process is in the folder; or the run is lost, a
            `loop.DivergedError`, and its newest checkpoint is from before; or
            another worker has died, a `workers.WorkerLostError`.
    """
    _check_steps(run_dir, strategy, jit, save_every, on_divergence)
    _check_beside(observe, interruption)
    places = _places(run_dir, experts, start)
    data = datasets.as_data(data)
    config = presets.settled(data, config, ipc, overrides, budget_bytes)
    while True:
        with opened(config, data, *places, strategy, jit) as run:
            try:
                _make_steps(run, save_every, observe, interruption, progress)
                return DistilledSet.of_run(run.now())
            except loop.DivergedError as error:
                if not _goes_back(run, error, on_divergence):
                    raise


def _check_steps(
    run_dir: Path | None,
    strategy: tf.distribute.Strategy | None,
    jit: bool | None,
    save_every: int,
    on_divergence: str,
) -> None:
    """Refuses what no steps can be made by, as `distill` was given it."""
    if strategy is not None:
        check_type("strategy", strategy, tf.distribute.Strategy)
    if jit is not None:
        check_type("jit", jit, bool)
    check_least("save_every", argument("save_every", save_every, int), 1)
    check_one_of("on_divergence", on_divergence, ON_DIVERGENCE)
    if on_divergence == "rewind" and run_dir is None:
        raise ValueError(
            "`on_divergence` 'rewind' goes back to a checkpoint. Received: no "
            "`run_dir` to keep one in. Give one."
        )


def _check_beside(
    observe: Observer | None, interruption: Interruption | None
) -> None:
    """Refuses what could not go along with steps, before any is made."""
    if observe is not None and not callable(observe):
        raise TypeError(
            "`observe` must be a function that takes the open run and returns "
            f"a context manager. Received: {observe!r}. Leave it out, or give "
            "one."
        )
    if interruption is not None:
        check_type("interruption", interruption, Interruption)


def _places(
    run_dir: Path | None,
    experts: Path | ExpertStore | None,
    start: DistilledRun | DistilledSet | Path | None,
) -> tuple[
    pathlib.Path | None,
    pathlib.Path | ExpertStore | None,
    DistilledRun | None,
]:
    """Returns what `distill` was given by paths, by the one rule of paths."""
    if not isinstance(experts, ExpertStore):
        experts = paths.optional_folder(experts, "experts")
    run_dir = paths.optional_folder(run_dir, "run_dir")
    return run_dir, experts, _start(start)


def _start(
    given: DistilledRun | DistilledSet | Path | None,
) -> DistilledRun | None:
    """Returns the run that `distill` was given to start from.

    Raises:
        TypeError, ValueError, FileNotFoundError: it is none, or has none.
    """
    if isinstance(given, DistilledSet):
        return given.run
    if isinstance(given, Path):
        return DistilledRun.restore(paths.folder(given, "start"))
    if given is not None:
        check_type("start", given, DistilledRun)
    return given


def _goes_back(
    run: OpenRun, error: loop.DivergedError, on_divergence: str
) -> bool:
    """Returns whether a lost run goes on; if not, its error says what to do."""
    if on_divergence == "rewind" and _rewind(run, error):
        return True
    error.way_out = _way_out(run)
    return False


def _way_out(run: OpenRun) -> str:
    """Returns what to do about a run that is lost, as far as it can be done."""
    other = (
        "lower `memory_learning_rate` or `student_learning_rate_step`, or "
        "raise `references_per_step`"
    )
    half = "with half the memory's step size"
    if run.folder is None:
        return (
            "Nothing of it is kept. With a `run_dir`, `on_divergence` 'rewind' "
            f"goes back to a checkpoint, {half}; or {other}."
        )
    kept = "The last checkpoint from before is kept."
    if len(rewinds.of(run.folder)) >= rewinds.MOST:
        return (
            f"{kept} It went back {rewinds.MOST} times, the most, each time "
            f"{half}. In a new --run_dir, {other}."
        )
    return (
        f"{kept} `--on_divergence=rewind` goes on from there {half}; or, in a "
        f"new --run_dir, {other}."
    )


def _rewind(run: OpenRun, error: loop.DivergedError) -> bool:
    """Returns whether the run, opened again, goes on from before."""
    assert run.folder is not None and run.checkpoints is not None
    # Another worker could read what the chief has written by then.
    before = len(rewinds.of(run.folder)) if run.workers.chief else 0
    before = run.workers.largest(before)
    if before >= rewinds.MOST:
        return False
    logging.warning("%s It goes back, for time %d.", error, before + 1)
    with run.workers.chief_first():  # The others read what the chief writes.
        if run.workers.chief:
            rewinds.go_back(
                run.folder,
                run.checkpoints,
                error.step,
                error.reason,
                error.last_good,
                run.distiller.rate,
            )
    return True


def _make_steps(
    run: OpenRun,
    save_every: int,
    observe: Observer | None,
    interruption: Interruption | None,
    progress: bool,
) -> None:
    """Makes the outer steps that a run lacks; as for `distill`."""
    if interruption is not None and run.workers.count > 1:
        interruption.share = run.workers.largest
    with contextlib.ExitStack() as stack:
        actions: list[loop.Action] = []
        if run.workers.chief:
            if run.folder is not None:
                actions.append(loop.Action(1, run.folder.append_metrics))
            if observe is not None:
                actions += stack.enter_context(observe(run))
            actions.append(loop.Action(save_every, run.save))
            actions.sort(key=lambda action: action.after_save)
        try:
            loop.run(
                run.distiller,
                run.config.outer_steps,
                actions,
                interruption,
                progress,
            )
        except loop.DivergedError as error:
            # Also of a step that is not finite: one before it, that was, may
            # have led there.
            run.forget_after(error.last_good)
            raise
        run.workers.meet()  # None ends before the chief has saved.


def train_experts(
    data: ImageData | Any,
    config: Config | str,
    expert_dir: Path,
    on_epoch: Callable[[int, int, float | None], None] | None = None,
    worker: tuple[int, int] = (0, 1),
) -> ExpertStore:
    """Trains what is missing of a config's experts, and returns their store.

    Args:
        data: from `load_data`, or what that takes.
        config: settings, or the name of a preset.
        expert_dir: folder of the store; made if missing.
        on_epoch: see `ExpertTrainer.train`.
        worker: index of this process among those that share the work, and how
            many there are.

    Raises:
        TypeError: an argument is of another type.
        ValueError: the folder holds experts of other settings or data, `worker`
            is none, or XLA chooses by itself what it compiles.
        NotADirectoryError: a file lies where the folder would.
    """
    devices.refuse_auto_jit()
    if not isinstance(config, Config | str):
        raise TypeError(
            "`config` must be a `fred_tf.Config` or the name of a preset. "
            f"Received: {type(config).__name__}. Give the one that the "
            "experts are for, e.g. 'tm'."
        )
    expert_dir = paths.folder(expert_dir, "expert_dir")
    worker = checked_worker(worker)
    data = datasets.as_data(data)
    asked = presets.settled(data, config)
    config = fitting.fitted(asked, data)
    fitting.tell(asked, config, data)
    store = assembly.expert_store(config, data, expert_dir)
    trainer = assembly.expert_trainer(config, data)
    trainer.train(store, config.experts.count, on_epoch, worker)
    return store
