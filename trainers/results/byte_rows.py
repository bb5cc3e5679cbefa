"""Rows of budgets in bytes: coded frequencies beside pictures of real images.

What is expected of levels, the coefficients and the evaluation of MNIST are
among the best for held-out digits (docs/bytes-measured.md). Those of others are
first guesses, and so are qualities and outer steps of all.
"""

import dataclasses
from collections.abc import Callable, Mapping

from fred_tf.coresets.sheet import SheetSettings
from trainers.results.regression import fred_frepo_digits, regressed
from trainers.results.row import SMALL_BATCHES, WIDE, Row

# A data set: budgets, and the preset whose experts give the features.
_REAL = {
    "mnist": ((7_840, 31_360), "mnist_ipc1_tm_cpu"),
    "cifar10": ((30_720, 122_880, 1_228_800), "cifar10_ipc1_tm_cpu"),
}
# How networks are trained on two thousand photographs of 32 pixels.
_THOUSANDS = "evaluation.epochs=80", "evaluation.networks=3"
# A photograph of 32 pixels takes 70 bytes at quality 10, 200 at 50, and 2,200
# as PNG; a digit of MNIST 65, 150 and 165.
_STORED: Mapping[str, Callable[[int], SheetSettings]] = {
    "jpeg": lambda budget: SheetSettings(budget, quality=10),
    "png": lambda budget: SheetSettings(budget, "png"),
}
# 1,760 and 18,060 images, in about as many steps as fewer have.
_BRIEFLY = {
    (122_880, "jpeg"): _THOUSANDS,
    (1_228_800, "jpeg"): ("evaluation.epochs=30",),
}
_SCORED = {("mnist", "jpeg"): SMALL_BATCHES}


def _real() -> Mapping[str, Row]:
    return {
        f"{dataset}_{budget}_bytes_{method}_{encoding}": Row(
            preset,
            subject=method,
            scored_with=(
                *WIDE,
                *_SCORED.get((dataset, encoding), ()),
                *_BRIEFLY.get((budget, encoding), ()),
            ),
            stored=within(budget),
        )
        for dataset, (budgets, preset) in _REAL.items()
        for budget in budgets
        for method in ("random", "herding")
        for encoding, within in _STORED.items()
    }


def _within(budget_bytes: int, *overrides: str) -> tuple[str, ...]:
    """Returns overrides that make a memory for so many coded bytes."""
    rounding = "parameterization.step=8", f"budget_bytes={budget_bytes}"
    return *rounding, *overrides


# Labels that experts give, as they give them.
_TAUGHT = (
    "parameterization.labels=probabilities",
    "parameterization.initial_labels=experts",
    "parameterization.labels_stay=True",
)
# Two experts of two cores, of three times the usual step size; the first also
# chooses the images to begin with.
_FAST_EXPERTS = (
    "experts.count=2",
    "experts.epochs=8",
    "experts.learning_rate=0.03",
    "max_start_epoch=8",
    "student_learning_rate=0.04",
    "initial_images=herding",
)


def _joint(budget_bytes: int, preset: str, *overrides: str) -> Row:
    rounding = _within(budget_bytes, *_TAUGHT, *overrides)
    return Row(preset, rounding, elsewhere=True)


