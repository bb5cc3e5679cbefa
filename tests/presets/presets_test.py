import re

import numpy as np
import pytest

from fred_tf import config, datasets, presets
from fred_tf.datasets.class_lists import CLASS_LISTS
from fred_tf.presets import (
    general,
    hallucinator,
    larger,
    trained_gradient_matching,
)

# Of which the name does not begin with the data set.
OTHERS = {
    *general.ROWS,
    *larger.ROWS,
    *(
        name
        for table in (hallucinator, trained_gradient_matching)
        for name in table.ROWS
        if name.startswith("imagenet")
    ),
}
# At 128 pixels; IDC has two at 224.
SMALL_LISTS = [name for name in CLASS_LISTS if not name.endswith("0")]


@pytest.mark.parametrize("name", sorted({*presets.names()} - OTHERS))
def test_names_say_what_the_preset_is(name):
    form = (
        r"(\w+)_ipc(\d+)_(?:pixel_)?"
        r"(cafe|dc|dm|dsa|frepo|haba|idc|idc_i|kip|rfad|tm)"
        r"(_dsa|_joint|_zca)?(_cpu|_tiny)?"
    )
    match = re.fullmatch(form, name)
    settings = presets.preset(name)
    assert match, name
    assert settings.dataset == match[1]
    assert settings.ipc == int(match[2])
    objective = {
        "cafe": "feature_alignment",
        "dc": "gradient_matching",
        "dm": "distribution_matching",
        "dsa": "gradient_matching",
        "frepo": "feature_regression",
        "haba": "trajectory_matching",
        "idc": "trained_gradient_matching",
        "idc_i": "trained_gradient_matching",
        "kip": "kernel_ridge",
        "rfad": "kernel_ridge",
        "tm": "trajectory_matching",
    }
    assert settings.objective.name == objective[match[3]]
    if match[3] in ("dc", "dsa"):
        assert (settings.augmentation == "none") == (match[3] == "dc")
    if match[3] == "cafe":
        assert (settings.augmentation == "none") == (match[4] != "_dsa")


@pytest.mark.parametrize("name", SMALL_LISTS)
def test_subsets_of_imagenet_are_made_as_published(name):
    settings = presets.preset(f"{name}_ipc1_tm")
    assert settings.dataset == "imagenet2012"
    assert settings.preparation.classes == name
    assert settings.preparation.image_size == 128
    assert not settings.preparation.antialias
    # Some pictures of ImageNet are smaller.
    assert settings.preparation.enlarge
    by_letter = len(name) == len("imagenet_a")
    assert settings.preparation.resize == ("crop" if by_letter else "squash")
    assert (settings.network.depth, settings.network.width) == (5, 128)
    assert settings.parameterization.coefficients_per_channel == 2048
    assert settings.distiller.memory_learning_rate == 1e9
    assert settings.objective.student_steps == 20
    assert settings.objective.max_start_epoch == 10
    assert settings.objective.student_learning_rate_step == 1e-6


def test_published_values_of_the_other_objectives_on_larger_sets():
    for letter in "abcde":
        matched = presets.preset(f"imagenet_{letter}_ipc1_dm")
        assert matched.distiller.memory_learning_rate == 1e6
        pushed = presets.preset(f"imagenet_{letter}_ipc1_dsa")
        assert pushed.distiller.memory_learning_rate == 1e5
        assert pushed.augmentation != "none"
        for settings in (matched, pushed):
            assert settings.objective.real_batch_per_class == 256
            assert settings.outer_steps == 1_000


def test_published_values_of_volumes():
    settings = presets.preset("mnist3d_ipc1_dm")
    assert settings.parameterization.coefficients_per_channel == 512
    assert settings.distiller.memory_learning_rate == 1e6
    assert (settings.outer_steps, settings.evaluation.epochs) == (1_000, 500)
    assert settings.augmentation == "none"
    assert (settings.network.name, settings.network.width) == ("convnet3d", 64)


@pytest.mark.parametrize(
    ("ipc", "steps", "start", "images"),
    [(1, 30, 30, 8), (10, 40, 40, 25), (50, 40, 40, 128)],
)
def test_tiny_imagenet_keeps_the_shares_of_cifar100(ipc, steps, start, images):
    settings = presets.preset(f"tiny_imagenet_ipc{ipc}_tm")
    assert settings.objective.student_steps == steps
    assert settings.objective.max_start_epoch == start
    assert settings.network.depth == 4
    assert config.instances_per_class(settings, (64, 64, 3), 200) == images
    known = config.resolved(settings, (64, 64, 3))
    assert known.distiller.memory_learning_rate == 4e8


def test_the_list_of_presets_says_how_many_images():
    lines = {
        line.split()[0]: line.split() for line in presets.table().split("\n")
    }
    assert lines["dm"][1] == "8"
    assert lines["imagenet_a_ipc1_dm"][1] == "8"
    assert lines["tiny_imagenet_ipc10_tm"][1] == "25"
    assert lines["cifar10_ipc1_tm"][1] == "16"
    assert lines["mnist3d_ipc1_dm"][1:3] == ["by", "size"]


