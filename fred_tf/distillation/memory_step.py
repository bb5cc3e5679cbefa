"""The step size that a memory begins with: usual where known, else measured.

Usual steps are for memories in orthonormal units: `step_gain` of a
parameterization stretches them to its own. Those of pixels are the published
ones of the objectives: Zhao & Bilen 2021 (arXiv 2006.05929), 2023 (2110.04181);
Cazenavette et al. 2022 (2203.11932), who vary between 100 and 1,000. Those of
frequencies are from the scripts of FreD's authors for CIFAR-10 (Shin et al.
2023, arXiv 2311.08819): 1e3, 1e6 and 1e8 on unnormalised coefficients of 32 x
32, whose gain is 4,096. None is published for canvases and hallucinators with
these objectives. Enlarging multiplies a canvas pixel's gradient by about the
factor along each axis, and the mean over as many more instances divides it by
the same; HaBa's 100 with momentum 0.95 moves as far as 1,000 with our 0.5: so
they take those of pixels.
"""

from collections.abc import Sequence

import tensorflow as tf

from fred_tf.distillation.outer_step import OuterStep, State
from fred_tf.objectives import Reference
from fred_tf.optimizers.optimizer import Tensors
from fred_tf.parameterizations import PARAMETERIZATIONS
from fred_tf.settings import Settings

_PIXELS = {
    "gradient_matching": 0.1,
    "distribution_matching": 1.0,
    "trajectory_matching": 1000.0,
}
# By memory, then by objective.
USUAL_STEPS = {
    "frequency": {
        "gradient_matching": 1e3 / 4096,
        "distribution_matching": 1e6 / 4096,
        "trajectory_matching": 1e8 / 4096,
    },
    "pixel": _PIXELS,
    "idc": _PIXELS,
    "haba": _PIXELS,
}
# References that a step is measured from, and the share of their deviation by
# which it moves the images; see `measured_step`. By this measure the usual
# steps move them by 0.07 (gradient matching) to several times their deviation.
# On held-out digits (`digits_ipc1_dm`, width 32, 300 steps, 3 networks of 100
# epochs) shares of 0.02, 0.1, 0.5, 2.5 and 8.3 give 82.2 +- 1.7, 84.1 +- 1.1,
# 83.4 +- 1.1, 83.6 +- 1.3 and 83.2 +- 1.4 %.
REFERENCES = 4
SHARE = 0.1


def usual_step(
    memory: Settings, objective: str, image_shape: Sequence[int]
) -> float:
    """Returns the usual step size of a memory; 0 where none is known.

    Args:
        memory: settings of a parameterization.
        objective: name of the objective.
        image_shape: `[height, width, channels]`, or more spatial axes.
    """
    rate = USUAL_STEPS.get(memory.name, {}).get(objective, 0.0)
    member = PARAMETERIZATIONS[memory.name]
    return rate and rate * member.step_gain(memory, image_shape)


def measured_step(
    step: OuterStep, state: State, constants: Tensors, references: Reference
) -> float:
    """Returns a step size for a pair that `USUAL_STEPS` does not know.

    The root mean square by which one step of plain descent moves the decoded
    images is made `SHARE` of their deviation, with the mean gradient of the
    first `REFERENCES` references. Groups that have a rate of their own rest.

    Args:
        step: of the run.
        state: as it begins.
        constants: the parameterization's fixed tensors.
        references: stacked, `[r, ...]`.

    Raises:
        ValueError: the images do not move, or not by a finite amount.
    """

    free = [
        any(
            weight is other
            for group in step.measured
            for other in group.weights
        )
        for weight in step.parameterization.trainable_weights
    ]

    @tf.function(autograph=False)
    def slopes() -> Tensors:
        _, gradients = step.gradients(
            state, constants, references, tf.constant(0, tf.int64)
        )
        return [
            g if moves else tf.zeros_like(g)
            for g, moves in zip(gradients.memory, free)
        ]

    @tf.function(autograph=False)
    def moved(gradients: Tensors, rate: tf.Tensor) -> tf.Tensor:
        there = [m - rate * g for m, g in zip(state.memory, gradients)]
        images, _ = step.decoded(state.memory, constants)
        others, _ = step.decoded(there, constants)
        way = tf.sqrt(tf.reduce_mean((others - images) ** 2))
        return way / tf.math.reduce_std(images)

    gradients = slopes()
    length = tf.linalg.global_norm(gradients)
    rate = tf.linalg.global_norm(state.memory) / length * SHARE
    # Twice, for memories that are not linear: the second time it is close.
    for _ in range(2):
        rate = rate * SHARE / moved(gradients, rate)
    measured = float(rate)
    if not 0 < measured < float("inf"):
        raise ValueError(
            "A step size can be measured where the loss moves the images. "
            f"Received: a gradient of length {float(length):g}. Give "
            "`distiller.memory_learning_rate`."
        )
    return measured