# Rounding costs less afterwards than in the training.
_AFTERWARDS = "parameterization.rounded=export"
# Steps of two cores, as many as take about as long as those of the presets. The
# usual step size is of 80 images of MNIST and 320 of CIFAR-10, which share it.
_DISTILLED = {
    # 320 images; 300 when the row was made.
    "mnist_7840_bytes_fred_dm": Row(
        "mnist_ipc1_dm_cpu",
        _within(7_840, "memory_learning_rate=1.1e6", "outer_steps=1000"),
        scored_with=WIDE,
    ),
    # 1,610 images.
    "mnist_31360_bytes_fred_dm": Row(
        "mnist_ipc1_dm_cpu",
        _within(31_360, "memory_learning_rate=5.9e6", "outer_steps=500"),
        scored_with=WIDE,
    ),
    # 180 images with their labels.
    "mnist_7840_bytes_fred_frepo": Row(
        "mnist_ipc1_frepo_cpu",
        _within(
            7_840,
            *fred_frepo_digits(5_000),
            _AFTERWARDS,
            "parameterization.step=6",
        ),
        scored_with=regressed(300),
    ),
    # 570 images.
    "mnist_31360_bytes_fred_frepo": Row(
        "mnist_ipc1_frepo_cpu",
        _within(
            31_360,
            *fred_frepo_digits(2_000),
            _AFTERWARDS,
            "parameterization.step=2",
        ),
        scored_with=regressed(200),
    ),
    # 940 images.
    "cifar10_30720_bytes_fred_dm": Row(
        "cifar10_ipc1_dm_cpu",
        _within(
            30_720,
            _AFTERWARDS,
            "parameterization.step=4",
            "memory_learning_rate=1e6",
            "outer_steps=400",
        ),
        scored_with=("evaluation.epochs=100", "evaluation.networks=3"),
    ),
    # 540 images.
    "cifar10_30720_bytes_fred_tm_joint_cpu": Row(
        "cifar10_ipc1_tm_joint_cpu",
        _within(30_720, _AFTERWARDS, "parameterization.step=2"),
        scored_with=("evaluation.epochs=150",),
    ),
    # 2,320 images of three times the coefficients.
    "cifar10_122880_bytes_fred_tm_joint_cpu": Row(
        "cifar10_ipc1_tm_joint_cpu",
        _within(
            122_880,
            _AFTERWARDS,
            *_TAUGHT,
            *_FAST_EXPERTS,
            "parameterization.step=12",
            "coefficients_per_channel=96",
            "convolutions=bfloat16",
            "outer_steps=240",
        ),
        scored_with=_THOUSANDS,
    ),
    # 2,040 images of as many.
    "cifar10_122880_bytes_fred_dm": Row(
        "cifar10_ipc1_dm_cpu",
        _within(
            122_880,
            _AFTERWARDS,
            "parameterization.step=3",
            "coefficients_per_channel=64",
            "memory_learning_rate=1.9e6",
            "outer_steps=400",
        ),
        scored_with=_THOUSANDS,
    ),
    # 740, 2,130 and 14,970 images. The experts of the first and of the second
    # are those of ipc 1 and 10.
    "cifar10_30720_bytes_fred_tm_joint": _joint(
        30_720, "cifar10_ipc1_tm_joint"
    ),
    "cifar10_122880_bytes_fred_tm_joint": _joint(
        122_880,
        "cifar10_ipc10_tm_joint",
        "experts.count=20",
        "outer_steps=4000",
    ),
    "cifar10_1228800_bytes_fred_tm_joint": _joint(
        1_228_800, "cifar10_ipc50_tm_joint", "outer_steps=4000"
    ),
}
BYTES: Mapping[str, Row] = {**_DISTILLED, **_real()}
# Fewer bytes, in which the export of a row holds the same set.
_FEWER = {
    "mnist_31360_bytes_fred_frepo": (15_680,),
    "cifar10_30720_bytes_fred_tm_joint_cpu": (7_680, 15_360),
    "cifar10_122880_bytes_fred_tm_joint_cpu": (61_440,),
}


def in_fewer(rows: Mapping[str, Row]) -> dict[str, Row]:
    """Returns rows that score the sets of others in fewer bytes.

    Args:
        rows: those of all rows that have a run of their own.
    """
    return {
        f"{name}_within_{budget}": dataclasses.replace(
            rows[name],
            published="",
            run_of=name,
            form="coefficients_coded",
            form_bytes=budget,
        )
        for name, budgets in _FEWER.items()
        for budget in budgets
    }
