"""Experts of packs, which are trained where JAX is."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf import assembly, chosen_images, seeds
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.disk import files, records
from fred_tf.distillation.distiller import Distiller
from fred_tf.experts import soft_labels
from fred_tf.parameterizations.labels import logits_of
from trainers.elsewhere.lowering import lower
from trainers.elsewhere.runner import sealed

KIND = "pack_experts"
_ABOUT = "experts.json"


def write(
    config: Config,
    data: ImageData,
    root: pathlib.Path,
    recipe: Mapping[str, Any],
) -> dict[str, Any]:
    """Writes how experts are trained, unless another pack has.

    Packs of experts that are trained alike share them.

    Args:
        config: the run.
        data: the real data.
        root: the folder that the packs share.
        recipe: of the run's references.

    Returns:
        What the recipe says of experts, too.

    Raises:
        ValueError: what is there is damaged, of other experts, or a link.
    """
    known = assembly.expert_description(config, data.facts)
    known |= {"epochs": recipe["epochs"], "seed": config.seed}
    text = json.dumps(known, sort_keys=True)
    place = f"experts/{files.digest(text.encode())[:16]}"
    path = sealed.inside(root, place)
    work = KIND, known, None
    if not path.exists():
        with files.replacing_folder(path) as folder:
            _lower_training(config, data, folder)
            digests = {p.name: files.sha256(p) for p in folder.iterdir()}
            records.write(folder / _ABOUT, *work, files=digests)
    elif records.continued(path / _ABOUT, *work) is None:
        raise ValueError(
            f"{path} must say in {_ABOUT} how its experts are trained. "
            "Received: none. Restore it from a copy, or choose another --pack."
        )
    return {
        "experts": place,
        "batch_size": config.experts.batch_size,
        "expert_seeds": [
            seeds.named(config.seed, "expert", i).tolist()
            for i in range(config.experts.count)
        ],
    }


def write_taught(
    config: Config, data: ImageData, distiller: Distiller, folder: pathlib.Path
) -> dict[str, Any]:
    """Writes what turns experts' answers into the labels of a run.

    Args:
        config: the run.
        data: the real data.
        distiller: its memory as it begins.
        folder: of the pack.

    Returns:
        What the recipe says of it: the real images that the memory begins
        with, class by class, and which leaves of the state are labels.
    """
    choose, _ = chosen_images.choice(
        config, data, config.parameterization.initial_images
    )
    memory, network = distiller.parameterization, distiller.objective.network
    rows = choose(memory.instances_per_class)
    asked = min(soft_labels.MOST_ASKED, config.experts.count)
    by_batch = config.experts.standardized_batches

    def teach(vectors, images):
        images = data.normalization(images)
        answers = soft_labels.mean_answers(network, vectors, images, by_batch)
        return logits_of(answers)

    vectors = np.zeros((asked, network.size), np.float32)
    images = data.train.images[rows[: memory.instances_per_class]]
    lower(teach, (vectors, images), folder / "teach.jax")
    state, _ = distiller.tensors()
    labels = [part[0] for part in (state.memory, state.average) if part]
    leaves = tf.nest.flatten(state)
    places = [
        i for i, leaf in enumerate(leaves) if any(leaf is x for x in labels)
    ]
    shown = rows.reshape(data.classes, -1).tolist()
    return {"taught": {"shown": shown, "leaves": places, "asked": asked}}


def _lower_training(
    config: Config, data: ImageData, folder: pathlib.Path
) -> None:
    trainer = assembly.expert_trainer(config, data)
    network, training = trainer.network, trainer.training()
    batch = min(trainer.settings.batch_size, len(data.train))

    def start(seed):
        return network.flatten(training.start(seed)[0])

    def step(theta, velocity, images, labels, seed):
        state = network.unflatten(theta), network.unflatten(velocity), []
        rate = tf.constant(trainer.settings.learning_rate, tf.float32)
        parameters, velocities, _ = training.step(
            state, images, labels, seed, rate
        )
        return network.flatten(parameters), network.flatten(velocities)

    seed = np.zeros(2, np.int32)
    theta = np.zeros(network.size, np.float32)
    split = data.train
    images, labels = split.images[:batch], split.labels[:batch]
    lower(start, (seed,), folder / "start.jax")
    lower(step, (theta, theta, images, labels, seed), folder / "step.jax")
