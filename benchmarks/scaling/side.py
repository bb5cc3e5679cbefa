"""An outer step of a point, in this process."""

from collections.abc import Callable

import tensorflow as tf

from benchmarks import noise
from benchmarks.scaling.points import DISTRIBUTION, TRAJECTORY, Point
from fred_tf import config, presets
from fred_tf.config import Config

# Real images of each class that distribution matching sees in a step.
REAL = 8


def settings(point: Point) -> Config:
    """Returns the settings of a point: a preset of CIFAR-10, otherwise sized.

    Steps before the first, which are measured only, are left out.
    """
    preset, own = _OBJECTIVES[point.objective]
    return config.replace(
        presets.preset(preset),
        {
            "dataset": "noise",
            "ipc": point.ipc,
            "network.width": point.width,
            "network.depth": 0,
            "parameterization.coefficients_per_channel": point.kept,
            "distiller.memory_learning_rate": 1.0,
            "distiller.outlier_factor": 0.0,
            **own(point),
        },
    )


def _of_a_student(point: Point) -> dict[str, int]:
    return {
        "objective.student_steps": point.student_steps,
        "objective.student_chunk": point.chunk,
        "objective.student_batch": point.batch,
        # All that is stored of the one expert, and read.
        "objective.max_start_epoch": 1,
        "objective.expert_epochs": 1,
        "experts.stored_epochs": 1,
    }


def _of_batches(point: Point) -> dict[str, int]:
    return {"objective.real_batch_per_class": REAL}


# A preset of each, and what a point says of its objective.
_OBJECTIVES = {
    TRAJECTORY: ("cifar10_ipc1_tm", _of_a_student),
    DISTRIBUTION: ("cifar10_ipc1_dm", _of_batches),
}


def outer_step(point: Point) -> Callable[[], object]:
    """Returns a function that makes an outer step."""
    real = max(point.images, REAL * point.classes)
    data = noise.data("noise", point.image_shape, point.classes, real)
    strategy = None
    if point.replicas > 1:
        (processor, *_) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            processor, [tf.config.LogicalDeviceConfiguration()] * point.replicas
        )
        strategy = tf.distribute.MirroredStrategy(
            [f"CPU:{number}" for number in range(point.replicas)]
        )
    return noise.outer_step(settings(point), data, strategy)
