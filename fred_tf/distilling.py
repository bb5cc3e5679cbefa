"""A run from its settings to its last step: the one recipe of all programs."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from fred_tf import assembly, datasets, presets
from fred_tf import config as config_lib
from fred_tf.config import Config
from fred_tf.datasets import DataFacts, ImageData
from fred_tf.disk.checkpoints import Checkpoints
from fred_tf.disk.files import Path
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distillation import devices, loop
from fred_tf.distillation.distiller import Distiller
from fred_tf.distillation.interruption import Interruption
from fred_tf.distillation.reference_stream import references_per_replica
from fred_tf.distillation.workers import Workers
from fred_tf.distilled_run import DistilledRun, check_start, identity
from fred_tf.distilled_set import DistilledSet
from fred_tf.experts.store import ExpertStore
from fred_tf.scoring import rewind_curve


@dataclasses.dataclass(frozen=True)
class OpenRun:
    """A run that is being made.

    Attributes:
        config: its settings as resolved.
        facts: what is known of its data.
        distiller: its variables, as they begin or go on.
        workers: the processes that make it.
        resumed: whether it goes on from an earlier step.
        folder: the run folder; None if nothing is left on disk.
        checkpoints: those of the folder.
    """

    config: Config
    facts: DataFacts
    distiller: Distiller
    workers: Workers
    resumed: bool
    folder: RunFolder | None = None
    checkpoints: Checkpoints | None = None

    def now(self) -> DistilledRun:
        """Returns the run as it is."""
        return DistilledRun(
            self.folder,
            self.config,
            self.facts,
            self.distiller.distilled,
            self.distiller.learned(),
            self.distiller.step,
        )

    def save(self, *_: Any) -> None:
        """Saves a checkpoint, if the run leaves anything on disk."""
        if self.checkpoints is not None and self.workers.chief:
            self.checkpoints.save(self.distiller.step)


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
    overrides: Iterable[str] = (),
    experts: Path | ExpertStore | None = None,
    start: DistilledRun | None = None,
    strategy: tf.distribute.Strategy | None = None,
    jit: bool | None = None,
    save_every: int = 100,
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
        config: the settings, or the name of a preset; None takes `ipc` and
            what follows from the images, see `presets.config_for`.
        run_dir: the run folder; made if missing.
        ipc: budget in images per class, instead of a config.
        overrides: `name=value` each, as the programs take them.
        experts: the expert store or its folder, for objectives that need it.
        start: a run whose memory this one begins with, instead of real
            images; a run that is resumed must be given the same again.
        strategy: defaults to all GPUs here, or the CPU.
        jit: whether to compile the step with XLA; None compiles where the
            strategy has accelerators. XLA's loops of convolutions are many
            times slower than TensorFlow's on a CPU.
        save_every: outer steps between checkpoints.
        observe: called with the open run by the chief; returns a context
            manager of what else is done after steps.
        interruption: stops the run after the current step once it holds a
            signal; with several workers, once it does on any of them.
        progress: whether to show how far the run is.

    Returns:
        The set at the run's last step.

    Raises:
        ValueError: the folder holds another run, a setting does not fit the
            data, the experts or the replicas, or the workers disagree.
        fred_tf.distillation.loop.NonFiniteError: a step diverged; the last
            good state is saved.
        fred_tf.distillation.workers.WorkerLostError: another worker has died.
    """
    data = datasets.as_data(data)
    config = presets.settled(data, config, ipc, overrides)
    with opened(config, data, run_dir, experts, start, strategy, jit) as run:
        _make_steps(run, save_every, observe, interruption, progress)
        return DistilledSet.of_run(run.now())


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
        except loop.NonFiniteError:
            run.save()
            raise
        run.workers.meet()  # None ends before the chief has saved.