def test_published_values_of_trajectory_matching():
    settings = presets.preset("cifar10_ipc1_tm")
    assert settings.distiller.memory_learning_rate == 1e8
    assert settings.distiller.memory_momentum == 0.5
    assert settings.parameterization.coefficients_per_channel == 64
    assert settings.parameterization.norm == "none"
    assert settings.objective.student_steps == 50
    assert settings.objective.expert_epochs == 2
    assert settings.objective.max_start_epoch == 5
    assert settings.objective.student_learning_rate_step == 1e-7
    assert settings.outer_steps == 15_000
    assert (settings.experts.count, settings.experts.epochs) == (100, 50)


def test_published_values_of_distribution_matching():
    settings = presets.preset("cifar10_ipc2_dm")
    assert settings.distiller.memory_learning_rate == 1e6
    assert settings.parameterization.coefficients_per_channel == 64
    assert settings.objective.real_batch_per_class == 256
    assert settings.outer_steps == 20_000
    assert settings.evaluation.learning_rate == 0.01


def test_published_values_of_kip():
    settings = presets.preset("cifar10_ipc10_kip")
    assert settings.parameterization.name == "pixel"
    assert settings.parameterization.labels == "fixed"
    assert settings.distiller.memory_optimizer == "adam"
    assert settings.distiller.memory_learning_rate == 0.04
    assert settings.objective.real_batch_per_class * 10 == 5_000
    assert (settings.objective.kind, settings.objective.depth) == ("ntk", 1)
    assert settings.objective.regularization == 1e-6
    assert settings.outer_steps == 300


def test_published_values_of_frepo():
    settings = presets.preset("cifar10_ipc1_frepo")
    assert settings.parameterization.labels == "scores"
    assert settings.distiller.memory_optimizer == "lamb"
    assert settings.distiller.memory_learning_rate == 3e-4
    assert settings.distiller.decay_steps == settings.outer_steps == 500_000
    assert (settings.objective.pool, settings.objective.most_steps) == (10, 100)
    assert settings.evaluation.optimizer == "adam"
    assert settings.normalization == "zca_frepo"
    two_cores = presets.preset("cifar10_ipc1_frepo_cpu")
    assert two_cores.normalization == "standardize"


def test_published_values_of_gradient_matching():
    settings = presets.preset("cifar10_ipc2_dc")
    known = config.resolved(settings, (32, 32, 3))
    assert known.distiller.memory_learning_rate == 1e3
    assert settings.parameterization.coefficients_per_channel == 32
    assert settings.objective.real_batch_per_class == 256
    assert settings.outer_steps == 1_000


@pytest.mark.parametrize(
    "wanted",
    ["cifar10_ipc1", "mnist_ipc1_tm", "cifar10_ipc2_haba", "mnist_ipc2_haba"],
)
def test_paper_scale_presets_have_a_sibling_for_two_cores(wanted):
    assert any(
        name.startswith(wanted) and name.endswith("_cpu")
        for name in presets.names()
    )


def test_unknown_preset_suggests_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'cifar10_ipc1_tm'"):
        presets.preset("cifar10_ipc1_mt")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("dataset=cifar10", r"'cifar10' for data with 'photos'.*\('cifar10'\)"),
        ("holdout=0.2", r"0.2 for data with 0.0.*\(..., holdout=0.2\)"),
        ("image_size=4", r"Preparation\(image_size=4\) for .*Preparation\(\)"),
        ("classes=1,0", r"load_data\(..., preparation=.*classes='1,0'\)\)"),
        ("normalization=zca", r"'zca' for .*\(..., normalization='zca'\)"),
    ],
)
@pytest.mark.parametrize("scored", [False, True])
def test_data_that_are_loaded_stay_as_they_are(override, message, scored):
    images = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    data = datasets.load((images, np.array([0, 1])), name="photos")
    setting = override.partition("=")[0]
    setting = {"image_size": "preparation", "classes": "preparation"}.get(
        setting, setting
    )
    with pytest.raises(ValueError, match=f"`{setting}` is that of.*{message}"):
        presets.settled(data, "dm", overrides=[override], scored=scored)


def test_what_settings_hold_out_is_held_out_of_the_data():
    images = np.arange(4 * 8 * 8 * 3, dtype=np.uint8).reshape(4, 8, 8, 3)
    pair = images, np.array([0, 0, 1, 1])
    held = config.replace(presets.preset("dm"), {"holdout": 0.5})
    with pytest.raises(
        ValueError, match="`holdout` is that.*0.5 for data with"
    ):
        presets.settled(datasets.load(pair), held)
    assert presets.settled(datasets.load(pair), held, scored=True).holdout == 0
    loaded = datasets.load(pair, holdout=0.5)
    assert presets.settled(loaded, held).holdout == 0.5
    assert presets.settled(loaded, "dm").holdout == 0.5


def test_one_override_needs_no_list(digits):
    (one,), two = ["outer_steps=7"], ["outer_steps=7", "seed=1"]
    assert presets.settled(digits, "dm", overrides=one).outer_steps == 7
    assert presets.settled(digits, "dm", overrides=two).seed == 1
