"""The rows of RESULTS.md as a table: what each distils, or scores instead."""

import dataclasses
from collections.abc import Sequence

from trainers.results import byte_rows, corrupted, regression
from trainers.results.canvases import CANVASES
from trainers.results.digits import DIGITS
from trainers.results.row import FREQUENCY, WIDE, Row

_PIXEL = ("parameterization.name=pixel",)
# Pixels are cheap where a step trains a student on them: they get more steps.
_LONGER = ("outer_steps=300",)
# Large networks take half the time on two cores with it.
_HALVES = ("convolutions=bfloat16",)
_FULL = ("evaluation.networks=3", "evaluation.learning_rate=0.01")
# Band-limited real images, which the FreD rows begin with.
_START = ("outer_steps=0",)
_THREE = ("evaluation.networks=3",)
_SHORT = ("evaluation.epochs=300",)
_FRED = "Shin et al. 2023"
_DM = "Zhao & Bilen 2023"
_TM = "Cazenavette et al. 2022"
_DSA = "Zhao & Bilen 2021"
_HABA = "Liu et al. 2022, 1 basis, which its 5 hallucinators make ipc 2"
_CAFE = "Wang et al. 2022"

_OWN = {
    **DIGITS,
    "mnist_ipc1_random": Row("mnist_ipc1_dm_cpu", (), "random", WIDE),
    "mnist_ipc1_herding": Row("mnist_ipc1_tm_cpu", (), "herding", WIDE),
    "mnist_ipc1_start": Row(
        "mnist_ipc1_dm_cpu", _START, "run", (*WIDE, *_THREE)
    ),
    "mnist_ipc1_pixel_dm": Row("mnist_ipc1_dm_cpu", _PIXEL, "run", WIDE),
    "mnist_ipc1_fred_dm": Row("mnist_ipc1_dm_cpu", (), "run", WIDE),
    "mnist_ipc1_pixel_tm": Row(
        "mnist_ipc1_tm_cpu",
        (*_PIXEL, *_LONGER, "experts.epochs=4"),
        "run",
        WIDE,
    ),
    "mnist_ipc1_fred_tm": Row(
        "mnist_ipc1_tm_cpu", (), "run", WIDE, f"95.8 ({_FRED})"
    ),
    "mnist_full": Row(
        "mnist_ipc1_dm_cpu",
        (),
        "full",
        (*WIDE, *_FULL, "evaluation.epochs=15"),
    ),
    "cifar10_ipc1_random": Row(
        "cifar10_ipc1_dm_cpu", (), "random", (), f"14.4 ± 2.0 ({_FRED})"
    ),
    "cifar10_ipc1_herding": Row(
        "cifar10_ipc1_tm_cpu", (), "herding", (), f"21.5 ± 1.3 ({_FRED})"
    ),
    "cifar10_ipc1_start": Row(
        "cifar10_ipc1_dm_cpu",
        (*_START, "coefficients_per_channel=64"),
        "run",
        _THREE,
    ),
    "cifar10_ipc1_pixel_dm": Row(
        "cifar10_ipc1_dm_cpu",
        (*_PIXEL, "outer_steps=1200"),
        published=f"26.0 ± 0.8 ({_DM})",
    ),
    "cifar10_ipc1_fred_dm": Row(
        "cifar10_ipc1_dm_cpu", published=f"ipc 2: 55.9 ± 0.4 ({_FRED})"
    ),
    "cifar10_ipc1_pixel_tm": Row(
        "cifar10_ipc1_tm_cpu",
        (*_PIXEL, *_LONGER),
        published=f"46.3 ± 0.8 with ZCA ({_TM})",
    ),
    # At the same steps as the row before.
    "cifar10_ipc1_pixel_tm_zca": Row(
        "cifar10_ipc1_pixel_tm_zca_cpu",
        published=f"46.3 ± 0.8 with ZCA ({_TM})",
    ),
    "cifar10_ipc1_fred_tm": Row(
        "cifar10_ipc1_tm_cpu", published=f"60.6 ± 0.8 ({_FRED})"
    ),
    "cifar10_ipc1_pixel_dc": Row(
        "cifar10_ipc1_dc_cpu", _PIXEL, published=f"28.3 ± 0.5 ({_DSA})"
    ),
    "cifar10_ipc1_fred_dc": Row(
        "cifar10_ipc1_dc_cpu", published=f"ipc 2: 45.3 ± 0.5 ({_FRED})"
    ),
    "cifar10_ipc1_pixel_dsa": Row(
        "cifar10_ipc1_dsa_cpu", _PIXEL, published=f"28.8 ± 0.7 ({_DSA})"
    ),
    "cifar10_ipc1_fred_dsa": Row("cifar10_ipc1_dsa_cpu"),
    "cifar10_full": Row(
        "cifar10_ipc1_dm_cpu",
        (),
        "full",
        (*_FULL, "evaluation.epochs=40"),
        f"84.8 ± 0.1 ({_DM})",
    ),
    "cifar10_ipc10_random": Row(
        "cifar10_ipc10_dm_cpu", (), "random", (), f"26.0 ± 1.2 ({_FRED})"
    ),
    "cifar10_ipc10_pixel_dm": Row(
        "cifar10_ipc10_dm_cpu", _PIXEL, published=f"48.9 ± 0.6 ({_DM})"
    ),
    "cifar10_ipc10_fred_dm": Row(
        "cifar10_ipc10_dm_cpu", published=f"ipc 11: 61.3 ± 0.8 ({_FRED})"
    ),
}
# Settings of the papers, for as many steps as the time on a lent GPU allowed,
# and the memory averaged over them.
_AVERAGED = "distiller.memory_average=0.99"
_OWN |= {
    "cifar10_ipc1_fred_tm_gpu": Row(
        "cifar10_ipc1_tm",
        ("experts.count=40", "outer_steps=2800", _AVERAGED),
        published=f"60.6 ± 0.8 ({_FRED})",
        elsewhere=True,
    ),
    "mnist_ipc1_fred_tm_gpu": Row(
        "mnist_ipc1_tm",
        ("experts.count=10", "outer_steps=180", _AVERAGED),
        published=f"95.8 ({_FRED})",
        elsewhere=True,
    ),
    "cifar10_ipc2_fred_dm_gpu": Row(
        "cifar10_ipc2_dm",
        ("outer_steps=7280", _AVERAGED),
        published=f"55.9 ± 0.4 ({_FRED})",
        elsewhere=True,
    ),
    "cifar10_ipc10_fred_dm_gpu": Row(
        "cifar10_ipc10_dm",
        ("outer_steps=5680", _AVERAGED),
        published=f"ipc 11: 61.3 ± 0.8 ({_FRED})",
        elsewhere=True,
    ),
}
# These were made before outliers were skipped.
_OWN = {
    name: dataclasses.replace(
        row, overrides=(*row.overrides, "outlier_factor=0")
    )
    for name, row in _OWN.items()
}
# Ours: joint channels. The first three were made with a step size that was
# measured before the first step alone.
_AT_ONCE = "settling_steps=0", "memory_share=0.1"
_OWN |= {
    "cifar10_ipc1_fred_tm_joint_cpu": Row(
        "cifar10_ipc1_tm_joint_cpu",
        (*_HALVES, *_AT_ONCE),
        published=f"60.6 ± 0.8 ({_FRED})",
    ),
    "cifar10_ipc1_fred_tm_joint": Row(
        "cifar10_ipc1_tm_joint",
        (*_AT_ONCE, "memory_share=0.05"),
        published=f"60.6 ± 0.8 ({_FRED})",
        elsewhere=True,
    ),
    # With the experts of the one before, as far as the time went.
    "cifar10_ipc10_fred_tm_joint": Row(
        "cifar10_ipc10_tm_joint",
        (
            "max_start_epoch=10",
            "experts.count=20",
            "experts.epochs=12",
            "outer_steps=2100",
            *_AT_ONCE,
        ),
        published=f"70.3 ± 0.3 ({_FRED})",
        elsewhere=True,
    ),
    "cifar10_ipc1_fred_tm_joint_settled": Row(
        "cifar10_ipc1_tm_joint",
        published=f"60.6 ± 0.8 ({_FRED})",
        elsewhere=True,
    ),
    "cifar10_ipc10_fred_tm_joint_settled": Row(
        "cifar10_ipc10_tm_joint",
        ("experts.count=20", "outer_steps=2060"),
        published=f"70.3 ± 0.3 ({_FRED})",
        elsewhere=True,
    ),
    # As many images as 122,880 bytes hold in five bits a coefficient.
    "cifar10_ipc5_fred_tm_joint": Row(
        "cifar10_ipc1_tm_joint",
        ("ipc=5", "max_start_epoch=20", "experts.epochs=22"),
        elsewhere=True,
    ),
    # The settings for two cores with four times the real images.
    "cifar10_ipc1_fred_dm_gpu": Row(
        "cifar10_ipc1_dm_cpu",
        ("real_batch_per_class=256", "outer_steps=4000"),
        published=f"ipc 2: 55.9 ± 0.4 ({_FRED})",
        elsewhere=True,
    ),
}
_OWN |= CANVASES
# Named as published, where hallucinators are not counted.
_OWN |= {
    "mnist_ipc1_haba": Row(
        "mnist_ipc2_haba_cpu", (), "run", WIDE, f"92.4 ({_HABA})"
    ),
    "cifar10_ipc1_haba": Row(
        "cifar10_ipc2_haba_cpu", published=f"48.3 ± 0.8 ({_HABA})"
    ),
}
_OWN |= regression.REGRESSED
_OWN |= byte_rows.BYTES
# Eight and sixteen times the images: as many steps as take the same time.
_OWN |= {
    "mnist_ipc1_pixel_cafe": Row(
        "mnist_ipc1_cafe_cpu",
        scored_with=WIDE,
        published=f"93.1 ({_CAFE})",
    ),
    "mnist_ipc1_fred_cafe": Row(
        "mnist_ipc1_cafe_cpu",
        (
            *FREQUENCY,
            "coefficients_per_channel=98",
            "mask_rule=energy",
            "mask_statistics=whole_class",
            "outer_steps=1600",
            "drop_steps=960,1280,1440",
        ),
        scored_with=WIDE,
    ),
    "cifar10_ipc1_pixel_cafe": Row(
        "cifar10_ipc1_cafe_cpu", published=f"30.3 ({_CAFE})"
    ),
    "cifar10_ipc1_fred_cafe": Row(
        "cifar10_ipc1_cafe_cpu",
        (
            *FREQUENCY,
            "coefficients_per_channel=64",
            "outer_steps=350",
            "drop_steps=210,280,315",
        ),
    ),
}
# Other networks on the sets of these rows: as the papers train them, or three
# for less than a third of the time, in which AlexNet is still on its plateau.
UNSEEN = ("alexnet", "vgg11", "resnet18")
_BRIEFLY = *_THREE, *_SHORT
_TRANSFERRED = {
    "mnist_ipc1_fred_dm": _BRIEFLY,
    "mnist_ipc1_fred_tm": (*_BRIEFLY, *_HALVES),
    "cifar10_ipc1_fred_dm": (*_BRIEFLY, *_HALVES),
    "cifar10_ipc1_fred_tm": (*_BRIEFLY, *_HALVES),
    "cifar10_ipc1_fred_tm_gpu": _BRIEFLY,
    "cifar10_ipc1_fred_dc": _BRIEFLY,
    "cifar10_ipc1_fred_dsa": _BRIEFLY,
    "cifar10_ipc1_fred_tm_joint": (),
    "cifar10_ipc2_fred_dm_gpu": (),
    "cifar10_ipc1_haba": (),
}
# What the exports of a row's set cost and are worth.
_EXPORTED = "cifar10_ipc1_fred_tm_gpu"
FORMS = (
    "images_float32",
    "images_float16",
    "images_png",
    "coefficients_float16",
    "coefficients_int8",
    "coefficients_int6",
    "coefficients_int4",
    "coefficients_coded",
)


