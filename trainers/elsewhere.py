"""Distils and scores on a machine that has JAX but no TensorFlow.

    python -m trainers.elsewhere --preset=cifar10_ipc1_tm --pack=packs/tm
    python packs/tm/run.py --minutes=60          # over there
    python -m trainers.elsewhere --bring_back=packs/tm --run_dir=runs/tm

TensorFlow's own kernels may lag behind an accelerator that JAX already drives,
and the two share a compiler, XLA. The first command writes a folder that holds
all a run needs: the step, the training of experts and of the networks that
score the result as StableHLO, the memory as it begins, and the real images. The
second, on the other machine, trains the experts, makes outer steps, and scores
the set; it needs JAX and NumPy. The third makes a run folder of what came back,
with its evaluations, so that exports and pictures go on as if the run had been
made here. What has come back can be brought back again later.

    python -m trainers.elsewhere --score --run_dir=runs/a --pack=packs/a \
        --networks=convnet,resnet18

packs a set that is already there, to be scored only, as `trainers.evaluate`
would score it: the set of a run, or what `--baseline` or `--exported` say.

The numeric work is that of `trainers.distill --jit=on` and `trainers.evaluate`;
orders, and which references are drawn, come from JAX's generators instead of
TensorFlow's.
"""

import json
import pathlib
import shutil
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import flags

from fred_tf import assembly, distilled_run, files, records, seeds
from fred_tf import config as config_lib
from fred_tf.checkpoints import Checkpoints
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.distiller import Distiller
from fred_tf.evaluator import Evaluation
from fred_tf.lowering import check_jax, lower
from fred_tf.objectives import OBJECTIVES
from fred_tf.run_folder import RunFolder
from fred_tf.scoring import description
from fred_tf.synthetic_set import SyntheticSet
from trainers import evaluate, packed_scoring, run_flags
from trainers.run_log import RunLog, append_accuracy

PACK = flags.DEFINE_string("pack", None, "Folder to write a pack to.")
BRING_BACK = flags.DEFINE_string(
    "bring_back", None, "Pack to make the run folder `--run_dir` of."
)
SCORE = flags.DEFINE_bool(
    "score", False, "Packs a set to be scored, instead of a run to be made."
)

FORMAT_VERSION = 2

# In a run folder.
_RECORD = "elsewhere.json"
# In a pack.
_ABOUT, _STATE, _IMAGES = "pack.json", "state.npz", "images.npz"
_METRICS, _SPENT = "metrics.jsonl", "spent.json"
_RUNNER = pathlib.Path(__file__).with_name("pack_runner")


def pack(
    config: Config,
    folder: files.Path,
    data_dir: str | None = None,
    download: bool = False,
    networks: Sequence[str] = (),
) -> None:
    """Writes the pack of a run, see `pack_runner/run.py` for what is in it.

    Args:
        config: the run.
        folder: the pack; made, or replaced if there is one.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether missing data may be downloaded.
        networks: those that score the result; the config's own if empty.

    Raises:
        ImportError: JAX is not installed.
    """
    check_jax()
    assembly.check_network(config)
    scored = evaluate.configs(config, networks)
    data = assembly.load_data(config, data_dir, download)
    distiller = _distiller(config, data)
    state, constants = distiller.tensors()
    # As NumPy arrays they are written into the function.
    constants = [constant.numpy() for constant in constants]
    experts = OBJECTIVES[config.objective.name].needs_experts
    count = max(1, distiller.objective.references_per_step)
    describe = _expert_segments if experts else _class_batches
    reference, examples = describe(config, data)
    examples = {k: np.stack([v] * count) for k, v in examples.items()}

    def step(leaves, references, number):
        if not experts:
            normalized = data.normalization(references["images"])
            references = {"images": normalized}
        new, scalars = distiller.outer_step(
            tf.nest.pack_sequence_as(state, leaves),
            [tf.constant(constant) for constant in constants],
            references,
            number,
        )
        return tf.nest.flatten(new), scalars

    evaluator = assembly.evaluator(config, data)

    def decode(leaves):
        images, learned = distiller.decode(
            tf.nest.pack_sequence_as(state, leaves),
            [tf.constant(constant) for constant in constants],
        )
        return images, tf.cast(evaluator.rate(learned), tf.float32)

    leaves = tf.nest.flatten(state)
    labels = distiller.parameterization.labels
    with files.replacing_folder(folder) as temporary:
        lower(step, (leaves, examples, np.int32(0)), temporary / "step.jax")
        if experts:
            _lower_expert_training(config, data, temporary)
        np.savez_compressed(
            temporary / _IMAGES,
            images=data.train.images,
            labels=data.train.labels,
        )
        values = {str(i): leaf.numpy() for i, leaf in enumerate(leaves)}
        np.savez(temporary / _STATE, step=0, **values)
        packed_scoring.write_decoder(temporary, decode, leaves, labels)
        scoring = packed_scoring.write(
            temporary, scored, data, labels, data.normalization
        )
        _finish(
            temporary,
            {
                "config": config_lib.to_json(config),
                "seed": config.seed,
                "outer_steps": config.outer_steps,
                "references_per_step": count,
                "reference": reference,
                "scoring": scoring,
            },
        )


