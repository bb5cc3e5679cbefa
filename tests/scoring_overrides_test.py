"""Overrides of an evaluation: what it looks at, and what it does not."""

import keras
import pytest

import fred_tf
from fred_tf import config, presets, scoring


@pytest.mark.parametrize(
    ("overrides", "others", "unused"),
    [
        (["outer_steps=9"], (), "outer_steps=9"),
        (["ipc=2", "seed=3"], (), "ipc=2"),
        (["parameterization.name=pixel"], (), "parameterization.name=pixel.*"),
        (["memory_average=0.5"], (), "distiller.memory_average=0.5"),
        (["holdout=0.1"], (), "holdout=0.1"),
        (["holdout=0.1"], scoring.OF_DATA, None),
        (["image_size=8"], (), "preparation.image_size=8"),
        (["outer_steps=3"], (), None),  # As it was.
        (["seed=3", "network.width=4", "augmentation=flip"], (), None),
        (["evaluation.epochs=3", "convolutions=bfloat16"], (), None),
        (["evaluation.by=kernel", "objective.name=kernel_ridge"], (), None),
    ],
)
def test_what_an_evaluation_does_not_look_at_is_refused(
    overrides, others, unused
):
    own = presets.preset("digits_ipc1_dm_tiny")
    changed = config.override(own, overrides)
    if unused is None:
        scoring.check_changes(own, changed, *others)
        return
    message = f"looks at.*`seed`.*Received: {unused}. Leave"
    with pytest.raises(ValueError, match=message):
        scoring.check_changes(own, changed, *others)


@pytest.mark.parametrize(
    "override",
    ["network.name=mlp", "augmentation=flip", "convolutions=bfloat16"],
)
def test_a_kernel_looks_at_no_network(override):
    own = presets.preset("digits_ipc1_dm_tiny")
    changed = config.override(own, ["evaluation.by=kernel", override])
    with pytest.raises(ValueError, match=f"Received: {override}"):
        scoring.check_changes(own, changed)


@pytest.mark.parametrize("override", ["network.width=4", "norm_layout=pieces"])
def test_a_network_of_others_has_no_settings(override, digits):
    own = presets.preset("digits_ipc1_dm_tiny")
    changed = config.override(own, [override])
    replaced = scoring.OF_NETWORK
    with pytest.raises(ValueError, match=f"Received: {override}"):
        scoring.check_changes(own, changed, replaced=replaced)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    distilled = fred_tf.load_distilled("digits_ipc1")
    with pytest.raises(ValueError, match=f"Received: {override}"):
        distilled.evaluate(digits, overrides=[override], network=model)


def test_accuracies_by_different_kernels_are_not_alike():
    own = presets.preset("digits_ipc1_dm_tiny")
    by_kernel = ["evaluation.by=kernel", "objective.name=kernel_ridge"]
    default, other = (
        scoring.how(config.override(own, [*by_kernel, *changes]))
        for changes in ([], ["objective.regularization=0.5"])
    )
    assert scoring.are_alike(default, default)
    assert not scoring.are_alike(default, other)
    # Networks look at no kernel.
    networks = scoring.how(own)
    assert "kernel" not in networks
    assert not scoring.are_alike(networks, default)