# Seeds of distillations that a row may be made with.
SEEDS = 3


def _again(name: str, seed: int) -> Row:
    row = _OWN[name]
    overrides = (*row.overrides, f"seed={seed}")
    return dataclasses.replace(row, overrides=overrides, repeats=name)


def _on(name: str, network: str, how: tuple[str, ...]) -> Row:
    return dataclasses.replace(
        _OWN[name],
        scored_with=(f"network.name={network}", *how),
        published="",
        run_of=name,
    )


def _as(name: str, form: str) -> Row:
    return dataclasses.replace(_OWN[name], published="", run_of=name, form=form)


USUAL = regression.usual(regression.REGRESSED)
ROWS = {
    **_OWN,
    **{
        f"{name}_on_{network}": _on(name, network, how)
        for name, how in _TRANSFERRED.items()
        for network in UNSEEN
    },
    **USUAL,
    **{f"{_EXPORTED}_as_{form}": _as(_EXPORTED, form) for form in FORMS},
    **byte_rows.in_fewer(_OWN),
    **corrupted.rows(_OWN),
    **{
        f"{name}_seed{seed}": _again(name, seed)
        for name in _OWN
        for seed in range(1, SEEDS)
    },
}


def with_repeats(names: Sequence[str], seeds: int) -> list[str]:
    """Returns rows, each followed by its repeats with the seeds below `seeds`.

    A row that is itself of another row's run, or of a seed of its own, has
    none.
    """
    return [
        again
        for name in names
        for again in (name, *(f"{name}_seed{s}" for s in range(1, seeds)))
        if again in ROWS
    ]