def pack_set(
    config: Config,
    folder: files.Path,
    chosen: SyntheticSet,
    data: ImageData,
    word: str = "",
    networks: Sequence[str] = (),
) -> None:
    """Writes a pack that only scores a set.

    Args:
        config: says how, as for `scoring.score`.
        folder: the pack; made, or replaced if there is one.
        chosen: the set.
        data: its test split scores.
        word: what the set is, for the names of files; empty for a run's own.
        networks: those that are trained; the config's own if empty.

    Raises:
        ImportError: JAX is not installed.
    """
    check_jax()
    scored = evaluate.configs(config, networks)
    rate = assembly.evaluator(config, data).rate_for(chosen)
    with files.replacing_folder(folder) as temporary:
        packed_scoring.write_set(temporary, rate, chosen)
        scoring = packed_scoring.write(
            temporary, scored, data, chosen.targets, chosen.normalization
        )
        described = {
            network: description(settings, chosen, data.name)
            for network, settings in scored.items()
        }
        _finish(
            temporary,
            {
                "config": config_lib.to_json(config),
                "scoring": {**scoring, "word": word, "described": described},
            },
        )


def _finish(folder: pathlib.Path, about: dict[str, Any]) -> None:
    files.write_json(
        folder / _ABOUT, {"format_version": FORMAT_VERSION, **about}
    )
    for file in _RUNNER.glob("[a-z]*.py"):
        shutil.copy(file, folder)


def bring_back(
    folder: files.Path, run_dir: files.Path, data_dir: str | None = None
) -> dict[str, Evaluation]:
    """Brings into a run folder what has become of a pack.

    The pack of a run makes the run folder, at the step that it has reached.

    Args:
        folder: the pack.
        run_dir: the run folder; made, or brought up to date.
        data_dir: where TensorFlow Datasets keeps its data.

    Returns:
        The evaluations, by network.

    Raises:
        FileNotFoundError: `folder` is no pack, or was never run.
        ValueError: `run_dir` holds another run, or a later state of this one.
    """
    folder = pathlib.Path(folder)
    about = records.read(folder / _ABOUT, FORMAT_VERSION)
    if not (folder / _SPENT).exists():
        raise FileNotFoundError(
            f"{folder} was not run yet. Run `python {folder}/run.py` where "
            "JAX is, and copy the folder back."
        )
    scoring, run = about["scoring"], None
    if "reference" in about:
        run = _bring_back_run(folder, about, run_dir, data_dir)
    config = config_lib.from_json(about["config"])
    scored = evaluate.configs(config, scoring["networks"])
    found = packed_scoring.bring_back(folder, run.step if run else 0, scored)
    device = files.read_json(folder / _SPENT)["device"]
    for network, evaluation in found.items():
        if run:
            chosen = run.synthetic_set()
            described = description(scored[network], chosen, run.facts.name)
            append_accuracy(run.folder, run.step, network, evaluation)
        else:
            described = scoring["described"][network]
        other = "" if network == config.network.name else network
        files.write_json(
            evaluate.path(run_dir, scoring.get("word", ""), other),
            {**described, **evaluation.to_json(), "device": device},
        )
    return found