def check(
    config: Config,
    strategy: tf.distribute.Strategy,
    start: DistilledRun | None = None,
) -> None:
    """Refuses a run that cannot be, before any data are read.

    Raises:
        ValueError: the network does not take the images, references cannot be
            shared out over the replicas, or `start` does not fit.
    """
    references_per_replica(
        config.distiller.references_per_step, strategy.num_replicas_in_sync
    )
    assembly.check_network(config)
    if start is not None:
        check_start(config, start)


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
        ValueError: the folder holds experts of other settings or data.
    """
    data = datasets.as_data(data)
    config = presets.settled(data, config)
    store = assembly.expert_store(config, data, expert_dir)
    trainer = assembly.expert_trainer(config, data)
    trainer.train(store, config.experts.count, on_epoch, worker)
    return store


@contextlib.contextmanager
def opened(
    config: Config,
    data: ImageData,
    run_dir: Path | None = None,
    experts: Path | ExpertStore | None = None,
    start: DistilledRun | None = None,
    strategy: tf.distribute.Strategy | None = None,
    jit: bool | None = None,
    environment: Mapping[str, Any] | None = None,
) -> Iterator[OpenRun]:
    """Yields a run that has begun, or that was restored; its folder is locked.

    Args:
        config, data, run_dir, experts, start, strategy, jit: see `distill`.
        environment: what replaces parts of what this process says of itself.

    Raises:
        ValueError: see `distill`.
    """
    strategy = strategy or devices.local_strategy()
    if jit is None:
        jit = "CPU" not in strategy.extended.worker_devices[0]
    check(config, strategy, start)
    workers = Workers(strategy)
    if workers.count > 1 and run_dir is None:
        raise ValueError(
            "Several workers need a `run_dir` that all of them see. Received: "
            "none. Give one."
        )
    distiller: Distiller | None = None

    def where() -> str:
        if distiller is None:
            return "while the run was prepared"
        return f"in outer step {distiller.step + 1}"

    with contextlib.ExitStack() as stack:
        stack.enter_context(workers.guard(run_dir, where))
        facts = data.facts
        config = config_lib.resolved(config, data.image_shape)
        folder = None
        if run_dir is not None:
            folder = _folder(
                workers,
                run_dir,
                identity(config, jit, start),
                facts.to_json(),
                {**devices.environment(strategy), **(environment or {})},
            )
            if workers.chief:
                stack.enter_context(folder.lock())
        distiller = assembly.distiller(config, data, experts, strategy, jit)
        checkpoints = None
        if folder is not None:
            checkpoints = Checkpoints(
                folder.checkpoint_folder, distiller.checkpoint
            )
        with workers.chief_first():
            restored = _restored(distiller, checkpoints, data, start)
        if workers.count > 1:
            drawn = distiller.fingerprint()
            workers.agree({"step": distiller.step, "first reference": drawn})
        if restored:
            logging.info("Continuing after outer step %d.", restored)
        if folder is not None and workers.chief:
            folder.rewind_metrics(distiller.step)
            folder.rewind_snapshots(distiller.step)
            rewind_curve(folder.path, distiller.step)
        yield OpenRun(
            config,
            facts,
            distiller,
            workers,
            restored is not None,
            folder,
            checkpoints,
        )


def _restored(
    distiller: Distiller,
    checkpoints: Checkpoints | None,
    data: ImageData,
    start: DistilledRun | None,
) -> int | None:
    """Restores a distiller and returns its step; if it cannot, begins it."""
    if checkpoints is not None:
        restored = checkpoints.restore_latest()
        if restored is not None:
            return restored
    if start is None:
        assembly.begin(distiller, data)
    else:
        weights = start.parameterization.get_weights()
        distiller.start_from(weights, start.learned)
    if checkpoints is not None:
        checkpoints.save(0)
    return None


def _folder(
    workers: Workers,
    run_dir: Path,
    described: dict[str, Any],
    data: dict[str, Any],
    environment: dict[str, Any],
) -> RunFolder:
    """Lets the chief make or check the folder, and the others find it."""
    # Hosts may have different numbers of cores.
    shared = {k: v for k, v in environment.items() if k != "cpu_threads"}
    workers.agree({**described, "data": data, "environment": shared})
    with workers.chief_first():
        if workers.chief:
            return RunFolder.open(run_dir, described, data, environment)
        try:
            return RunFolder.read(run_dir)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                "All workers must see the same `--run_dir`, on a file system "
                f"that they share. Received: {run_dir}, where worker "
                f"{workers.index} does not find the run that the chief made."
            ) from error
