"""Settings of FreD with trajectory matching.

Source: Shin et al. 2023 (arXiv 2311.08819): student steps, expert epochs,
start epochs and step sizes are the default table of the official code; the
kept coefficients follow from the decoded images per class that the paper's
main table states. A memory step size is published for `cifar10_ipc1_tm` only
(1e8 on unnormalised coefficients); the other rows use the same one. Experts:
100 of 50 epochs, SGD 0.01, batch 256. `# ours` marks what is not published.

Where all rows depart from the source: steps whose gradient is an outlier are
skipped; and CIFAR-100 is standardised by its own constants, where the official
code takes those of CIFAR-10.
"""

from fred_tf.config import Config
from fred_tf.objectives import TrajectoryMatching

BASE = Config(
    dataset="cifar10",
    ipc=1,
    objective=TrajectoryMatching.Settings(),
    outer_steps=15_000,
)


# Ours beside the paper's: joint channels, whose 32 coefficients a channel hold
# more than 64 separate ones in half the floats, a step size that is measured,
# and a student's step size that starts where it ends; docs/what-mattered.md has
# the experiments. Nothing here is published.

_JOINT = {
    "parameterization__channels": "joint",
    "distiller__memory_learning_rate": 0.0,
    "distiller__memory_share": 0.03,
    "distiller__settling_steps": 50,
    "distiller__memory_average": 0.99,
}