def _bring_back_run(
    folder: pathlib.Path,
    about: dict[str, Any],
    run_dir: files.Path,
    data_dir: str | None,
) -> distilled_run.DistilledRun:
    """Makes a run folder of a pack, or brings it up to date."""
    with np.load(folder / _STATE) as saved:
        step = int(saved["step"])
        leaves = [saved[str(i)] for i in range(len(saved.files) - 1)]
    minutes = files.read_json(folder / _SPENT)
    if (reached := _steps_in(run_dir)) > step:
        raise ValueError(
            f"{run_dir} must not be ahead of what comes back. Received: step "
            f"{reached}, and step {step} in {folder}. Choose another --run_dir."
        )
    config = config_lib.from_json(about["config"])
    config = config_lib.replace(config, {"outer_steps": step})
    data = assembly.load_data(config, data_dir)
    distiller = _distiller(config, data)
    facts = distilled_run.DataFacts.of(data)
    config = config_lib.resolved(config, data.image_shape)
    run_folder = RunFolder.open(
        run_dir,
        distilled_run.record(config, facts),
        {
            **run_flags.identity(run_flags.local_strategy(), jit=True),
            "device": minutes["device"],
        },
    )
    with run_folder.lock():
        checkpoints = Checkpoints(
            run_folder.checkpoint_folder, distiller.checkpoint
        )
        checkpoints.restore_latest()
        state, _ = distiller.tensors()
        distiller.assign(tf.nest.pack_sequence_as(state, leaves), step)
        checkpoints.save(step)
        run = distilled_run.DistilledRun(
            run_folder,
            config,
            facts,
            distiller.distilled,
            distiller.learned(),
            step,
        )
        files.write_json(run_folder.path / _RECORD, minutes)
        _write_log(run, folder / _METRICS)
    return run


def spent(folder: RunFolder) -> dict[str, Any]:
    """Returns where a run was made, and in how many minutes.

    Returns:
        `device`, and minutes by what they were spent on; nothing for a run
        that was made here.
    """
    path = folder.path / _RECORD
    return files.read_json(path) if path.exists() else {}


def _steps_in(run_dir: files.Path) -> int:
    """Returns the outer steps that a run folder has reached, 0 if none."""
    try:
        folder = RunFolder.read(run_dir).checkpoint_folder
    except FileNotFoundError:
        return 0
    return max(Checkpoints(folder, tf.train.Checkpoint()).steps(), default=0)


def _distiller(config: Config, data: ImageData) -> Distiller:
    """Returns the distiller of a run, its memory as it begins."""
    experts = None
    with tempfile.TemporaryDirectory() as nowhere:
        if OBJECTIVES[config.objective.name].needs_experts:
            # Still empty: experts are trained over there.
            experts = assembly.expert_store(config, data, nowhere)
        distiller = assembly.distiller(config, data, experts, jit=True)
    assembly.adapt(distiller.parameterization, data, config.seed)
    distiller.start_average()
    return distiller


