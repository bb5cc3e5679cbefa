"""From a config to the objects of a run: what fits, and what is refused."""

import numpy as np
import pytest

from fred_tf import assembly, config, presets
from fred_tf.networks import InstanceNorm
from fred_tf.objectives import OBJECTIVES

DM = presets.preset("digits_ipc1_dm_tiny")
TM = presets.preset("digits_ipc1_tm_tiny")


def test_a_holdout_is_taken_from_the_training_split(digits):
    whole = assembly.load_data(DM)
    assert whole.name == "digits"
    assert len(whole.train) == len(digits.train)
    held = assembly.load_data(config.replace(DM, {"holdout": 0.25}))
    assert held.name == "digits, holdout 0.25"
    assert len(held.train) + len(held.test) == len(whole.train)
    assert len(held.test) == pytest.approx(len(whole.train) / 4, abs=10)
    assert held.normalization == whole.normalization


def test_a_share_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="`holdout` must leave each class"):
        assembly.load_data(config.replace(DM, {"holdout": 0.001}))


def test_networks_lay_images_out_as_the_config_says():
    asked = config.replace(DM, {"network.name": "convnet", "network.depth": 2})
    for layout in ("windows", "pieces"):
        other = config.replace(asked, {"norm_layout": layout})
        layers = assembly.network(other, (8, 8, 1), 10).network.steps
        norms = [x for x in layers if isinstance(x, InstanceNorm)]
        assert [norm.layout for norm in norms] == [layout, layout]


@pytest.mark.parametrize(
    "changes",
    [
        {"experts.count": 7},
        {"experts.epochs": 9},
        {"experts.dtype": "float16"},
        {"experts.epochs": 9, "experts.stored_epochs": 5},
        {"outer_steps": 50},
        {"ipc": 2},
    ],
)
def test_the_same_experts_serve_other_runs(digits, changes):
    """How many, how long and how stored is the store's business."""
    other = config.replace(TM, changes)
    expected = assembly.expert_description(TM, digits.facts)
    assert assembly.expert_description(other, digits.facts) == expected


@pytest.mark.parametrize(
    ("changes", "section"),
    [
        ({"experts.learning_rate": 0.5}, "experts"),
        ({"network.width": 16}, "network"),
        ({"augmentation": "none"}, "augmentation"),
        ({"experts.standardized_batches": True}, "augmentation"),
    ],
)
def test_other_experts_are_described_otherwise(digits, changes, section):
    expected = assembly.expert_description(TM, digits.facts)
    found = assembly.expert_description(
        config.replace(TM, changes), digits.facts
    )
    differing = {k for k, v in expected.items() if found[k] != v}
    assert differing == {section}


def test_experts_of_a_holdout_are_described_otherwise(digits):
    settings = config.replace(TM, {"holdout": 0.25})
    held = assembly.load_data(settings)
    found = assembly.expert_description(settings, held.facts)
    assert found["data"]["name"] == "digits, holdout 0.25"
    assert found != assembly.expert_description(TM, digits.facts)


def test_a_network_must_take_the_images_of_a_known_data_set():
    assembly.check_network(DM)
    for name, message in (("vgg11", "8 x 8"), ("convnet3d", "depth, height")):
        settings = config.replace(DM, {"network.name": name})
        with pytest.raises(ValueError, match=message):
            assembly.check_network(settings)
        # Nothing is known of these images before they are loaded.
        assembly.check_network(
            config.replace(settings, {"dataset": "folder:somewhere"})
        )


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["schedule=cosine", "warm_up_epochs=9"], "`.*_epochs` 9 of 9 .*Lower"),
        (["warm_up_epochs=3"], "3 and `evaluation.schedule` 'drop'. Make it 0"),
    ],
)
def test_an_evaluation_that_cannot_be_is_refused_before_all_work(
    assignments, message
):
    scored = ["evaluation.epochs=9", *(f"evaluation.{x}" for x in assignments)]
    settings = config.override(DM, scored)
    with pytest.raises(ValueError, match=message):
        assembly.check_network(settings)
    # A kernel trains nothing.
    by_kernel = config.replace(settings, {"evaluation.by": "kernel"})
    assembly.check_network(by_kernel)


@pytest.mark.parametrize(
    "name", [name for name, made in OBJECTIVES.items() if made.needs_experts]
)
def test_an_objective_without_its_experts_is_refused(digits, name):
    settings = config.replace(TM, {"objective.name": name})
    with pytest.raises(
        ValueError, match=f"'{name}' needs `--expert_dir`.*trai"
    ):
        assembly.objective(settings, digits, None)


def test_experts_that_are_not_there_are_named(digits, tmp_path):
    with pytest.raises(FileNotFoundError, match="trainers.train_experts"):
        assembly.objective(TM, digits, str(tmp_path / "nowhere"))


def test_experts_of_another_network_are_refused(digits, expert_dir):
    other = config.replace(TM, {"network.width": 16})
    with pytest.raises(ValueError, match="`network.width` is 8 there, 16"):
        assembly.objective(other, digits, str(expert_dir))


def test_experts_of_two_kinds_of_convolutions_are_not_mixed(digits, tmp_path):
    usual = presets.preset("digits_ipc1_tm_tiny")
    half = config.replace(usual, {"convolutions": "bfloat16"})
    for settings, other in ((usual, half), (half, usual)):
        folder = tmp_path / settings.convolutions
        store = assembly.expert_store(settings, digits, folder)
        store.append(np.zeros((store.epochs + 1, store.parameters)))
        with pytest.raises(ValueError, match="`convolutions` is"):
            assembly.expert_store(other, digits, folder)
        assert len(assembly.expert_store(settings, digits, folder)) == 1
        for either in (settings, other):
            assembly.check_experts(either, folder)


def test_an_open_store_serves_as_its_folder_does(digits, expert_dir):
    store = assembly.expert_store(TM, digits, expert_dir)
    matched = assembly.objective(TM, digits, store)
    assert matched.source is store and len(store) == 2


def test_the_budget_of_a_memory_is_that_of_the_config(digits):
    for ipc in (1, 2):
        settings = config.replace(DM, {"ipc": ipc})
        memory = assembly.parameterization(
            settings, digits.image_shape, digits.classes
        )
        assert memory.floats_stored <= 64 * 10 * ipc
        assembly.adapt(memory, digits, seed=0)
        assert memory.floats_stored == sum(
            weight.numpy().size for weight in memory.trainable_variables
        )


def test_an_evaluator_scores_as_the_config_says(digits):
    found = assembly.evaluator(
        config.replace(DM, {"evaluation.epochs": 17}), digits
    )
    assert found.settings.epochs == 17
