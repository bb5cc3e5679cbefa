import pytest

from fred_tf import config as config_lib
from fred_tf import presets
from fred_tf.distillation.distiller_settings import DistillerSettings

TM = presets.preset("cifar10_ipc1_tm")


def test_overrides_by_dotted_and_bare_names():
    changed = config_lib.override(
        TM, ["objective.student_steps=7", "width=32", "ipc=2"]
    )
    assert changed.objective.student_steps == 7
    assert changed.network.width == 32
    assert changed.ipc == 2
    assert changed.experts == TM.experts


def test_checks_run_once_after_all_overrides():
    longer = ["max_start_epoch=60", "experts.epochs=80"]
    assert config_lib.override(TM, longer).experts.epochs == 80
    with pytest.raises(ValueError, match="the 50 stored epochs.*= 61"):
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
        ("memory_learning_rate=-1", "at least 0. Received: -1"),
        ("student_memory=recomputed", "Did you mean 'recompute'"),
        ("ipc=0", "`ipc`.*at least 1. Received: 0"),
        ("coefficients_per_channel=2000", "32 \\* 32 = 1024.*2000"),
        ("coefficients_per_channel=600", "leaves 1 instance.*at most 512"),
        ("transform=dctt", "`transform` must be one of.*Did you mean 'dct'"),
        ("parameterization.name=pixels", "Did you mean 'pixel'"),
    ],
)
def test_refuses_bad_overrides(assignment, message):
    with pytest.raises(ValueError, match=message):
        config_lib.override(TM, [assignment])


def test_another_memory_has_the_usual_step_with_the_usual_momentum():
    """HaBa's is of 0.95, which moves a memory ten times as far as 0.5."""
    haba = presets.preset("mnist_ipc2_haba_cpu")
    for asked, rate, momentum in (
        ([], 3, 0.95),
        (["parameterization.name=pixel"], 0, 0.5),
        (["parameterization.name=pixel", "memory_momentum=0.9"], 0, 0.9),
        (["parameterization.name=pixel", "memory_learning_rate=9"], 9, 0.95),
    ):
        found = config_lib.override(haba, asked).distiller
        assert found.memory_learning_rate == rate
        assert found.memory_momentum == momentum
    assert DistillerSettings().memory_learning_rate == 0
    assert DistillerSettings().memory_momentum == 0.5


@pytest.mark.parametrize(
    ("asked", "rate"),
    [
        (["memory_optimizer=adam"], 0),
        (["objective.name=distribution_matching"], 0),
        (["normalization=zca", "hallucinator_learning_rate=2"], 2),
        (["normalization=zca", "memory_learning_rate=9"], 3),
        (["memory_momentum=0.5"], 3),
    ],
)
def test_hallucinators_fall_back_with_their_bases(asked, rate):
    haba = presets.preset("mnist_ipc2_haba_cpu")
    memory = config_lib.override(haba, asked).parameterization
    assert memory.hallucinator_learning_rate == rate


@pytest.mark.parametrize("optimizer", ["adam", "lamb"])
@pytest.mark.parametrize("name", ["dm", "tm", "cifar10_ipc1_tm_joint"])
def test_only_sgd_keeps_a_share(name, optimizer):
    asked = [f"memory_optimizer={optimizer}"]
    found = config_lib.override(presets.preset(name), asked).distiller
    assert (found.memory_share, found.settling_steps) == (0, 0)
    with pytest.raises(ValueError, match="Leave the share out"):
        config_lib.override(presets.preset(name), [*asked, "memory_share=0.1"])


def test_fields_are_those_of_the_member_asked_for():
    to_dm = "objective.name=distribution_matching"
    changed = config_lib.override(TM, ["real_batch_per_class=7", to_dm])
    assert changed.objective.real_batch_per_class == 7
    with pytest.raises(ValueError, match="setting of `objective.name` traj"):
        config_lib.override(TM, [to_dm, "student_steps=3"])
    with pytest.raises(ValueError, match="`parameterization.name` frequency"):
        to_pixels = "parameterization.name=pixel"
        config_lib.override(TM, [to_pixels, "budget_bytes=9000"])
