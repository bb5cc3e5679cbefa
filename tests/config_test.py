import json

import pytest

from fred_tf import config as config_lib
from fred_tf import presets
from fred_tf.parameterizations import Pixel

DM = presets.preset("cifar10_ipc1_dm")


def memory_rate(config):
    known = config_lib.resolved(config, (32, 32, 3))
    return known.distiller.memory_learning_rate


@pytest.mark.parametrize("name", presets.names())
def test_json_round_trip(name):
    settings = presets.preset(name)
    values = json.loads(json.dumps(config_lib.to_json(settings)))
    assert config_lib.from_json(values) == settings


def test_one_whole_instance_needs_no_variance():
    changed = config_lib.override(DM, ["coefficients_per_channel=1024"])
    assert config_lib.instances_per_class(changed, (32, 32, 3), 10) == 1


def test_from_json_names_unknown_fields():
    values = config_lib.to_json(DM)
    values["network"]["widht"] = 3
    with pytest.raises(ValueError, match="widht.*Did you mean 'width'"):
        config_lib.from_json(values)


def test_unknown_convolutions_are_refused():
    with pytest.raises(ValueError, match="`convolutions`.*'bfloat16'"):
        config_lib.override(DM, ["convolutions=float16"])


def test_another_layout_is_stated_and_refused_where_unknown():
    assert "norm_layout" not in config_lib.to_json(DM)
    other = config_lib.override(DM, ["norm_layout=pieces"])
    assert config_lib.to_json(other)["norm_layout"] == "pieces"
    assert config_lib.from_json(config_lib.to_json(other)) == other
    assert config_lib.override(other, ["norm_layout=windows"]) == DM
    with pytest.raises(ValueError, match="`norm_layout`.*'columns'"):
        config_lib.override(DM, ["norm_layout=colums"])


TM = presets.preset("cifar10_ipc1_tm")


def test_stored_epochs_must_reach_the_last_target():
    """Start epochs 0 to 4 and two epochs of training need epoch 6."""
    kept = config_lib.override(TM, ["stored_epochs=6"])
    assert kept.experts.epochs_on_disk == 6
    assert TM.experts.epochs_on_disk == 50
    with pytest.raises(
        ValueError,
        match=r"5 stored epochs .* 5 - 1 \+ 2 = 6, .*`experts.epochs` 50",
    ):
        config_lib.override(TM, ["stored_epochs=5"])
    with pytest.raises(ValueError, match="the 5 stored .*stored_epochs` 0"):
        config_lib.override(TM, ["experts.epochs=5"])


@pytest.mark.parametrize("stored", [-1, 51])
def test_stored_epochs_are_some_of_those_trained(stored):
    with pytest.raises(ValueError, match=rf"\(50\). Received: {stored}"):
        config_lib.override(TM, [f"stored_epochs={stored}"])


def test_unknown_expert_dtype_is_refused():
    assert config_lib.override(TM, ["experts.dtype=float16"])
    with pytest.raises(ValueError, match="Did you mean 'bfloat16'"):
        config_lib.override(TM, ["experts.dtype=bflot16"])


def test_a_step_size_or_a_share():
    shared = config_lib.override(TM, ["memory_share=0.1"])
    assert shared.distiller.memory_learning_rate == 0
    assert config_lib.resolved(shared, (32, 32, 3)) == shared
    given = config_lib.override(shared, ["memory_learning_rate=5"])
    assert given.distiller.memory_learning_rate == 5
    assert given.distiller.memory_share == 0
    both = ["memory_learning_rate=5", "memory_share=0.1"]
    with pytest.raises(ValueError, match="Received both.*Make one of them 0"):
        config_lib.override(TM, both)


@pytest.mark.parametrize("factor", ["1", "0.5", "-2", "nan"])
def test_an_outlier_is_more_than_usual(factor):
    with pytest.raises(ValueError, match="outlier_factor.*above 1.*or 0"):
        config_lib.override(TM, [f"outlier_factor={factor}"])


def test_another_member_starts_from_its_own_defaults():
    changed = config_lib.override(TM, ["parameterization.name=pixel"])
    assert changed.parameterization == Pixel.Settings()
    assert memory_rate(changed) == 1000
    assert changed.objective == TM.objective


@pytest.mark.parametrize(
    ("assignments", "rate"),
    [
        ([], 1e8),
        (["parameterization.norm=ortho"], 1e8 / 4096),
        (["objective.name=distribution_matching"], 1e6),
        (["parameterization.norm=ortho", "memory_learning_rate=3"], 3),
        # Naming what is there already changes nothing.
        (["parameterization.norm=none", "memory_learning_rate=3"], 3),
        # Whitened images have another deviation: the step is measured.
        (["normalization=zca"], 0),
        (["normalization=zca_kip", "objective.name=gradient_matching"], 0),
        (["normalization=zca", "memory_learning_rate=3"], 3),
        (["normalization=standardize"], 1e8),
    ],
)
def test_the_usual_step_size_follows_what_it_depends_on(assignments, rate):
    changed = config_lib.override(TM, assignments)
    found = memory_rate(changed)
    assert found == pytest.approx(rate)
