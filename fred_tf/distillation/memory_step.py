"""The step size that a memory begins with: usual where known, else measured.

Usual steps are for memories in orthonormal units: `step_gain` of a
parameterization stretches them to its own. Those of pixels are the published
ones of the objectives: Zhao & Bilen 2021 (arXiv 2006.05929), 2023 (2110.04181);
Cazenavette et al. 2022 (2203.11932), who vary between 100 and 1,000. Those of
frequencies are from the scripts of FreD's authors for CIFAR-10 (Shin et al.
2023, arXiv 2311.08819): 1e3, 1e6 and 1e8 on unnormalised coefficients of 32 x
32, whose gain is 4,096; that of CAFE (pixels: Wang et al. 2022, arXiv
2203.01531) is ours, of 0.1, 0.5 and 1.6 on MNIST one of the two with the lowest
loss. None is published for canvases and hallucinators with these objectives.
Enlarging multiplies a canvas pixel's gradient by about the factor along each
axis, and the mean over as many more instances divides it by the same; HaBa's
100 with momentum 0.95 moves as far as 1,000 with our 0.5: so they take those of
pixels. With IDC's own objective a canvas takes what it is
published with for one image a class of CIFAR-10 (Kim et al. 2022, arXiv
2205.14959; `presets/trained_gradient_matching.py` has the others), 5e-4 before
and 0.0124 after the standardisation. It grows there with the images of a class:
frequencies take it sixteenfold, for as many.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fred_tf.distillation.distiller_settings import MEMORY_OPTIMIZERS
from fred_tf.distillation.outliers import Watch, moved, usual
from fred_tf.optimizers.optimizer import Tensors
from fred_tf.parameterizations import PARAMETERIZATIONS, MemorySettings

_PIXELS = {
    "feature_alignment": 0.1,
    "gradient_matching": 0.1,
    "trained_gradient_matching": 0.0124,
    "distribution_matching": 1.0,
    "trajectory_matching": 1000.0,
}
# By memory, then by objective.
USUAL_STEPS = {
    "frequency": {
        "feature_alignment": 0.5,
        "gradient_matching": 1e3 / 4096,
        "trained_gradient_matching": 16 * 0.0124,
        "distribution_matching": 1e6 / 4096,
        "trajectory_matching": 1e8 / 4096,
    },
    "pixel": _PIXELS,
    "idc": _PIXELS,
    "haba": _PIXELS,
}
# KIP's notebook (Nguyen et al. 2021) and FRePo (Zhou et al. 2022).
_USUAL_OF = {"adam": 0.04, "lamb": 3e-4}
# Where a step size is not given, `OuterStep` takes the one with which the first
# step moves the images by this share of their deviation, the root mean square
# over all pixels; the median of the steps that are measured before the first.
# Unlike a step size, a share means the same for every memory: separate and
# joint channels, however many coefficients, images, or images of a student's
# step. docs/what-mattered.md has the experiments. On held-out digits
# (`digits_ipc1_dm`, width 32, 300 steps, 3 networks of 100 epochs) 0.02, 0.1,
# 0.5, 2.5 and 8.3 give 82.2 +- 1.7, 84.1 +- 1.1, 83.4 +- 1.1, 83.6 +- 1.3 and
# 83.2 +- 1.4 %.
SHARE = 0.1


def usual_step(
    memory: MemorySettings,
    objective: str,
    image_shape: Sequence[int],
    normalization: str = "standardize",
    optimizer: str = "sgd",
) -> float:
    """Returns the usual step size of a memory; 0 where none is known.

    Args:
        memory: settings of a parameterization.
        objective: name of the objective.
        image_shape: `[height, width, channels]`, or more spatial axes.
        normalization: of the images. Steps of SGD are usual with standardised
            ones; whitened ones have a deviation of 0.25 on CIFAR-10 (`zca`).
        optimizer: a name in `MEMORY_OPTIMIZERS`.
    """
    gain = PARAMETERIZATIONS[memory.name].step_gain(memory, image_shape)
    power = MEMORY_OPTIMIZERS[optimizer](0.0).gain_power
    rate = _USUAL_OF.get(optimizer, 0.0)
    if optimizer == "sgd" and normalization == "standardize":
        rate = USUAL_STEPS.get(memory.name, {}).get(objective, 0.0)
    return rate and rate * gain**power


def known_rate(
    rate: tf.Tensor, watch: Watch, step: tf.Tensor, share: float, settling: int
) -> tf.Tensor:
    """Returns the step size, found from what was measured.

    The first gradients of trajectory matching are long where the student's
    steps are: ten times and more those of twenty steps later. A step size found
    from them alone stays as much too small, so it follows for `settling` steps.

    Args:
        rate: as it was, 0 where it is to be found.
        watch: what is remembered of the steps that were measured.
        step: integer scalar, below 0 before the first step.
        share: by which the first step is to move the images.
        settling: steps after which the rate stays as it is.
    """
    if not share:
        return rate
    move = usual(watch.moves)
    follows = (step <= settling) & (settling > 0) & (move > 0)
    found = (step >= 0) & ((rate == 0) | follows)
    return tf.where(found, share / move, rate)


def followed(
    watch: Watch,
    rate: tf.Tensor,
    step: tf.Tensor,
    share: float,
    settling: int,
    measure: Callable[[], tf.Tensor],
) -> Watch:
    """Returns the watch after a step that may be measured for the rate.

    Args:
        watch: before it. A rate that was set has nothing there, see
            `Distiller.rate`, and follows nothing, be it set before any step
            was measured or later.
        rate, step, share, settling: see `known_rate`.
        measure: returns how far the step would move the images, see `move`.
    """
    if not share:
        return watch
    follows = (step < settling) & (usual(watch.moves) > 0)
    wanted = follows | ((step < 0) & (rate == 0))
    none = tf.zeros([], watch.moves.dtype)
    seen = moved(watch, tf.cond(wanted, measure, lambda: none))
    moves = tf.where(wanted, seen.moves, watch.moves)
    return watch._replace(moves=moves)


class Schedule(NamedTuple):
    """How the step size changes during a run; by default it stays.

    Attributes:
        warm_up_steps: over how many of the first steps it grows to its full
            size.
        decay_steps: over how many steps it falls to a tenth, along half a
            cosine, as FRePo's does.
        drop_steps: steps made before each of its drops, as CAFE's has them.
        drop_factor: what is left of it after one.
    """

    warm_up_steps: int = 0
    decay_steps: int = 0
    drop_steps: tuple[int, ...] = ()
    drop_factor: float = 1.0


def scheduled(
    rate: tf.Tensor, step: tf.Tensor, schedule: Schedule
) -> tf.Tensor:
    """Returns the step size of a step.

    Args:
        rate: its full size.
        step: integer scalar, outer steps made before.
        schedule: how it changes.
    """
    made = tf.cast(step, rate.dtype)
    if schedule.warm_up_steps:
        grown = (made + 1) / schedule.warm_up_steps
        rate = rate * tf.clip_by_value(grown, 0.0, 1.0)
    if schedule.decay_steps:
        way = np.pi * tf.clip_by_value(made / schedule.decay_steps, 0.0, 1.0)
        rate = rate * (0.55 + 0.45 * tf.cos(way))
    for drop in schedule.drop_steps:
        rate = tf.where(step < drop, rate, schedule.drop_factor * rate)
    return rate


def move(
    decode: Callable[[Tensors], tf.Tensor],
    memory: Tensors,
    gradients: Tensors,
    share: float,
) -> tf.Tensor:
    """Returns how far a step of size 1 moves the images, over their deviation.

    The root mean square, by plain descent. Memories may be nonlinear: it is
    looked at where the memory moves by `share` of its length.

    Args:
        decode: returns the images of a memory.
        memory: as it is.
        gradients: of the memory.
        share: see above.
    """
    length = tf.linalg.global_norm(gradients)
    rate = share * tf.linalg.global_norm(memory) / length
    images = decode(memory)
    others = decode([m - rate * g for m, g in zip(memory, gradients)])
    way = tf.sqrt(tf.reduce_mean((others - images) ** 2))
    return way / tf.math.reduce_std(images) / rate
