"""Distils a data set into a synthetic one.

    python -m trainers.distill --preset=digits_ipc1_dm --run_dir=runs/digits

Trajectory-matching presets also need `--expert_dir`, see
`trainers.train_experts`. `--row=NAME` in the place of a preset takes the
settings of a row of RESULTS.md. The run folder explains itself: `config.json`,
`metrics.jsonl`, `checkpoints/` and `tensorboard/` (`tensorboard --logdir`; see
`trainers/log/run_log.py` for what it shows).
A run that was stopped continues when the same command is given again.

All GPUs of a machine are used. Several machines work together when the same
command, with a `--run_dir` that they share, is given on each, and each finds
its place in the environment variable TF_CONFIG:

    TF_CONFIG='{"cluster": {"worker": ["a:12345", "b:12345"]},
                "task": {"type": "worker", "index": 0}}'
"""

import contextlib
import pathlib
import shlex
from collections.abc import Iterator, Sequence

import tensorflow as tf
from absl import logging

from export import flags
from fred_tf import assembly, distilling, open_run, scoring
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.disk import evaluation_files, files, records
from fred_tf.distillation import devices, loop
from fred_tf.distillation.interruption import Interruption
from fred_tf.distillation.workers import Workers
from fred_tf.distilled_run import DistilledRun
from fred_tf.objectives import OBJECTIVES
from fred_tf.open_run import OpenRun
from fred_tf.scoring import score
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluation import Evaluation
from trainers import coded_size, process_memory, row_flag, run_flags
from trainers.log import tags
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
START_FROM = flags.DEFINE(
    run_flags.FOLDER,
    "start_from",
    None,
    "Run folder whose memory this run begins with, e.g. to go on with another "
    "objective, or with --override parameterization.step=8 through rounding.",
)
PROFILE_STEPS = flags.DEFINE_integer(
    "profile_steps",
    0,
    "How many steps are profiled for TensorBoard, after the first five; needs "
    "tensorboard-plugin-profile to be looked at.",
    0,
)
ON_DIVERGENCE = flags.DEFINE_enum(
    "on_divergence",
    "stop",
    distilling.ON_DIVERGENCE,
    "What a run that is lost does: it stops, or goes on from a checkpoint from "
    "before with half the memory's step size, which rewinds.json records.",
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
    run_dir: files.Path,
    data_dir: str | None = None,
    expert_dir: str | None = None,
    download: bool = False,
    save_every: int = 100,
    images_every: int = 250,
    evaluate_every: int = 0,
    profile_steps: int = 0,
    start: DistilledRun | None = None,
    interruption: Interruption | None = None,
    strategy: tf.distribute.Strategy | None = None,
    jit: bool | None = None,
    on_divergence: str = "stop",
) -> DistilledRun:
    """Distils into a run folder, or continues to, with a log for TensorBoard.

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
        start, interruption, strategy, jit, on_divergence: see
            `distilling.distill`.

    Returns:
        The run at its last step.

    Raises:
        ValueError: see `distilling.distill`, as for other errors.
    """
    strategy = strategy or devices.local_strategy()
    open_run.check(config, strategy, start, expert_dir, run_dir)
    workers = Workers(strategy)
    with workers.guard(run_dir, lambda: "while the data were read"):
        with workers.chief_first():  # It may download.
            data = assembly.load_data(config, data_dir, download)
    if evaluate_every:
        _ = data.scored  # Refuses before any step.

    @contextlib.contextmanager
    def observe(run: OpenRun) -> Iterator[Sequence[loop.Action]]:
        log = RunLog(run.now().folder, run.distiller.step)
        try:
            yield _actions(
                run, log, data, images_every, evaluate_every, profile_steps
            )
        finally:
            log.close()

    distilled = distilling.distill(
        data,
        config,
        run_dir,
        experts=expert_dir,
        start=start,
        strategy=strategy,
        jit=jit,
        save_every=save_every,
        on_divergence=on_divergence,
        observe=observe,
        interruption=interruption,
    )
    return distilled.run


