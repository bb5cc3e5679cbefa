"""A run that is being made: begun in its folder, or restored from it."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from fred_tf import assembly, chosen_images
from fred_tf.config import Config
from fred_tf.datasets import DataFacts, ImageData
from fred_tf.disk import rewinds
from fred_tf.disk.checkpoints import Checkpoints
from fred_tf.disk.evaluation_files import rewind_curve
from fred_tf.disk.files import Path
from fred_tf.disk.run_folder import RunFolder, has_begun
from fred_tf.distillation import devices
from fred_tf.distillation.distiller import Distiller
from fred_tf.distillation.reference_stream import references_per_replica
from fred_tf.distillation.workers import Workers
from fred_tf.distilled_run import (
    DistilledRun,
    check_beginning,
    check_start,
    identity,
)
from fred_tf.experts import of_run
from fred_tf.experts.store import ExpertStore
from fred_tf.objectives import OBJECTIVES
from fred_tf.presets import fitting


@dataclasses.dataclass(frozen=True)
class OpenRun:
    """A run that is being made.

    Attributes:
        config: its settings as resolved.
        facts: what is known of its data.
        distiller: its variables, as they begin or go on.
        workers: the processes that make it.
        folder: the run folder; None if nothing is left on disk.
        checkpoints: those of the folder.
        data_dir: the folder that its data set was found in, if any.
        began_after: see `DistilledRun`.
    """

    config: Config
    facts: DataFacts
    distiller: Distiller
    workers: Workers
    folder: RunFolder | None = None
    checkpoints: Checkpoints | None = None
    data_dir: pathlib.Path | None = None
    began_after: int | None = None

    def now(self) -> DistilledRun:
        """Returns the run as it is."""
        return DistilledRun(
            self.folder,
            self.config,
            self.facts,
            self.distiller.distilled,
            self.distiller.learned(),
            self.distiller.step,
            self.data_dir,
            self.began_after,
        )

    def save(self, *_: Any) -> None:
        """Saves a checkpoint, if the run leaves anything on disk."""
        if self.folder and self.checkpoints and self.workers.chief:
            self.folder.sync()
            self.checkpoints.save(self.distiller.step, self.distiller.last_good)

    def forget_after(self, step: int) -> None:
        """Deletes the checkpoints of a run that was lost after a step.

        What uses the run then takes the newest one from before.
        """
        if self.checkpoints is not None and self.workers.chief:
            self.checkpoints.go_back(step)


def check(
    config: Config,
    strategy: tf.distribute.Strategy,
    start: DistilledRun | None = None,
    experts: Path | ExpertStore | None = None,
    run_dir: Path | None = None,
) -> None:
    """Refuses a run that cannot be, before any data are read.

    Raises:
        ValueError: the network does not take the images, references cannot be
            shared out over the replicas, `start` does not fit, or settings of
            a run that is to begin count for nothing beside it, experts were
            trained otherwise, or XLA chooses by itself what it compiles.
    """
    devices.refuse_auto_jit()
    references_per_replica(
        config.distiller.references_per_step, strategy.num_replicas_in_sync
    )
    assembly.check_network(config)
    check_matched([config], experts)
    if OBJECTIVES[config.objective.name].needs_experts:
        assembly.check_experts(config, experts)
    if start is not None:
        check_start(config, start)
        if run_dir is None or not has_begun(run_dir):
            check_beginning(config, start)


def check_on(
    config: Config, data: ImageData, start: DistilledRun | None = None
) -> None:
    """Refuses a run that cannot be on some data.

    Args:
        config: settings, as `fitting.fitted` gives them.
        data: the real data.
        start: the run that it begins after, if any.

    Raises:
        ValueError: a network does not take the images, the smallest class has
            too few for the memory to begin with, `start` does not fit, or
            sections do not fit each other.
    """
    assembly.check_network(config, data)
    if start is None:
        fitting.check(config, data)
    else:
        check_start(config, start, data.facts)
    fitting.check_sections(config, data)


def check_matched(
    configs: Iterable[Config], experts: Path | ExpertStore | None
) -> None:
    """Refuses experts that count for nothing.

    Args:
        configs: of what is to be distilled.
        experts: the store or its folder, if one is given.

    Raises:
        ValueError: none of the objectives matches experts.
    """
    names = {config.objective.name for config in configs}
    matching = [name for name, made in OBJECTIVES.items() if made.needs_experts]
    if experts is not None and names.isdisjoint(matching):
        where = experts.path if isinstance(experts, ExpertStore) else experts
        raise ValueError(
            "`experts` (--expert_dir) are for objectives that match them: "
            f"{matching}. Received: {where} with {sorted(names)}. Leave them "
            "out or choose another objective."
        )


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
    begin: Callable[[Distiller], None] | None = None,
) -> Iterator[OpenRun]:
    """Yields a run that has begun, or that was restored; its folder is locked.

    Args:
        config, data, run_dir, experts, start, strategy, jit: see `distill`.
        environment: what replaces parts of what this process says of itself.
        begin: brings a distiller to where the run is by now; None begins it.

    Raises:
        ValueError: see `distill`.
    """
    strategy = strategy or devices.local_strategy()
    if jit is None:
        jit = "CPU" not in strategy.extended.worker_devices[0]
    check(config, strategy, start, experts, run_dir)
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
        config = _fitted(config, data, start)
        folder = None
        if run_dir is not None:
            folder = _folder(
                workers,
                run_dir,
                identity(config, jit, start),
                data,
                {**devices.environment(strategy), **(environment or {})},
            )
            if workers.chief:
                stack.enter_context(folder.lock())
            experts = _experts(config, data, experts, workers, folder)
        distiller = assembly.distiller(config, data, experts, strategy, jit)
        checkpoints = None
        if folder is not None:
            place = folder.checkpoint_folder
            checkpoints = Checkpoints(place, distiller.checkpoint)
        with workers.chief_first():
            restored = _restored(folder, checkpoints)
            if restored is None:
                _begin(distiller, config, data, experts, start, begin)
                if checkpoints is not None:
                    checkpoints.save(distiller.step)
        if workers.count > 1:
            drawn = distiller.fingerprint()
            workers.agree({"step": distiller.step, "first reference": drawn})
        if folder is not None and (rewound := rewinds.of(folder)):
            distiller.rate = rewound[-1]["memory_learning_rate"]
        if restored:
            logging.info("Continuing after outer step %d.", restored)
        if folder is not None and checkpoints is not None and workers.chief:
            if restored is not None:
                checkpoints.finish(distiller.last_good)
            folder.rewind_metrics(distiller.step)
            folder.rewind_snapshots(distiller.step)
            rewind_curve(folder.path, distiller.step)
        told = workers, folder, checkpoints, data.data_dir
        begun = None if start is None else start.step
        yield OpenRun(config, data.facts, distiller, *told, begun)


def _experts(
    config: Config,
    data: ImageData,
    experts: Path | ExpertStore | None,
    workers: Workers,
    folder: RunFolder,
) -> Path | ExpertStore | None:
    """Returns the experts that the run of a folder matches, if it does."""
    if not (OBJECTIVES[config.objective.name].needs_experts and experts):
        return experts
    asked = assembly.expert_description(config, data.facts)
    store = of_run.opened(experts, asked)
    with workers.chief_first():
        begun = has_begun(folder.path) or not workers.chief
        return of_run.kept(store, folder.path, begun)


def _fitted(
    asked: Config, data: ImageData, start: DistilledRun | None
) -> Config:
    """Returns the settings that a run has on its data, if it can be."""
    config = fitting.recorded(asked, data)
    check_on(config, data, start)
    fitting.tell(asked, config, data)
    return config


def _restored(
    folder: RunFolder | None, checkpoints: Checkpoints | None
) -> int | None:
    """Restores the last checkpoint, returns its step; None without one."""
    if folder is not None and checkpoints is not None:
        restored = checkpoints.restore_latest()
        if restored is not None:
            return restored
        folder.refuse_lost_checkpoints()
    return None


def _begin(
    distiller: Distiller,
    config: Config,
    data: ImageData,
    experts: Path | ExpertStore | None,
    start: DistilledRun | None,
    elsewhere: Callable[[Distiller], None] | None,
) -> None:
    """Begins with real images, where another run ended, or this one was."""
    if elsewhere is not None:
        elsewhere(distiller)
    elif start is None:
        chosen_images.begin(distiller, config, data, experts)
    else:
        weights = start.parameterization.get_weights()
        distiller.start_from(weights, start.learned)


def _folder(
    workers: Workers,
    run_dir: Path,
    described: dict[str, Any],
    data: ImageData,
    environment: dict[str, Any],
) -> RunFolder:
    """Lets the chief make or check the folder, and the others find it."""
    # Hosts may have different numbers of cores.
    shared = {k: v for k, v in environment.items() if k != "cpu_threads"}
    facts = data.facts.to_json()
    workers.agree({**described, "data": facts, "environment": shared})
    with workers.chief_first():
        if workers.chief:
            return RunFolder.open(
                run_dir, described, facts, environment, data.data_dir
            )
        try:
            return RunFolder.read(run_dir)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                "All workers must see the same `--run_dir`, on a file system "
                f"that they share. Received: {run_dir}, where worker "
                f"{workers.index} does not find the run that the chief made."
            ) from error
