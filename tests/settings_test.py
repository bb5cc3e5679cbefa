"""Settings that cannot be meant are refused when a config is made."""

import dataclasses
import math

import pytest

from fred_tf import config as config_lib
from fred_tf import presets, settings
from fred_tf.config import FAMILIES, Config

TM = presets.preset("digits_ipc1_tm_tiny")
DC = presets.preset("digits_ipc1_dc_tiny")

# Every number of every section and member, as an override.
_SECTIONS = {
    name: [kind]
    for name, kind in settings.field_types(Config).items()
    if dataclasses.is_dataclass(kind) and name not in FAMILIES
}
_SECTIONS |= {
    section: [member.Settings for member in family.values()]
    for section, family in FAMILIES.items()
}
NUMBERS = sorted(
    {
        (section, getattr(kind, "name", ""), name)
        for section, kinds in _SECTIONS.items()
        for kind in kinds
        for name, type_ in settings.field_types(kind).items()
        if type_ in (int, float)
    }
    | {
        ("", "", name)
        for name, type_ in settings.field_types(Config).items()
        if type_ in (int, float)
    }
)


@pytest.mark.parametrize("value", [-1, -(10**24), 10**24, math.nan, math.inf])
def test_every_number_has_a_range(value):
    """Far beyond it, each is refused by its name, whatever member has it."""
    for section, member, name in NUMBERS:
        values = config_lib.to_json(TM)
        if member:
            values[section] = {"name": member, name: value}
        elif section:
            values.setdefault(section, {})[name] = value
        else:
            values[name] = value
        with pytest.raises(ValueError, match=rf"`([a-z]+\.)?{name}`"):
            config_lib.from_json(values)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("seed=-1", "`seed` .* at least 0. Received: -1"),
        (f"seed={'9' * 24}", "`seed` must be at most 9,223,"),
        ("memory_momentum=5", "`memory_momentum` is a decay.*Received: 5.0"),
        ("memory_momentum=1", "`memory_momentum` is a decay.*below 1"),
        ("evaluation.momentum=1.5", "`evaluation.momentum`.*below 1"),
        ("experts.momentum=1", "`experts.momentum`.*below 1"),
        ("weight_decay=5", "`evaluation.weight_decay` must be at most 1"),
        ("holdout=1", "`holdout` is a share.*Received: 1.0"),
        ("outer_steps=10000000000", "`outer_steps` must be at most 999,999,"),
        ("networks=0", "`evaluation.networks`.*at least 1"),
        ("evaluation.learning_rate=1000", "`evaluation.learning_rate` must be"),
        ("depth=4000", "`depth` must be at most 100"),
        ("augmentation=flip_colour", "Received: 'colour'.*mean 'color'"),
        ("augmentation=flip_flip", "'flip' twice"),
        ("augmentation=", "Received: ''"),
        ("dataset=", "`dataset` must be a single line.*Received: ''"),
        ("dataset=cifar\n10", "`dataset` must be a single line of UTF-8"),
        ("dataset=folder:gs://photos", "`dataset` must be a path of this mac"),
        ("dataset=folder:", "`dataset` must name a file or folder"),
    ],
)
def test_what_cannot_be_meant_is_refused(assignment, message):
    with pytest.raises(ValueError, match=message):
        config_lib.override(TM, [assignment])


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 2**63 - 1},
        {"distiller.memory_momentum": 0.999},
        {"evaluation.learning_rate": 1},
        {"augmentation": "none"},
        {"dataset": "folder:a b/c", "holdout": 0.99},
    ],
)
def test_what_can_be_meant_is_taken(changes):
    assert config_lib.replace(TM, changes)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ipc", 2.5, "`ipc` must be a whole number. Received: 2.5"),
        ("ipc", "two", "`ipc` must be a whole number. Received: 'two'"),
        ("seed", True, "`seed` must be a whole number. Received: True"),
        ("holdout", None, "`holdout` must be a number. Received: None"),
        ("dataset", 3, "`dataset` must be a text. Received: 3"),
        ("network", "mlp", "`network` is made of fields.*'mlp'"),
        ("distiller", [1], "made of fields by name. Received: "),
        ("objective", {"name": "nothing"}, "`objective.name` must be one of"),
    ],
)
def test_other_types_are_refused(name, value, message):
    values = {**config_lib.to_json(DC), name: value}
    with pytest.raises(ValueError, match=message):
        config_lib.from_json(values)


def test_types_of_what_python_makes_are_checked_too():
    with pytest.raises(TypeError, match="`ipc` must be a whole number"):
        dataclasses.replace(DC, ipc=2.5)
    with pytest.raises(TypeError, match="`network` must be a `Settings`"):
        dataclasses.replace(DC, network="mlp")
    with pytest.raises(TypeError, match="`width` must be a number.*'9'"):
        dataclasses.replace(DC.network, width="9")
    odd = dataclasses.replace(DC.network, width=9.5)
    with pytest.raises(TypeError, match="`width` must be a whole number"):
        dataclasses.replace(DC, network=odd)


def test_a_missing_field_is_named():
    values = config_lib.to_json(DC)
    del values["ipc"]
    with pytest.raises(ValueError, match="Config needs `ipc`"):
        config_lib.from_json(values)
