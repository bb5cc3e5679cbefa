"""Distils a data set into a synthetic one.

    python -m trainers.distill --preset=digits_ipc1_dm --run_dir=runs/digits

Trajectory-matching presets also need `--expert_dir`, see
`trainers.train_experts`. The run folder explains itself: `config.json`,
`metrics.jsonl`, `checkpoints/` and `tensorboard/` (`tensorboard --logdir`).
A run that was stopped continues when the same command is given again.
"""

import tensorflow as tf
from absl import flags, logging

from fred_tf import assembly, datasets, distilled_run, loop
from fred_tf.checkpoints import Checkpoints
from fred_tf.config import Config
from fred_tf.distiller import Distiller
from fred_tf.figures import canvas, gallery, masks
from fred_tf.parameterizations import Frequency
from fred_tf.run_folder import RunFolder
from trainers import run_flags

SAVE_EVERY = flags.DEFINE_integer(
    "save_every", 100, "Outer steps between checkpoints.", 1
)
IMAGES_EVERY = flags.DEFINE_integer(
    "images_every", 250, "Outer steps between galleries in TensorBoard.", 1
)


def run(
    config: Config,
    run_dir: str,
    data_dir: str | None = None,
    expert_dir: str | None = None,
    download: bool = False,
    save_every: int = 100,
    images_every: int = 250,
    interruption: loop.Interruption | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> distilled_run.DistilledRun:
    """Distils, or continues to.

    Args:
        config: the run.
        run_dir: the run folder; made if missing.
        data_dir: where TensorFlow Datasets keeps its data.
        expert_dir: folder of the expert store; trajectory matching only.
        download: whether missing data may be downloaded.
        save_every: outer steps between checkpoints.
        images_every: outer steps between galleries in TensorBoard.
        interruption: stops the run after the current step once it holds a
            signal.
        strategy: defaults to `run_flags.strategy()`.

    Returns:
        The run at its last step.

    Raises:
        ValueError: the folder holds another run, or a setting does not fit
            the data or the experts.
        fred_tf.loop.NonFiniteError: a step diverged; the last good state is
            saved.
    """
    strategy = strategy or run_flags.strategy()
    data = datasets.load(config.dataset, data_dir, download)
    facts = distilled_run.DataFacts.of(data)
    folder = RunFolder.open(
        run_dir,
        distilled_run.record(config, facts),
        run_flags.identity(strategy, config.distiller.jit),
    )
    with folder.lock():
        distiller = assembly.distiller(config, data, expert_dir, strategy)
        checkpoints = Checkpoints(
            folder.checkpoint_folder, distiller.checkpoint
        )
        restored = checkpoints.restore_latest()
        folder.rewind_metrics(restored or 0)
        if restored:
            logging.info("Continuing after outer step %d.", restored)
        run = distilled_run.DistilledRun(
            folder,
            config,
            facts,
            distiller.parameterization,
            distiller.learned(),
            distiller.step,
        )
        writer = tf.summary.create_file_writer(str(folder.log_folder))
        if restored is None:
            assembly.adapt(distiller.parameterization, data, config.seed)
            checkpoints.save(0)
            _write_images(writer, run, distiller)
        actions = (
            loop.Action(1, folder.append_metrics),
            loop.Action(10, lambda *args: _write_scalars(writer, *args)),
            loop.Action(save_every, lambda step, _: checkpoints.save(step)),
            loop.Action(
                images_every, lambda *_: _write_images(writer, run, distiller)
            ),
        )
        try:
            loop.run(distiller, config.outer_steps, actions, interruption)
        except loop.NonFiniteError:
            checkpoints.save(distiller.step)
            raise
        finally:
            writer.close()
        return run.at(distiller.step, distiller.learned())


def _write_scalars(writer, step: int, scalars: loop.Scalars) -> None:
    with writer.as_default(step):
        for name, value in scalars.items():
            tf.summary.scalar(f"distillation/{name}", value)
    writer.flush()


def _write_images(
    writer, run: distilled_run.DistilledRun, distiller: Distiller
) -> None:
    now = run.at(distiller.step, distiller.learned())
    pictures = {"gallery": gallery(now.synthetic_set())}
    if isinstance(run.parameterization, Frequency) and now.step == 0:
        pictures["masks"] = masks(
            run.parameterization.masks, run.facts.class_names
        )
    with writer.as_default(now.step):
        for name, figure in pictures.items():
            tf.summary.image(name, canvas.to_array(figure)[None])
    writer.flush()


def program() -> int:
    run_flags.set_determinism()
    config = run_flags.config()
    run_dir = run_flags.required(run_flags.RUN_DIR)
    with loop.Interruption().watching() as interruption:
        finished = run(
            config,
            run_dir,
            run_flags.DATA_DIR.value,
            run_flags.EXPERT_DIR.value,
            run_flags.DOWNLOAD.value,
            SAVE_EVERY.value,
            IMAGES_EVERY.value,
            interruption,
        )
    if interruption.signal:
        print(f"Stopped after step {finished.step}; run again to continue.")
        return interruption.exit_code
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
