import json

import pytest

from fred_tf import config as config_lib
from fred_tf import overrides, presets

DM = presets.preset("cifar10_ipc1_dm")


@pytest.mark.parametrize("name", presets.names())
def test_json_round_trip(name):
    settings = presets.preset(name)
    values = json.loads(json.dumps(config_lib.to_json(settings)))
    assert config_lib.from_json(values) == settings


def test_one_whole_instance_needs_no_variance():
    changed = overrides.override(DM, ["coefficients_per_channel=1024"])
    assert config_lib.check_budget(changed, (32, 32, 3)) == 1


def test_from_json_names_unknown_fields():
    values = config_lib.to_json(DM)
    values["network"]["widht"] = 3
    with pytest.raises(ValueError, match="widht.*Did you mean 'width'"):
        config_lib.from_json(values)


TM = presets.preset("cifar10_ipc1_tm")


def test_stored_epochs_must_reach_the_last_target():
    """Start epochs 0 to 4 and two epochs of training need epoch 6."""
    kept = overrides.override(TM, ["stored_epochs=6"])
    assert kept.experts.epochs_on_disk == 6
    assert TM.experts.epochs_on_disk == 50
    with pytest.raises(
        ValueError,
        match=r"5 stored epochs .* 5 - 1 \+ 2 = 6, .*`experts.epochs` 50",
    ):
        overrides.override(TM, ["stored_epochs=5"])
    with pytest.raises(ValueError, match="the 5 stored .*stored_epochs` 0"):
        overrides.override(TM, ["experts.epochs=5"])


@pytest.mark.parametrize("stored", [-1, 51])
def test_stored_epochs_are_some_of_those_trained(stored):
    with pytest.raises(ValueError, match=rf"\(50\). Received: {stored}"):
        overrides.override(TM, [f"stored_epochs={stored}"])


def test_unknown_expert_dtype_is_refused():
    assert overrides.override(TM, ["experts.dtype=float16"])
    with pytest.raises(ValueError, match="Did you mean 'bfloat16'"):
        overrides.override(TM, ["experts.dtype=bflot16"])
