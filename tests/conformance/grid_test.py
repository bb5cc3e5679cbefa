"""Every allowed pair of objective, parameterization and network distils.

Each takes two steps of a run on a few real images, then goes on to thirty and
must have lowered its own loss. Every objective meets every parameterization,
and every small network FreD with distribution matching. `FRED_TF_ALL_CELLS=1`
runs the whole product, with the networks of millions of parameters.
"""

import itertools
import os

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, presets, seeds
from fred_tf.config import Config, replace
from fred_tf.distiller import Distiller
from fred_tf.networks import NETWORKS
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import PARAMETERIZATIONS

ALL_CELLS = bool(os.environ.get("FRED_TF_ALL_CELLS"))
# Millions of parameters at any width.
LARGE = {"alexnet", "vgg11", "resnet18", "resnet18ap"}
VOXELS = {"convnet3d"}
USUAL = ("distribution_matching", "frequency")

# Usual step sizes are for ten classes and thousands of steps, and networks
# differ by orders of magnitude: the first step moves the memory by this share
# of its length.
FIRST_STEP = 0.003
# What makes a member small.
SMALL = {
    "distribution_matching": {"real_batch_per_class": 4},
    "gradient_matching": {"real_batch_per_class": 4},
    "trajectory_matching": {
        "student_steps": 3,
        "expert_epochs": 1,
        "max_start_epoch": 1,
        "student_learning_rate": 0.02,
    },
    "frequency": {"coefficients_per_channel": 256},
    "haba": {"hallucinators": 2},
    "convnet": {"width": 8},
    "convnet3d": {"width": 8, "depth": 2},
}


def _cells() -> list[tuple[str, str, str]]:
    product = list(itertools.product(OBJECTIVES, PARAMETERIZATIONS, NETWORKS))
    if ALL_CELLS:
        return product
    return [
        (objective, parameterization, network)
        for objective, parameterization, network in product
        if network == "convnet"
        or network not in LARGE
        and (objective, parameterization) == USUAL
    ]


def _settings(objective: str, parameterization: str, network: str) -> Config:
    values = {
        "dataset": "few",
        "ipc": 4,
        "augmentation": "none",
        "experts.count": 1,
        "experts.epochs": 1,
        "experts.batch_size": 32,
    }
    for section, name in (
        ("objective", objective),
        ("parameterization", parameterization),
        ("network", network),
    ):
        values[f"{section}.name"] = name
        for field, value in SMALL.get(name, {}).items():
            values[f"{section}.{field}"] = value
    return replace(presets.preset("digits_ipc1_dm_tiny"), values)


def _distiller(cell, data, tmp_path) -> Distiller:
    settings = _settings(*cell)
    if OBJECTIVES[cell[0]].needs_experts:
        store = assembly.expert_store(settings, data, tmp_path)
        assembly.expert_trainer(settings, data).train(store, 1)
    distiller = assembly.distiller(settings, data, str(tmp_path))
    assembly.adapt(distiller.parameterization, data, settings.seed)
    memory = distiller._variables[: distiller._memory_size]
    _, gradients = _losses_and_gradients(distiller)[0]
    rate = FIRST_STEP * float(
        tf.linalg.global_norm(memory)
        / tf.linalg.global_norm(gradients[: len(memory)])
    )
    distiller._rates[: len(memory)] = [rate] * len(memory)
    return distiller


def _loss(distiller: Distiller) -> float:
    """Returns the mean loss of fixed references under fixed seeds."""
    return float(
        np.mean([loss for loss, _ in _losses_and_gradients(distiller)])
    )


def _losses_and_gradients(distiller: Distiller, references: int = 4):
    numbers = tf.data.Dataset.range(references)
    stream = distiller.objective.references(1, numbers).batch(1)
    return [
        distiller._gradients(
            [tf.convert_to_tensor(v) for v in distiller._variables],
            [tf.convert_to_tensor(v) for v in distiller._constants],
            [tf.convert_to_tensor(v) for v in distiller._state],
            reference,
            seeds.named(1, "fixed"),
            tf.constant(number, tf.int64),
        )
        for number, reference in enumerate(stream)
    ]


@pytest.mark.parametrize("cell", _cells(), ids="-".join)
def test_steps_and_lowers_its_loss(cell, colour, voxels, tmp_path):
    data = voxels if cell[2] in VOXELS else colour
    try:
        distiller = _distiller(cell, data, tmp_path)
    except ValueError as refused:
        pytest.skip(f"refused: {refused}")
    before = _loss(distiller)
    for _ in range(2):
        assert distiller()["finite"] == 1
    for _ in range(28):
        distiller()
    assert _loss(distiller) < before
