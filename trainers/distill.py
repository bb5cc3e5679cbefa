"""Distils a data set into a synthetic one.

    python -m trainers.distill --preset=digits_ipc1_dm --run_dir=runs/digits

Trajectory-matching presets also need `--expert_dir`, see
`trainers.train_experts`. The run folder explains itself: `config.json`,
`metrics.jsonl`, `checkpoints/` and `tensorboard/` (`tensorboard --logdir`; see
`trainers.run_log` for what it shows).
A run that was stopped continues when the same command is given again.

All GPUs of a machine are used. Several machines work together when the same
command, with a `--run_dir` that they share, is given on each, and each finds
its place in the environment variable TF_CONFIG:

    TF_CONFIG='{"cluster": {"worker": ["a:12345", "b:12345"]},
                "task": {"type": "worker", "index": 0}}'
"""

import contextlib
from typing import Any

import tensorflow as tf
from absl import flags, logging

from fred_tf import assembly, distilled_run
from fred_tf import config as config_lib
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.disk.checkpoints import Checkpoints
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distillation import devices, loop
from fred_tf.distillation.reference_stream import references_per_replica
from fred_tf.distillation.workers import Workers
from fred_tf.objectives import OBJECTIVES
from fred_tf.scoring import curve_path, rewind_curve, score
from trainers import process_memory, run_flags
from trainers.log.run_log import RunLog

SAVE_EVERY = flags.DEFINE_integer(
    "save_every", 100, "Outer steps between checkpoints.", 1
)
IMAGES_EVERY = flags.DEFINE_integer(
    "images_every", 250, "Outer steps between galleries in TensorBoard.", 1
)
EVALUATE_EVERY = flags.DEFINE_integer(
    "evaluate_every",
    0,
    "Outer steps between evaluations for the curve of test accuracy; 0 makes "
    "none.",
    0,
)
START_FROM = flags.DEFINE_string(
    "start_from",
    None,
    "Run folder whose memory this run begins with, e.g. to go on with another "
    "objective, or with --override parameterization.bits=4 through rounding.",
)
PROFILE_STEPS = flags.DEFINE_integer(
    "profile_steps",
    0,
    "How many steps are profiled for TensorBoard, after the first five; needs "
    "tensorboard-plugin-profile to be looked at.",
    0,
)
_JIT = {"auto": None, "on": True, "off": False}
JIT = flags.DEFINE_enum(
    "jit",
    "auto",
    list(_JIT),
    "Whether to compile the step with XLA; auto: on accelerators only. A run "
    "keeps what it began with.",
)


