"""From a config to the objects of a run."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from fred_tf.augmentations import SiameseAugmentation
from fred_tf.config import (
    Config,
    TrajectoryMatchingConfig,
    check_budget,
    to_json,
)
from fred_tf.datasets import ImageData
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.distiller import Distiller
from fred_tf.evaluator import Evaluator
from fred_tf.expert_store import ExpertStore
from fred_tf.expert_trainer import ExpertTrainer
from fred_tf.networks import NETWORKS, Functional
from fred_tf.objectives import (
    DistributionMatching,
    Objective,
    TrajectoryMatching,
)
from fred_tf.parameterizations import (
    PARAMETERIZATIONS,
    Parameterization,
)
from fred_tf.transforms import TRANSFORMS


def _arguments(section: Any, *left_out: str) -> dict[str, Any]:
    return {k: v for k, v in vars(section).items() if k not in left_out}


def network(
    config: Config, image_shape: Sequence[int], classes: int
) -> Functional:
    """Returns the network of a config as a function of its parameters."""
    arguments = _arguments(config.network, "name")
    make = NETWORKS[config.network.name]
    return Functional(make(image_shape, classes, **arguments))


def augmentation(config: Config) -> SiameseAugmentation:
    """Returns the augmentation of a config."""
    return SiameseAugmentation(config.augmentation)


def parameterization(
    config: Config, image_shape: Sequence[int], classes: int
) -> Parameterization:
    """Returns an empty memory of the config's budget."""
    sizes = (image_shape, classes, check_budget(config, tuple(image_shape)))
    stored = config.parameterization
    if stored.name == "pixel":
        return PARAMETERIZATIONS["pixel"](*sizes)
    return PARAMETERIZATIONS[stored.name](
        *sizes,
        stored.coefficients_per_channel,
        TRANSFORMS[stored.transform](norm=stored.norm),
        stored.mask_rule,
        stored.mask_statistics,
    )


def expert_description(config: Config, data: ImageData) -> dict[str, Any]:
    """Returns what a manifest must say of experts that a config can match.

    How many experts there are, how long they were trained and how they are
    stored is the store's business: an expert's first epochs do not depend on
    how many follow. Whether enough are stored, the objective checks.
    """
    values = to_json(config)
    experts = values["experts"]
    for name in ("count", "epochs", "dtype", "stored_epochs"):
        del experts[name]
    return {
        "dataset": data.name,
        "normalization": data.normalization.get_config(),
        "network": values["network"],
        "augmentation": config.augmentation,
        "experts": experts,
    }


def expert_trainer(config: Config, data: ImageData) -> ExpertTrainer:
    """Returns the trainer of a config's experts."""
    return ExpertTrainer(
        network(config, data.image_shape, data.classes),
        augmentation(config),
        data,
        **_arguments(config.experts, "count", "dtype", "stored_epochs"),
        seed=config.seed,
    )


def objective(
    config: Config, data: ImageData, expert_dir: str | None
) -> Objective:
    """Returns the objective of a config.

    Args:
        config: the run.
        data: the real data.
        expert_dir: folder of the expert store; trajectory matching only.

    Raises:
        FileNotFoundError: the expert store is missing.
        ValueError: it holds experts of another data set or network.
    """
    matched = network(config, data.image_shape, data.classes)
    if isinstance(config.objective, TrajectoryMatchingConfig):
        if not expert_dir:
            raise ValueError(
                "Trajectory matching needs `--expert_dir`. Train experts with "
                "`python -m trainers.train_experts --expert_dir=...` first."
            )
        experts = ExpertStore.open(expert_dir, expert_description(config, data))
        return TrajectoryMatching(
            matched,
            augmentation(config),
            experts,
            **_arguments(config.objective),
        )
    batches = ClassBatches(data.train, data.normalization, data.classes)
    return DistributionMatching(
        matched, augmentation(config), batches, **_arguments(config.objective)
    )


def distiller(
    config: Config,
    data: ImageData,
    expert_dir: str | None = None,
    strategy: tf.distribute.Strategy | None = None,
    jit: bool = False,
) -> Distiller:
    """Returns the distiller of a config, its memory still empty.

    Fill the memory with `adapt`, or restore a checkpoint of it.

    Args:
        config: the run.
        data: the real data.
        expert_dir: folder of the expert store; trajectory matching only.
        strategy: where variables live; the default strategy if None.
        jit: whether to compile the step with XLA.
    """
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        memory = parameterization(config, data.image_shape, data.classes)
        matched = objective(config, data, expert_dir)
    return Distiller(
        memory,
        matched,
        **_arguments(config.distiller),
        seed=config.seed,
        jit=jit,
        strategy=strategy,
    )


def adapt(memory: Parameterization, data: ImageData, seed: int) -> None:
    """Fills an empty memory from the normalised training images."""
    images = data.normalization(data.train.images)
    memory.adapt(images, data.train.labels, seed)


def evaluator(config: Config, data: ImageData) -> Evaluator:
    """Returns the evaluator of a config."""
    arguments = _arguments(config.evaluation, "networks")
    arguments["learning_rate"] = arguments["learning_rate"] or None
    return Evaluator(
        network(config, data.image_shape, data.classes),
        augmentation(config),
        data.test,
        **arguments,
    )
