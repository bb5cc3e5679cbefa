import re

import pytest

from fred_tf import config, presets


@pytest.mark.parametrize("name", presets.names())
def test_names_say_what_the_preset_is(name):
    form = (
        r"(\w+)_ipc(\d+)_(?:pixel_)?(dc|dm|dsa|tm)(_joint|_zca)?(_cpu|_tiny)?"
    )
    match = re.fullmatch(form, name)
    settings = presets.preset(name)
    assert match, name
    assert settings.dataset == match[1]
    assert settings.ipc == int(match[2])
    objective = {
        "dc": "gradient_matching",
        "dm": "distribution_matching",
        "dsa": "gradient_matching",
        "tm": "trajectory_matching",
    }
    assert settings.objective.name == objective[match[3]]
    if match[3] in ("dc", "dsa"):
        assert (settings.augmentation == "none") == (match[3] == "dc")


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


def test_published_values_of_gradient_matching():
    settings = presets.preset("cifar10_ipc2_dc")
    known = config.resolved(settings, (32, 32, 3))
    assert known.distiller.memory_learning_rate == 1e3
    assert settings.parameterization.coefficients_per_channel == 32
    assert settings.objective.real_batch_per_class == 256
    assert settings.outer_steps == 1_000


@pytest.mark.parametrize("wanted", ["cifar10_ipc1", "mnist_ipc1_tm"])
def test_paper_scale_presets_have_a_sibling_for_two_cores(wanted):
    assert any(
        name.startswith(wanted) and name.endswith("_cpu")
        for name in presets.names()
    )


def test_unknown_preset_suggests_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'cifar10_ipc1_tm'"):
        presets.preset("cifar10_ipc1_mt")
