"""Few images, unequal classes, any size: what settings become."""

import dataclasses
import json
import logging as standard_logging

import numpy as np
import pytest

import fred_tf
from fred_tf import config as config_lib
from fred_tf import datasets, presets
from fred_tf.parameterizations import Frequency
from fred_tf.presets import fitting

SMALL = [
    "network.width=4",
    "outer_steps=2",
    "distiller.memory_average=0",
    # Building the graph of all six operations would take most of the time.
    "augmentation=flip",
]


def few(shape, counts, seed=0):
    """Returns data with so many images in each class."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    images = generator.uniform(size=(len(labels), *shape)).astype(np.float32)
    return datasets.load((images, labels), name="photos")


def settled(data, preset, *overrides):
    return presets.settled(data, preset, overrides=overrides)


@pytest.mark.parametrize(
    ("shape", "network"),
    [
        ((24, 20, 3), ("convnet", 2)),
        ((64, 64, 1), ("convnet", 4)),
        ((16, 16, 16, 1), ("convnet3d", 2)),
        ((9, 8, 10, 5), ("convnet3d", 1)),
    ],
)
def test_dm_fits_twelve_images_a_class_of_any_shape(shape, network):
    data = few(shape, (12, 17, 12))
    config = fitting.fitted(settled(data, "dm"), data)
    assert (config.network.name, config.network.depth) == network
    assert config.objective.real_batch_per_class == 12
    positions = np.prod(shape[:-1])
    memory = config.parameterization
    assert memory.coefficients_per_channel == round(positions / 8)
    assert memory.kept_share == 0
    fitting.check(config, data)


@pytest.mark.parametrize(("asked", "width"), [(4, 4), (100, 100), (128, 64)])
def test_a_network_of_volumes_is_as_wide_as_it_was_asked(asked, width):
    settings = presets.preset("dm").network
    settings = dataclasses.replace(settings, width=asked)
    assert settings.sized((8, 8, 8, 1)).width == width


@pytest.mark.parametrize("images", [1, 2, 3, 5, 12])
@pytest.mark.parametrize(
    ("name", "ipc", "setting"),
    [
        ("frequency", 1, "coefficients_per_channel=32"),
        ("frequency", 1, "coefficients_per_channel=5000"),
        ("frequency", 1, "channels=joint"),
        ("idc", 1, "factor=5"),
        ("pixel", 1, None),
    ],
)
def test_a_memory_begins_with_images_that_there_are(images, name, ipc, setting):
    data = few((33, 31, 3), (20, images, 30))
    overrides = [f"parameterization.name={name}", f"ipc={ipc}"]
    # Images of this size have 1,023 positions: variances need two instances.
    overrides += ["parameterization." + setting] if setting else []
    asked = settled(data, "cifar10_ipc1_dm", *overrides)
    config = fitting.fitted(asked, data)
    fitting.check(config, data)
    kept = config_lib.instances_per_class(config, (33, 31, 3), 3)
    assert kept <= images
    assert fitting.fitted(config, data) == config


@pytest.mark.parametrize(("images", "kept"), [(1, 64), (2, 21)])
def test_few_images_with_labels_are_kept_whole(images, kept):
    """Unless there are as many as coefficients and labels leave room for."""
    data = few((8, 8, 1), (images, 9, 9, 9))
    asked = settled(
        data,
        "digits_ipc1_kip_tiny",
        "parameterization.name=frequency",
        "coefficients_per_channel=21",
        "labels=scores",
    )
    config = fitting.fitted(asked, data)
    assert config.parameterization.coefficients_per_channel == kept
    assert config_lib.instances_per_class(config, (8, 8, 1), 4) == images
    fitting.check(config, data)


@pytest.mark.parametrize(
    "asked",
    [
        ("idc", "ipc=40", "factor=2"),
        ("frequency", "ipc=20", "coefficients_per_channel=8"),
    ],
)
def test_room_of_labels_asks_for_no_images(digits, asked):
    """The smallest class has 139; 112 and 82 are asked for."""
    name, *more = asked
    overrides = [f"parameterization.name={name}", "labels=scores", *more]
    asked = settled(digits, "digits_ipc1_frepo_tiny", *overrides)
    assert fitting.fitted(asked, digits).parameterization == (
        asked.parameterization
    )


def test_what_is_said_to_suit_labels_does():
    most, more = (
        Frequency.Settings(coefficients_per_channel=kept, labels="scores")
        for kept in (30, 31)
    )
    assert Frequency.instances_within(most, (8, 8, 1), 4, 1) == 2
    with pytest.raises(ValueError, match="leaves 1 instance.*at most 30"):
        Frequency.instances_within(more, (8, 8, 1), 4, 1)
    with pytest.raises(ValueError, match="needs 2. Raise `ipc`"):
        Frequency.instances_within(more, (8, 8, 1), 100, 1)


def test_what_is_enough_stays_as_it_was_asked(digits):
    asked = settled(digits, "digits_ipc1_dm")
    assert fitting.fitted(asked, digits) == asked
    old = config_lib.to_json(asked)["parameterization"]
    assert "kept_share" not in old  # Older records have none.


def test_a_budget_of_more_images_than_there_are_is_refused(tmp_path):
    data = few((8, 8, 1), (12, 4))
    with pytest.raises(
        ValueError, match=r"begins with 5 real .*4 of class '1'"
    ):
        fred_tf.distill(data, "dm", tmp_path / "run", overrides=["ipc=5"])
    assert not (tmp_path / "run").exists()


def test_a_transform_of_other_sizes_is_refused_before_there_is_a_run(tmp_path):
    """By its own words: Keras puts others around them."""
    data = few((7, 8, 1), (12, 12))
    haar = ["parameterization.transform=haar"]
    with pytest.raises(ValueError, match=r"^A wavelet .*even.*\(7, 8\).*'dct'"):
        fred_tf.distill(data, "dm", tmp_path / "run", overrides=haar)
    assert not (tmp_path / "run").exists()


def test_one_line_says_what_became_of_it(caplog):
    data = few((16, 16, 1), (12, 40))
    asked = settled(data, "cifar10_ipc1_dm", "coefficients_per_channel=8")
    with caplog.at_level(standard_logging.WARNING, "absl"):
        fitting.tell(asked, fitting.fitted(asked, data), data)
    shrunk, unequal = [record.getMessage() for record in caplog.records]
    assert "`objective.real_batch_per_class` 256 -> 12" in shrunk
    assert "`parameterization.coefficients_per_channel` 8 -> 22" in shrunk
    assert "experts" not in shrunk  # There are none.
    assert "from 12 images ('0') to 40 ('1')" in unequal


def lines_of(caplog, data, asked) -> list[str]:
    with caplog.at_level(standard_logging.WARNING, "absl"):
        fitting.tell(asked, fitting.fitted(asked, data), data)
    return [record.getMessage() for record in caplog.records]


def test_networks_of_several_steps_are_told_to_skip_no_outliers(caplog):
    """Of which presets have none."""
    several = [
        preset
        for preset in map(presets.preset, presets.names())
        if getattr(preset.objective, "network_steps", 1) > 1
    ]
    assert len(several) > 10
    assert not any(preset.distiller.outlier_factor for preset in several)
    data = few((8, 8, 1), (12, 12))
    asked = settled(data, "digits_ipc1_dc_tiny", "network_steps=2")
    (line,) = lines_of(caplog, data, asked)
    assert "`network_steps` 2" in line
    assert "Received: `distiller.outlier_factor` 4. Take 0" in line


def test_drops_after_the_last_step_are_told(caplog):
    data = few((8, 8, 1), (12, 12))
    late = ["drop_steps=3,9", "outer_steps=3"]
    (line,) = lines_of(
        caplog, data, settled(data, "digits_ipc1_dc_tiny", *late)
    )
    assert "Received: `distiller.drop_steps` '3,9' of `outer_steps` 3" in line


@pytest.mark.parametrize(
    "changes",
    [
        ["network_steps=2", "outlier_factor=0"],
        ["drop_steps=2,9", "outer_steps=3"],
        [],
    ],
)
def test_what_counts_is_told_nothing_of(caplog, changes):
    data = few((8, 8, 1), (12, 12))
    asked = settled(data, "digits_ipc1_dc_tiny", *changes)
    assert not lines_of(caplog, data, asked)


def test_the_batch_of_experts_is_told_where_there_are_some(caplog):
    data = few((16, 16, 1), (12, 12))
    asked = settled(data, "tm")
    with caplog.at_level(standard_logging.WARNING, "absl"):
        fitting.tell(asked, fitting.fitted(asked, data), data)
    (shrunk,) = [record.getMessage() for record in caplog.records]
    assert "`experts.batch_size` 256 -> 24" in shrunk


def test_a_run_of_few_images_continues_with_the_same_command(tmp_path):
    data = few((12, 10, 3), (12, 13, 6))
    folder = tmp_path / "run"
    fred_tf.distill(data, "dm", folder, overrides=SMALL, progress=False)
    recorded = json.loads((folder / "config.json").read_text())["identity"]
    assert recorded["objective"]["real_batch_per_class"] == 6
    assert recorded["parameterization"]["coefficients_per_channel"] == 20
    assert recorded["network"]["depth"] == 1
    more = [*SMALL, "outer_steps=3"]
    distilled = fred_tf.distill(
        data, "dm", folder, overrides=more, progress=False
    )
    assert distilled.made_by.step == 3
    again = fred_tf.distill(
        data, distilled.made_by.config, folder, progress=False
    )
    np.testing.assert_array_equal(again.images, distilled.images)


def test_tm_fits_twelve_images_a_class(tmp_path):
    data = few((12, 10, 3), (12, 13, 7))
    config = settled(
        data,
        "tm",
        *SMALL,
        "student_steps=2",
        "student_batch=5",
        "max_start_epoch=1",
        "experts.count=1",
        "experts.epochs=2",
    )
    experts = fred_tf.train_experts(data, config, tmp_path / "experts")
    assert experts.description["experts"]["batch_size"] == 32
    distilled = fred_tf.distill(
        data, config, experts=tmp_path / "experts", progress=False
    )
    assert len(distilled.images) == 3 * 6


def test_a_preset_for_any_data_needs_their_name(digits):
    from fred_tf import assembly

    with pytest.raises(ValueError, match="need the name of one.*dataset="):
        assembly.load_data(presets.preset("dm"))
    named = config_lib.override(presets.preset("dm"), ["dataset=digits"])
    assert assembly.load_data(named).dataset == "digits"


def test_a_number_of_coefficients_replaces_a_share_and_the_reverse():
    number = config_lib.override(
        presets.preset("dm"), ["coefficients_per_channel=7"]
    )
    assert number.parameterization.kept_share == 0
    share = config_lib.override(number, ["kept_share=0.25"])
    sized = fitting.sized(share, (16, 16, 1)).parameterization
    assert sized.coefficients_per_channel == 64
    with pytest.raises(ValueError, match="a number or a share"):
        config_lib.override(
            share, ["kept_share=0.25", "coefficients_per_channel=7"]
        )


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_has_a_range(share):
    with pytest.raises(ValueError, match="`kept_share`"):
        config_lib.override(presets.preset("dm"), [f"kept_share={share}"])


def test_a_volume_for_a_network_of_images_is_refused_first(tmp_path):
    data = few((8, 8, 8, 1), (12, 12))
    for name in ("convnet", "lenet", "resnet18"):
        with pytest.raises(ValueError, match="Voxels fit `convnet3d` and"):
            fred_tf.distill(
                data,
                "cifar10_ipc1_dm",
                tmp_path / "run",
                overrides=[f"network.name={name}"],
            )
    assert not (tmp_path / "run").exists()
