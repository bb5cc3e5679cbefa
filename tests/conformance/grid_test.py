"""Every allowed pair of objective, parameterization and network distils.

Each takes two steps of a run on a few real images; thirty more must lower its
own loss. Every objective meets every parameterization, and every small network
FreD with distribution matching; pairs of which neither is distribution matching
or FreD, and voxels, are slow tests. `FRED_TF_ALL_CELLS=1` runs the whole
product, with the networks of millions of parameters. What cannot be must be
refused with its reason.
"""

import itertools
import os
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, presets, seeds
from fred_tf.config import Config, replace
from fred_tf.distillation.distiller import Distiller
from fred_tf.distillation.memory_step import usual_step
from fred_tf.networks import NETWORKS
from fred_tf.objectives import OBJECTIVES
from fred_tf.objectives.class_batch_objective import ClassBatchObjective
from fred_tf.parameterizations import PARAMETERIZATIONS

ALL_CELLS = bool(os.environ.get("FRED_TF_ALL_CELLS"))
# Millions of parameters at any width.
LARGE = {"alexnet", "vgg11", "resnet18", "resnet18ap", "resnet10ap"}
VOXELS = {"convnet3d"}
# The published distance of gradients is a sum of cosines, one per unit, which
# jump where a unit falls silent for all images of a class. Norms prevent that.
WITHOUT_NORMS = {"mlp", "lenet"}
USUAL = ("distribution_matching", "frequency")
# Pairs that cannot be, and what is said of them.
REFUSED = {("haba", "convnet3d"): "Hallucinators convolve images"}

# Usual step sizes are for ten classes and thousands of steps, and networks
# differ by orders of magnitude: where a pair has one, the first step moves the
# memory by this share of its length instead. Some networks amplify: the cells
# that are not always run take shorter steps.
USUAL_STEP, CAREFUL_STEP = 0.003, 0.001
# Squared gradients fall fast, and so overshoot: also where a pair has no usual
# step size, and one is measured with this share.
CAREFUL = ("trained_gradient_matching",)
CAREFUL_SHARE = 0.02
# They train a network in every step; their own tests lower their losses, too.
LONG = (
    "feature_alignment",
    "gradient_matching",
    "trained_gradient_matching",
)
# All images of a class: batches of a few disagree too much with one another.
SMALL_BATCH = 64
# What makes a member small.
SMALL = {
    "distribution_matching": {"real_batch_per_class": 4},
    # Two steps a network, so that it is also trained in between.
    "gradient_matching": {"network_steps": 2},
    "trajectory_matching": {
        "student_steps": 2,
        "expert_epochs": 1,
        "max_start_epoch": 1,
        "student_learning_rate": 0.02,
    },
    "trained_gradient_matching": {"network_steps": 2, "network_images": 32},
    "feature_regression": {"pool": 2, "most_steps": 3},
    "feature_alignment": {"window": 2, "most_steps": 2, "most_epochs": 2},
    "frequency": {"coefficients_per_channel": 256},
    "haba": {"hallucinators": 2},
    "convnet": {"width": 8, "depth": 1},
    "convnet3d": {"width": 8, "depth": 2},
}


def _cells() -> list[Any]:
    return [
        pytest.param(
            cell,
            id="-".join(cell),
            marks=[pytest.mark.slow] if _is_slow(cell) else [],
        )
        for cell in itertools.product(OBJECTIVES, PARAMETERIZATIONS, NETWORKS)
        if ALL_CELLS or _usual(cell)
    ]


def _is_slow(cell: tuple[str, str, str]) -> bool:
    """Returns whether `make test` leaves out a cell; others share its parts."""
    return (
        cell[0] in LONG
        or not set(cell).intersection(USUAL)
        or cell[2] in VOXELS
    )


def _usual(cell: tuple[str, str, str]) -> bool:
    """Returns whether a cell is always run."""
    network = cell[2]
    return network == "convnet" or network not in LARGE and cell[:2] == USUAL