def run(
    config: Config,
    run_dir: str,
    data_dir: str | None = None,
    expert_dir: str | None = None,
    download: bool = False,
    save_every: int = 100,
    images_every: int = 250,
    evaluate_every: int = 0,
    profile_steps: int = 0,
    start: distilled_run.DistilledRun | None = None,
    interruption: loop.Interruption | None = None,
    strategy: tf.distribute.Strategy | None = None,
    jit: bool | None = None,
) -> distilled_run.DistilledRun:
    """Distils, or continues to.

    Under a strategy of several workers, all of them must call this with equal
    arguments and a `run_dir` that they share; only the chief writes there.

    Args:
        config: the run.
        run_dir: the run folder; made if missing.
        data_dir: where TensorFlow Datasets keeps its data.
        expert_dir: folder of the expert store, for objectives that need it.
        download: whether missing data may be downloaded.
        save_every: outer steps between checkpoints.
        images_every: outer steps between galleries in TensorBoard.
        evaluate_every: outer steps between evaluations on the test split, for
            the curve of accuracy; 0 makes none. They choose nothing.
        profile_steps: steps to profile, after the first five; 0 for none.
        start: a run whose memory this one begins with, instead of real
            images; a run that is resumed must be given the same again.
        interruption: stops the run after the current step once it holds a
            signal; with several workers, once it does on any of them.
        strategy: defaults to `devices.local_strategy()`.
        jit: whether to compile the step with XLA; None compiles where the
            strategy has accelerators. XLA's loops of convolutions are many
            times slower than TensorFlow's on a CPU.

    Returns:
        The run at its last step.

    Raises:
        ValueError: the folder holds another run, a setting does not fit the
            data, the experts or the replicas, or the workers disagree.
        fred_tf.loop.NonFiniteError: a step diverged; the last good state is
            saved.
        trainers.workers.WorkerLostError: another worker has died.
    """
    strategy = strategy or devices.local_strategy()
    if jit is None:
        jit = "CPU" not in strategy.extended.worker_devices[0]
    workers = Workers(strategy)
    if interruption is not None and workers.count > 1:
        interruption.share = workers.largest
    name = OBJECTIVES[config.objective.name].references_per_step_name
    references_per_replica(
        getattr(config.objective, name), strategy.num_replicas_in_sync, name
    )
    assembly.check_network(config)
    if start is not None:
        distilled_run.check_start(config, start)
    distiller = None

    def where() -> str:
        if distiller is None:
            return "while the run was prepared"
        return f"in outer step {distiller.step + 1}"

    with contextlib.ExitStack() as stack:
        stack.enter_context(workers.guard(run_dir, where))
        with workers.chief_first():  # It may download.
            data = assembly.load_data(config, data_dir, download)
        facts = data.facts
        config = config_lib.resolved(config, data.image_shape)
        folder = _folder(
            workers,
            run_dir,
            distilled_run.identity(config, jit, start),
            facts.to_json(),
            devices.environment(strategy),
        )
        if workers.chief:
            stack.enter_context(folder.lock())
        distiller = assembly.distiller(config, data, expert_dir, strategy, jit)
        checkpoints = Checkpoints(
            folder.checkpoint_folder, distiller.checkpoint
        )
        with workers.chief_first():
            restored = checkpoints.restore_latest()
            if restored is None:
                if start is None:
                    assembly.adapt(
                        distiller.parameterization, data, config.seed
                    )
                    distiller.start_average()
                else:
                    distiller.start_from(
                        start.parameterization.get_weights(), start.learned
                    )
                checkpoints.save(0)
        if workers.count > 1:
            drawn = distiller.fingerprint()
            workers.agree({"step": distiller.step, "first reference": drawn})
        if restored:
            logging.info("Continuing after outer step %d.", restored)
        run = distilled_run.DistilledRun(
            folder,
            config,
            facts,
            distiller.distilled,
            distiller.learned(),
            distiller.step,
        )
        actions = ()
        if workers.chief:
            folder.rewind_metrics(distiller.step)
            folder.rewind_snapshots(distiller.step)
            rewind_curve(folder.path, distiller.step)
            log = RunLog(folder, distiller.step)
            stack.callback(log.close)

            def now() -> distilled_run.DistilledRun:
                return run.at(distiller.step, distiller.learned())

            if restored is None:
                log.begin(run)
                log.pictures(run)
            actions = [
                loop.Action(1, folder.append_metrics),
                loop.Action(10, log.scalars),
                loop.Action(save_every, lambda step, _: checkpoints.save(step)),
                loop.Action(images_every, lambda *_: log.pictures(now())),
            ]
            if profile_steps:
                first = distiller.step + 5
                actions.append(
                    loop.Action(
                        1,
                        lambda step, _: log.profile(step, first, profile_steps),
                    )
                )
            if evaluate_every:
                actions.append(
                    loop.Action(
                        evaluate_every,
                        lambda *_: _evaluate(now(), data, log),
                        on_stop=False,
                    )
                )
        try:
            loop.run(distiller, config.outer_steps, actions, interruption)
        except loop.NonFiniteError:
            if workers.chief:
                checkpoints.save(distiller.step)
            raise
        workers.meet()  # None ends before the chief has saved.
        return run.at(distiller.step, distiller.learned())


def _folder(
    workers: Workers,
    run_dir: str,
    identity: dict[str, Any],
    data: dict[str, Any],
    environment: dict[str, Any],
) -> RunFolder:
    """Lets the chief make or check the folder, and the others find it."""
    # Hosts may have different numbers of cores.
    shared = {k: v for k, v in environment.items() if k != "cpu_threads"}
    workers.agree({**identity, "data": data, "environment": shared})
    with workers.chief_first():
        if workers.chief:
            return RunFolder.open(run_dir, identity, data, environment)
        try:
            return RunFolder.read(run_dir)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                "All workers must see the same `--run_dir`, on a file system "
                f"that they share. Received: {run_dir}, where worker "
                f"{workers.index} does not find the run that the chief made."
            ) from error


def _evaluate(
    run: distilled_run.DistilledRun, data: ImageData, log: RunLog
) -> None:
    path = curve_path(run.folder.path, run.step)
    result = score(run.config, run.synthetic_set(), data, path)
    log.accuracy(run.step, run.config.network.name, result)


def program() -> int:
    run_flags.set_determinism()
    config = run_flags.config()
    if OBJECTIVES[config.objective.name].needs_experts:
        process_memory.settle()
    run_dir = run_flags.required(run_flags.RUN_DIR)
    start = None
    strategy = devices.strategy()
    if START_FROM.value:
        start = distilled_run.DistilledRun.restore(START_FROM.value)
    with loop.Interruption().watching() as interruption:
        finished = run(
            config,
            run_dir,
            run_flags.DATA_DIR.value,
            run_flags.EXPERT_DIR.value,
            run_flags.DOWNLOAD.value,
            SAVE_EVERY.value,
            IMAGES_EVERY.value,
            EVALUATE_EVERY.value,
            PROFILE_STEPS.value,
            start,
            interruption,
            strategy,
            _JIT[JIT.value],
        )
    if interruption.signal:
        print(f"Stopped after step {finished.step}; run again to continue.")
        return interruption.exit_code
    if not Workers(strategy).chief:
        return 0
    memory = finished.parameterization
    print(
        f"{memory.instances} images in {memory.floats_stored} floats after "
        f"{finished.step} steps: {run_dir}\n"
        f"Next: python -m trainers.evaluate --run_dir={run_dir}"
    )
    return 0


def main() -> None:
    run_flags.start(program)


if __name__ == "__main__":
    flags.adopt_module_key_flags(run_flags)
    main()