def _row(
    dataset, ipc, coefficients, steps, start, rate_step, rate=0.01, **more
):
    return {
        "dataset": dataset,
        "ipc": ipc,
        "parameterization.coefficients_per_channel": coefficients,
        "distiller.memory_learning_rate": 1e8,
        "objective.student_steps": steps,
        "objective.max_start_epoch": start,
        "objective.student_learning_rate_step": rate_step,
        "objective.student_learning_rate": rate,
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def _joint(
    dataset, ipc, coefficients, steps, start, batch, experts, epochs, **more
):
    """A row of ours: 0 images in a student's batch are all of them."""
    return _row(
        dataset,
        ipc,
        coefficients,
        steps,
        start,
        1e-6,
        0.02,
        **_JOINT,
        objective__student_batch=batch,
        experts__count=experts,
        experts__epochs=epochs,
        **more,
    )


# Digits of a class have a shape in common, which variance does not see.
_STROKES = {
    "parameterization__mask_rule": "energy",
    "parameterization__mask_statistics": "whole_class",
}

# On accelerators convolutions in bfloat16 take two thirds of the time, and give
# as good sets, see docs/what-mattered.md.
_ACCELERATED = {"convolutions": "bfloat16", "outer_steps": 8_000}
# Two cores, an hour at most.
_TWO_CORES = {"evaluation__epochs": 300, "evaluation__learning_rate": 0.01}
_CIFAR_CPU = {
    **_TWO_CORES,
    "objective__expert_epochs": 1,
    "outer_steps": 400,
}
_MNIST_CPU = {
    **_TWO_CORES,
    **_STROKES,
    "network__width": 64,
    "outer_steps": 280,
}

# data set, ipc, kept coefficients, student steps, max start epoch, images in a
# student's step, experts, their epochs. RESULTS.md has those of CIFAR-10 and
# MNIST that are measured, see docs/what-mattered.md; CIFAR-100 and SVHN follow
# CIFAR-10. Grey images have one channel, which is joint with itself: ours are
# the steps there.
_OURS = {
    "cifar10_ipc1_tm_joint": _joint(
        "cifar10", 1, 32, 50, 10, 160, 20, 12, **_ACCELERATED
    ),
    "cifar10_ipc10_tm_joint": _joint(
        "cifar10", 10, 64, 40, 20, 200, 25, 22, **_ACCELERATED
    ),
    "cifar10_ipc50_tm_joint": _joint(
        "cifar10", 50, 128, 40, 40, 250, 25, 42, **_ACCELERATED
    ),
    "cifar100_ipc1_tm_joint": _joint(
        "cifar100", 1, 64, 40, 20, 400, 20, 22, **_ACCELERATED
    ),
    "svhn_cropped_ipc1_tm_joint": _joint(
        "svhn_cropped", 1, 32, 50, 10, 160, 20, 12, **_ACCELERATED
    ),
    "mnist_ipc1_tm_joint": _joint(
        "mnist", 1, 98, 50, 5, 0, 20, 7, **_STROKES, **_ACCELERATED
    ),
    "mnist_ipc10_tm_joint": _joint(
        "mnist", 10, 98, 50, 10, 160, 20, 12, **_STROKES, **_ACCELERATED
    ),
    "cifar10_ipc1_tm_joint_cpu": _joint(
        "cifar10", 1, 32, 20, 3, 80, 3, 3, **{**_CIFAR_CPU, "outer_steps": 340}
    ),
    "cifar10_ipc10_tm_joint_cpu": _joint(
        "cifar10", 10, 64, 20, 3, 80, 3, 3, **_CIFAR_CPU
    ),
    "mnist_ipc1_tm_joint_cpu": _joint(
        "mnist", 1, 98, 50, 2, 40, 3, 3, **_MNIST_CPU
    ),
    "mnist_ipc10_tm_joint_cpu": _joint(
        "mnist", 10, 98, 50, 2, 40, 3, 3, **_MNIST_CPU
    ),
}

# Two cores, ours: few short experts, and students of 20 steps on half of the
# set (see docs/what-mattered.md). They start from twice the usual step size
# (0.1 is too large: it falls to its bound in one step); evaluation keeps 0.01.
_CIFAR_TM_CPU = _row(
    "cifar10",
    1,
    64,
    20,
    2,
    1e-6,
    0.02,
    objective__expert_epochs=1,
    objective__student_batch=80,
    experts__count=2,
    experts__epochs=2,
    outer_steps=180,
    distiller__memory_average=0.99,
    evaluation__epochs=300,
    evaluation__learning_rate=0.01,
)


def _whitened_pixels(row):
    """A row without its coefficients."""
    return {
        **{k: v for k, v in row.items() if not k.startswith("parameter")},
        "parameterization.name": "pixel",
        "normalization": "zca",
    }


# data set, ipc, kept coefficients, student steps, max start epoch,
# step of the student's learning rate, its start.
ROWS = {
    **_OURS,
    "mnist_ipc1_tm": _row("mnist", 1, 98, 50, 5, 1e-7, **_STROKES),  # ours
    "mnist_ipc10_tm": _row("mnist", 10, 98, 30, 15, 1e-5),  # kept: ours
    "fashion_mnist_ipc1_tm": _row("fashion_mnist", 1, 49, 50, 5, 1e-7),  # ours
    "fashion_mnist_ipc10_tm": _row(
        "fashion_mnist", 10, 98, 60, 15, 1e-5
    ),  # kept: ours
    "svhn_cropped_ipc1_tm": _row("svhn_cropped", 1, 64, 50, 5, 1e-7),
    "svhn_cropped_ipc10_tm": _row("svhn_cropped", 10, 128, 30, 15, 1e-5),
    "svhn_cropped_ipc50_tm": _row("svhn_cropped", 50, 256, 40, 40, 1e-5, 0.001),
    "cifar10_ipc1_tm": _row("cifar10", 1, 64, 50, 5, 1e-7),
    "cifar10_ipc10_tm": _row("cifar10", 10, 160, 40, 15, 1e-5),
    "cifar10_ipc50_tm": _row("cifar10", 50, 256, 30, 40, 1e-5, 0.001),
    "cifar100_ipc1_tm": _row("cifar100", 1, 128, 50, 15, 1e-5),
    "cifar100_ipc10_tm": _row("cifar100", 10, 400, 20, 40, 1e-5),
    "cifar100_ipc50_tm": _row("cifar100", 50, 400, 80, 40, 1e-5),
    "cifar10_ipc1_tm_cpu": _CIFAR_TM_CPU,
    # Pixels, whitened, as Cazenavette et al. 2022 publish them (arXiv
    # 2203.11932); then on two cores, ours, with as many steps as the row of
    # RESULTS.md without whitening.
    "cifar10_ipc1_pixel_tm_zca": {
        **_whitened_pixels(_row("cifar10", 1, 0, 50, 2, 1e-7)),
        "objective.expert_epochs": 2,
        "distiller.memory_learning_rate": 100.0,
        "outer_steps": 5_000,
    },
    "cifar10_ipc1_pixel_tm_zca_cpu": {
        **_whitened_pixels(_CIFAR_TM_CPU),
        "distiller.memory_learning_rate": 100.0,
        "outer_steps": 300,
    },
    # Strokes want more coefficients, and students of 50 steps.
    "mnist_ipc1_tm_cpu": _row(
        "mnist",
        1,
        98,
        50,
        2,
        1e-6,
        0.02,
        **_STROKES,
        network__width=64,
        objective__expert_epochs=2,
        objective__student_batch=40,
        experts__count=3,
        experts__epochs=3,
        outer_steps=280,
        distiller__memory_average=0.99,
        evaluation__epochs=300,
        evaluation__learning_rate=0.01,
    ),
    # Ours. Three images per class draw too few for the official statistics:
    # variances of so few images are noise (85 % instead of 92 %), and digits of
    # a class have a shape in common, which variance does not see.
    "digits_ipc1_tm": _row(
        "digits",
        1,
        21,
        10,
        10,
        1e-5,
        0.02,
        parameterization__mask_rule="energy",
        parameterization__mask_statistics="whole_class",
        distiller__memory_learning_rate=1e5,
        network__width=64,
        network__depth=2,
        experts__count=10,
        experts__epochs=20,
        experts__batch_size=64,
        outer_steps=400,
        evaluation__epochs=300,
    ),
    # Finishes in seconds; for tests and for trying a change.
    "digits_ipc1_tm_tiny": _row(
        "digits",
        1,
        32,
        2,
        2,
        1e-5,
        0.02,
        augmentation="color_crop",
        network__width=8,
        network__depth=2,
        objective__expert_epochs=1,
        experts__count=2,
        experts__epochs=2,
        experts__batch_size=256,
        outer_steps=3,
        evaluation__epochs=4,
        evaluation__networks=2,
    ),
}