def _expert_segments(
    config: Config, data: ImageData
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Returns how references are drawn, and one of the right shapes."""
    objective, experts = config.objective, config.experts
    size = assembly.network(config, data.image_shape, data.classes).size
    theta = np.zeros(size, np.float32)
    described = {
        "kind": "expert_segments",
        "max_start_epoch": objective.max_start_epoch,
        "expert_epochs": objective.expert_epochs,
        "epochs": objective.last_epoch,
        "batch_size": experts.batch_size,
        "expert_seeds": [
            seeds.named(config.seed, "expert", i).tolist()
            for i in range(experts.count)
        ],
    }
    return described, {"start": theta, "target": theta}


def _class_batches(
    config: Config, data: ImageData
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Returns how references are drawn, and one of the right shapes."""
    per_class = config.objective.real_batch_per_class
    shape = (data.classes, per_class, *data.image_shape)
    described = {
        "kind": "class_batches",
        "classes": data.classes,
        "per_class": per_class,
    }
    return described, {"images": np.zeros(shape, data.train.images.dtype)}


def _lower_expert_training(
    config: Config, data: ImageData, folder: pathlib.Path
) -> None:
    trainer = assembly.expert_trainer(config, data)
    network, training = trainer.network, trainer.training()
    batch = min(trainer.batch_size, len(data.train))

    def start(seed):
        return network.flatten(training.start(seed)[0])

    def step(theta, velocity, images, labels, seed):
        state = network.unflatten(theta), network.unflatten(velocity), []
        rate = tf.constant(trainer.learning_rate, tf.float32)
        parameters, velocities, _ = training.step(
            state, images, labels, seed, rate
        )
        return network.flatten(parameters), network.flatten(velocities)

    seed = np.zeros(2, np.int32)
    theta = np.zeros(network.size, np.float32)
    images, labels = data.train.images[:batch], data.train.labels[:batch]
    lower(start, (seed,), folder / "expert_start.jax")
    lower(
        step, (theta, theta, images, labels, seed), folder / "expert_step.jax"
    )


def _write_log(run: distilled_run.DistilledRun, metrics: pathlib.Path) -> None:
    """Writes the metrics of a pack into the run folder and its event files."""
    run.folder.rewind_metrics(-1)
    log = RunLog(run.folder, -1)
    log.begin(run)
    # A line for each step; those after the saved state may be torn.
    for line in metrics.read_text().splitlines()[: run.step]:
        scalars = json.loads(line)
        step = scalars.pop("step")
        run.folder.append_metrics(step, scalars)
        if step % 10 == 0:
            log.scalars(step, scalars)
    log.pictures(run)
    log.close()


def program() -> int:
    run_flags.set_determinism()
    if PACK.value and BRING_BACK.value:
        raise ValueError(
            "`--pack` writes a pack and `--bring_back` reads one. Received: "
            f"both, {PACK.value} and {BRING_BACK.value}. Give one of them."
        )
    if evaluate.CORRUPTIONS.value:
        raise ValueError(
            "`--corruptions` are scored by `trainers.evaluate` only. Received: "
            f"{evaluate.CORRUPTIONS.value}. Leave them out here."
        )
    if BRING_BACK.value:
        run_dir = run_flags.required(run_flags.RUN_DIR)
        found = bring_back(BRING_BACK.value, run_dir, run_flags.DATA_DIR.value)
        for network, evaluation in found.items():
            print(f"{evaluation} test accuracy of {network}: {run_dir}")
        if not found:
            print(f"Next: python -m trainers.evaluate --run_dir={run_dir}")
        return 0
    folder = run_flags.required(PACK)
    source = run_flags.DATA_DIR.value, run_flags.DOWNLOAD.value
    networks = evaluate.NETWORKS.value
    if SCORE.value:
        run_dir = run_flags.required(run_flags.RUN_DIR)
        config, word, make, _ = evaluate.subject(run_dir)
        data = assembly.load_data(config, *source)
        pack_set(config, folder, make(data), data, word, networks)
    else:
        pack(run_flags.config(), folder, *source, networks)
    print(f"Next, where JAX is: python {folder}/run.py")
    return 0


def main() -> None:
    run_flags.start(program)


if __name__ == "__main__":
    flags.adopt_module_key_flags(run_flags)
    flags.adopt_module_key_flags(evaluate)
    main()
