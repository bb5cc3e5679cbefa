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
