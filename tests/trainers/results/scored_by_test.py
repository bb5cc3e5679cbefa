"""What differs in how rows are scored stands beside their epochs."""

import pathlib

import pytest

from trainers.results import reading, scored_by

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture(scope="module")
def results():
    return {
        name: {**record["identity"], **record}
        for name, record in reading.rows(ROOT / "results").items()
    }


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("cifar10_ipc1_fred_dm", "5 x 300"),
        ("cifar10_ipc1_pixel_dc", "5 x 300, not augmented"),
        ("cifar10_ipc1_pixel_cafe", "5 x 300, not augmented"),
        (
            "mnist_ipc1_idc",
            "5 x 300, two drops, batches of 64, augmented by "
            "color+crop_scale_rotate",
        ),
        (
            "cifar10_ipc1_idc_i",
            "5 x 300, two drops, batches of 64, cutmix 0.5, augmented by "
            "flip+color+crop_scale_rotate",
        ),
        (
            "cifar10_ipc1_haba",
            "5 x 300, one view a pass, standardized batches",
        ),
        (
            "mnist_ipc1_fred_frepo",
            "5 x 300, norm none, adam, cosine, warm-up 150, batches of 40, "
            "not mirrored",
        ),
        (
            "mnist_ipc1_pixel_kip_usual",
            "5 x 300, cross entropy, not augmented",
        ),
        ("cifar10_ipc1_fred_tm_joint_cpu", "5 x 300 in bfloat16"),
        ("mnist_ipc1_fred_tm_on_vgg11", "3 x 300 in bfloat16"),
        ("mnist_ipc1_pixel_kip", "kernel"),
    ],
)
def test_what_differs_is_told(results, row, told):
    assert scored_by.cell(results[row]) == told


def test_devices_follow():
    assert scored_by.where("5 x 300", "a card") == "5 x 300 on a card"
    assert scored_by.where(3, None) == "3"