def _actions(
    run: OpenRun,
    log: RunLog,
    data: ImageData,
    images_every: int,
    evaluate_every: int,
    profile_steps: int,
) -> list[loop.Action]:
    """Makes what the log lacks of the present step; returns what follows steps.

    A new run lacks all of it, one that was killed after a save some.
    """
    step, last = run.distiller.step, run.config.outer_steps
    pictures = loop.Action(
        images_every, lambda *_: log.pictures(run.now()), after_save=True
    )
    log.begin(run.now())
    if pictures.is_due(step, last) and not log.has_pictures(step):
        log.pictures(run.now())
    actions = [loop.Action(10, log.scalars), pictures]
    if profile_steps:
        first = step + 5
        actions.append(
            loop.Action(
                1, lambda step, _: log.profile(step, first, profile_steps)
            )
        )
        if first >= last:
            logging.warning(
                "`profile_steps` are after the first five. Received: a run "
                "with %d left, of which none is profiled. Raise `outer_steps`.",
                last - step,
            )
    if evaluate_every:
        _keep_one_split(run, data)
        evaluation = loop.Action(
            evaluate_every,
            lambda *_: _evaluate(run.now(), data, log),
            on_stop=False,
            after_save=True,
        )
        if step and evaluation.is_due(step, last):
            _evaluate(run.now(), data, log, may_be_there=True)
        actions.append(evaluation)
    return actions


def _keep_one_split(run: OpenRun, data: ImageData) -> None:
    """Takes off a run's curve what is of test images of before."""
    folder, test = run.now().folder.path, data.facts.test
    if aside := evaluation_files.set_aside(folder, test):
        logging.warning(
            "%s was evaluated on other test images after outer steps %s. These "
            "evaluations are set aside, as evaluation_of_*.json: a curve of "
            "accuracy is of one test split.",
            folder,
            ", ".join(map(str, aside)),
        )


def _evaluate(
    run: DistilledRun, data: ImageData, log: RunLog, may_be_there: bool = False
) -> None:
    path = evaluation_files.curve_path(run.folder.path, run.step)
    synthetic_set, kept = run.synthetic_set(), None
    if may_be_there and _is_of_other_bits(path, run.config, synthetic_set):
        kept = evaluation_files.curve(run.folder.path).get(run.step)
        if kept is None:  # Not of all of its networks.
            path.unlink()
    if kept is None:
        result = score(run.config, synthetic_set, data, path)
    else:
        scores, _ = evaluation_files.accuracies(path, kept)
        result = Evaluation(tuple(scores), 0.0)
    log.accuracy(run.step, tags.scorer(run.config), result, may_be_there)


def _is_of_other_bits(
    path: pathlib.Path, config: Config, synthetic_set: SyntheticSet
) -> bool:
    """Returns whether a file is of the same set, decoded by another processor.

    Products and convolutions differ between processors in their last bits, and
    so do the images of memories that decode by them. Of the outer step that a
    run stands at there is one memory, whatever its bits become.
    """
    if not path.exists():
        return False
    there = records.read(path, evaluation_files.KIND)["identity"]
    asked = scoring.description(config, synthetic_set)["identity"]
    different = records.differences(there, asked).keys()
    if not different or different - {"set", "targets"}:
        return False  # `score` continues or refuses it.
    logging.warning(
        "%s is of a set that another processor decoded, with other last bits.",
        path,
    )
    return True


@run_flags.of_settings("run_dir", "expert_dir")
def main() -> int:
    run_flags.set_determinism()
    config = run_flags.config()
    if OBJECTIVES[config.objective.name].needs_experts:
        process_memory.settle()
    run_dir = run_flags.required(run_flags.RUN_DIR)
    start = None
    strategy = devices.strategy()
    if START_FROM.value:
        start = DistilledRun.restore(START_FROM.value)
    with Interruption().watching() as interruption:
        finished = run(
            config,
            run_dir,
            run_flags.DATA_DIR.value,
            run_flags.EXPERT_DIR.value,
            run_flags.DOWNLOAD.value,
            save_every=SAVE_EVERY.value,
            images_every=IMAGES_EVERY.value,
            evaluate_every=EVALUATE_EVERY.value,
            profile_steps=PROFILE_STEPS.value,
            start=start,
            interruption=interruption,
            strategy=strategy,
            jit=_JIT[JIT.value],
            on_divergence=ON_DIVERGENCE.value,
        )
    if interruption.signal and finished.step < config.outer_steps:
        print(f"Stopped after step {finished.step}; run again to continue.")
        return interruption.exit_code
    if not Workers(strategy).chief:
        return 0
    memory = finished.parameterization
    if size := coded_size.told(finished):
        print(f"coefficients_coded: {size}")
    evaluate = run_flags.command("trainers.evaluate")
    evaluate += row_flag.scoring_flag(finished.config)
    print(
        f"{memory.instances} images in {memory.floats_stored} floats after "
        f"{finished.step} steps: {run_dir}\n"
        f"Next: {evaluate} --run_dir={shlex.quote(run_dir)}"
    )
    return 0


if __name__ == "__main__":
    main()
