import json

import pytest

from fred_tf import config as config_lib
from fred_tf import presets

DM, TM = presets.preset("cifar10_ipc1_dm"), presets.preset("cifar10_ipc1_tm")


@pytest.mark.parametrize("name", presets.names())
def test_json_round_trip(name):
    settings = presets.preset(name)
    values = json.loads(json.dumps(config_lib.to_json(settings)))
    assert config_lib.from_json(values) == settings


def test_overrides_by_dotted_and_bare_names():
    changed = config_lib.override(
        TM, ["objective.student_steps=7", "width=32", "jit=true", "ipc=2"]
    )
    assert changed.objective.student_steps == 7
    assert changed.network.width == 32
    assert changed.distiller.jit is True
    assert changed.ipc == 2
    assert changed.experts == TM.experts


def test_checks_run_once_after_all_overrides():
    longer = ["max_start_epoch=60", "experts.epochs=80"]
    assert config_lib.override(TM, longer).experts.epochs == 80
    with pytest.raises(ValueError, match=r"`experts.epochs` \(50\).*61"):
        config_lib.override(TM, longer[:1])


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("student_stps=3", "Did you mean 'student_steps'"),
        ("name=x", "ambiguous.*parameterization.name"),
        ("epochs=3", "ambiguous.*experts.epochs"),
        ("student_steps", "name=value. Received: 'student_steps'"),
        ("student_steps=many", "`objective.student_steps` is int.*'many'"),
        ("student_steps=0", "`student_steps`.*at least 1. Received: 0"),
        ("memory_learning_rate=nan", "`memory_learning_rate`.*nan"),
        ("memory_learning_rate=inf", "`memory_learning_rate`.*inf"),
        ("memory_learning_rate=-1", "above 0. Received: -1"),
        ("jit=perhaps", "`distiller.jit` is bool.*'perhaps'"),
        ("student_memory=recomputed", "Did you mean 'recompute'"),
        ("ipc=0", "`ipc`.*at least 1. Received: 0"),
        ("coefficients_per_channel=2000", "32 \\* 32 = 1024.*2000"),
        ("coefficients_per_channel=600", "leaves 1 instance.*at most 512"),
        ("transform=dft", r"`transform` must be one of \['dct'\]"),
    ],
)
def test_refuses_bad_overrides(assignment, message):
    with pytest.raises(ValueError, match=message):
        config_lib.override(TM, [assignment])


def test_one_whole_instance_needs_no_variance():
    changed = config_lib.override(DM, ["coefficients_per_channel=1024"])
    assert config_lib.check_budget(changed, (32, 32, 3)) == 1


def test_from_json_names_unknown_fields():
    values = config_lib.to_json(DM)
    values["network"]["widht"] = 3
    with pytest.raises(ValueError, match="widht.*Did you mean 'width'"):
        config_lib.from_json(values)
