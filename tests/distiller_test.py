import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets, seeds
from fred_tf.distiller import Distiller

TINY = ("digits_ipc1_dm_tiny", "digits_ipc1_tm_tiny")


def make(name, digits, expert_dir, strategy=None, **changes) -> Distiller:
    settings = config.replace(presets.preset(name), changes)
    distiller = assembly.distiller(settings, digits, expert_dir, strategy)
    assembly.adapt(distiller.parameterization, digits, settings.seed)
    return distiller


def memory_of(distiller) -> np.ndarray:
    return distiller.parameterization.trainable_variables[0].numpy()


def two_cpus() -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.mark.parametrize("name", TINY)
def test_lowers_its_loss(name, digits, expert_dir):
    distiller = make(name, digits, expert_dir)
    losses = [distiller()["loss"] for _ in range(30)]
    assert np.mean(losses[-8:]) < np.mean(losses[:8])
    assert distiller.step == 30


@pytest.mark.parametrize("name", TINY)
def test_two_devices_equal_one(name, digits, expert_dir):
    changes = {"distiller.references_per_step": 2}
    one = make(name, digits, expert_dir, **changes)
    two = make(name, digits, expert_dir, two_cpus(), **changes)
    for _ in range(3):
        first, second = one(), two()
        assert first == pytest.approx(second, rel=1e-4)
    np.testing.assert_allclose(memory_of(one), memory_of(two), rtol=1e-4)
    replicas = [
        v.numpy()
        for v in two.strategy.experimental_local_results(
            two.parameterization.trainable_variables[0].value
        )
    ]
    np.testing.assert_array_equal(*replicas)


def test_averages_the_references_of_a_step(digits, expert_dir):
    name = "digits_ipc1_dm_tiny"
    both = make(
        name, digits, expert_dir, **{"distiller.references_per_step": 2}
    )
    single = make(name, digits, expert_dir)
    stream = iter(single.objective.references(single.seed).batch(1))
    variables = [tf.identity(v) for v in single._variables]
    constants = [
        v.value for v in single.parameterization.non_trainable_variables
    ]
    losses = [
        float(
            single.gradients(
                variables,
                constants,
                next(stream),
                seeds.named(0, "outer step"),
                tf.constant(number, tf.int64),
            )[0]
        )
        for number in range(2)
    ]
    assert both()["loss"] == pytest.approx(np.mean(losses), rel=1e-4)


def test_jit_lowers_the_loss(digits, expert_dir):
    # One operation keeps compilation short; siamese_test.py compiles all.
    changes = {"distiller.jit": True, "augmentation": "crop"}
    distiller = make("digits_ipc1_dm_tiny", digits, expert_dir, **changes)
    losses = [distiller()["loss"] for _ in range(20)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_student_learning_rate_is_learned_and_bounded(digits, expert_dir):
    name = "digits_ipc1_tm_tiny"
    step = {"objective.student_learning_rate_step": 1e-2}
    distiller = make(name, digits, expert_dir, **step)
    before = distiller.learned()["student_learning_rate"]
    rate = distiller()["student_learning_rate"]
    assert rate != before
    assert distiller.learned() == {"student_learning_rate": rate}
    huge = make(
        name,
        digits,
        expert_dir,
        **{"objective.student_learning_rate_step": 1e6},
    )
    rates = [huge()["student_learning_rate"] for _ in range(4)]
    assert min(rates) >= 1e-3 * (1 - 1e-6)


def test_non_finite_step_changes_nothing(digits, expert_dir):
    distiller = make("digits_ipc1_dm_tiny", digits, expert_dir)
    distiller()
    before = memory_of(distiller)
    references = distiller.objective.references

    def poisoned(seed, first=0):
        return references(seed, first).map(
            lambda r: {"images": r["images"] * float("nan")}
        )

    distiller.objective.references = poisoned
    distiller.restored()
    scalars = distiller()
    assert scalars["finite"] == 0
    np.testing.assert_array_equal(memory_of(distiller), before)
    assert distiller.step == 1


def test_refuses_references_that_do_not_divide(digits, expert_dir):
    with pytest.raises(ValueError, match=r"replicas \(2\).*Received: 3"):
        make(
            "digits_ipc1_dm_tiny",
            digits,
            expert_dir,
            two_cpus(),
            **{"distiller.references_per_step": 3},
        )
