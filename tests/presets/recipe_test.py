"""Every config is reached by the preset and the overrides that are named."""

import pytest

import fred_tf
from fred_tf import config, presets
from fred_tf.presets import fitting
from fred_tf.presets.recipe import Recipe, recipe

DIGITS = (8, 8, 1)


def recorded(preset, *overrides, shape=DIGITS):
    """Returns settings as a run on images of a shape has them."""
    asked = config.override(presets.preset(preset), overrides)
    return config.resolved(fitting.sized(asked, shape), shape)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("digits_ipc1_tm", DIGITS),
        ("cifar10_ipc1_tm_joint", (32, 32, 3)),
        ("mnist_ipc1_dm", (28, 28, 1)),
        ("cifar10_ipc10_idc", (32, 32, 3)),
    ],
)
def test_a_preset_needs_no_overrides(name, shape):
    assert recipe(recorded(name, shape=shape), shape, 10) == (name, ())


def test_a_memory_needs_the_budget_that_it_fits():
    asked = recorded("digits_ipc1_dm", "parameterization.name=haba", "ipc=2")
    preset, found = recipe(asked, DIGITS, 10)
    assert recorded(preset, *found) == asked
    assert "ipc=2" in found or preset != "digits_ipc1_dm"


@pytest.mark.parametrize(
    "overrides",
    [
        ("seed=3",),
        ("outer_steps=7", "augmentation=none", "holdout=0.2"),
        ("preparation.image_size=6", "preparation.classes=1,0"),
        (
            "parameterization.bits=4",
            "objective.student_learning_rate_step=3e-05",
        ),
        ("network.name=mlp",),
        ("parameterization.name=pixel",),
        ("distiller.memory_share=0.03",),
        ("dataset=folder:my photos",),
    ],
)
def test_what_differs_is_overridden(overrides):
    asked = recorded("digits_ipc1_tm", *overrides)
    preset, found = recipe(asked, DIGITS, 10)
    assert recorded(preset, *found) == asked
    assert len(found) <= len(overrides) + 1 or preset != "digits_ipc1_tm"


def test_settings_that_follow_from_images_are_reached(digits):
    asked = presets.config_for(digits, 2)
    preset, found = recipe(asked, DIGITS, 10)
    assert recorded(preset, *found) == asked
    assert preset.startswith("digits_")


def test_what_no_run_records_has_no_recipe():
    """A step size of 0 is the usual one by then."""
    unsettled = fred_tf.Config(
        "digits", 1, fred_tf.OBJECTIVES["distribution_matching"].Settings(), 5
    )
    assert recipe(unsettled, DIGITS, 10) is None


def test_commands_are_quoted_and_train_experts_where_they_are_needed():
    matched = Recipe("digits_ipc1_dm", ("dataset=folder:two words", "ipc=2"))
    flags = "--preset=digits_ipc1_dm --override 'dataset=folder:two words'"
    flags += " --override ipc=2"
    assert matched.flags == flags
    run = f"python -m trainers.distill {flags} --run_dir=run"
    assert matched.commands("run", "experts") == [run]
    assert matched.config.ipc == 2
    flags = "--preset=digits_ipc1_tm --expert_dir=experts"
    assert Recipe("digits_ipc1_tm", ()).commands("run", "experts") == [
        f"python -m trainers.train_experts {flags}",
        f"python -m trainers.distill {flags} --run_dir=run",
    ]