def _settings(objective: str, parameterization: str, network: str) -> Config:
    values = {
        "dataset": "few",
        "ipc": 4,
        "augmentation": "none",
        "experts.count": 1,
        "experts.epochs": 1,
        "experts.batch_size": 32,
    }
    if issubclass(OBJECTIVES[objective], ClassBatchObjective):
        values["objective.real_batch_per_class"] = SMALL_BATCH
    for section, name in (
        ("objective", objective),
        ("parameterization", parameterization),
        ("network", network),
    ):
        values[f"{section}.name"] = name
        for field, value in SMALL.get(name, {}).items():
            values[f"{section}.{field}"] = value
    if objective == "feature_regression":
        # The networks of its pool push unlike; its presets make every step.
        values["distiller.outlier_factor"] = 0.0
        if network == "convnet":
            # On as many features as one block has they err hardly at all.
            values["network.depth"] = 3
    if objective == "gradient_matching" and network in WITHOUT_NORMS:
        values["objective.distance"] = "squared"
    if objective in CAREFUL:
        values["distiller.memory_share"] = CAREFUL_SHARE
    if network in LARGE:
        if parameterization != "haba":  # Its hallucinators need a budget.
            values["ipc"] = 1
        if "objective.real_batch_per_class" in values:
            # They keep one reference, so that batches need not agree.
            values["objective.real_batch_per_class"] = 4
    return replace(presets.preset("digits_ipc1_dm_tiny"), values)


def _distiller(cell, data, tmp_path):
    """Returns a distiller, and its gradients as one compiled function."""
    settings = _settings(*cell)
    if OBJECTIVES[cell[0]].needs_experts:
        store = assembly.expert_store(settings, data, tmp_path)
        assembly.expert_trainer(settings, data).train(store, 1)
    distiller = assembly.distiller(settings, data, str(tmp_path))
    distiller.adapt(data.normalized_train, data.train.labels)
    state = distiller.tensors()[0]
    compiled = tf.function(distiller._gradients)
    if not usual_step(settings.parameterization, cell[0], data.image_shape):
        return distiller, compiled  # Begins with a step that was measured.
    ((_, gradients),) = _losses_and_gradients(
        distiller, compiled, state.objective, references=1
    )
    careful = cell[0] in CAREFUL or not _usual(cell)
    rate = (CAREFUL_STEP if careful else USUAL_STEP) * (
        tf.linalg.global_norm(state.memory)
        / tf.linalg.global_norm(gradients.memory)
    )
    distiller.assign(state._replace(rate=rate), 0)
    return distiller, compiled


def _loss(distiller: Distiller, compiled, state: list[tf.Tensor]) -> float:
    """Returns the mean loss of fixed references, seeds and state."""
    pairs = _losses_and_gradients(distiller, compiled, state)
    return float(np.mean([loss for loss, _ in pairs]))


def _losses_and_gradients(
    distiller: Distiller, compiled, state: list[tf.Tensor], references: int = 4
):
    numbers = tf.data.Dataset.range(references)
    stream = distiller.objective.references(1, numbers).batch(1)
    present, constants = distiller.tensors()
    return [
        compiled(
            present._replace(objective=state),
            constants,
            reference,
            tf.constant(number, tf.int64),
            seeds.named(1, "fixed"),
        )
        for number, reference in enumerate(stream)
    ]


@pytest.mark.parametrize("cell", _cells())
def test_steps_and_lowers_its_loss(cell, colour, voxels, tmp_path):
    data = voxels if cell[2] in VOXELS else colour
    if message := REFUSED.get(cell[1:]):
        with pytest.raises(ValueError, match=message):
            _distiller(cell, data, tmp_path)
        return
    distiller, compiled = _distiller(cell, data, tmp_path)
    for _ in range(2):
        scalars = distiller()
        assert scalars["trouble"] == scalars["skipped"] == 0
    if _usual(cell):
        before, after = _on_many_references(distiller, compiled)
    else:
        before, after = _on_one_reference(distiller)
    assert after < before


def _on_many_references(distiller: Distiller, compiled) -> tuple[float, float]:
    """Returns the loss on fixed references before and after 30 steps.

    The objective's state is held: what is matched, e.g. a network, would be
    another one at every step.
    """
    held = distiller.tensors()[0].objective
    before = _loss(distiller, compiled, held)
    for _ in range(30):
        distiller()
        for variable, value in zip(distiller._state.objective, held):
            variable.assign(value)
    return before, _loss(distiller, compiled, held)


def _on_one_reference(distiller: Distiller) -> tuple[float, float]:
    """Returns the loss at the first and the last of 30 equal steps.

    Random networks of many layers, or without norms, disagree about which way
    is down: thirty of them gain less on one another than the noise. So one
    network, one reference and one draw of everything are kept.
    """
    held, step = distiller.tensors()[0].objective, distiller.step
    losses = []
    for _ in range(30):
        losses.append(distiller()["loss"])
        present = distiller.tensors()[0]
        distiller.assign(present._replace(objective=held), step)
    return losses[0], losses[-1]
