import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets
from fred_tf.distillation import outliers
from fred_tf.distillation.distiller import Distiller
from fred_tf.experts.store import ExpertStore
from trainers import train_experts

OBJECTIVES = ("dm", "tm")


def begun(settings, digits, experts=None, strategy=None, jit=False):
    distiller = assembly.distiller(settings, digits, experts, strategy, jit)
    distiller.adapt(digits.normalized_train, digits.train.labels)
    return distiller


@pytest.fixture
def make(request, digits, quick):
    """Begins a quick distiller, by its objective and what is changed."""

    def make(name="dm", strategy=None, **changes) -> Distiller:
        if name == "tm":
            settings = request.getfixturevalue("quick_tm")
            experts = request.getfixturevalue("quick_experts")
        else:
            # As in the settings of "tm": the usual step is too long, too.
            step = {"distiller.memory_learning_rate": 1000.0}
            settings, experts = config.replace(quick, step), None
        changed = config.replace(settings, changes)
        return begun(changed, digits, experts, strategy)

    return make


def memory_of(distiller) -> np.ndarray:
    return distiller.parameterization.trainable_variables[0].numpy()


def two_cpus() -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_lowers_its_loss(name, make):
    distiller = make(name)
    losses = [distiller()["loss"] for _ in range(30)]
    assert np.mean(losses[-8:]) < np.mean(losses[:8])
    assert distiller.step == 30


TWO = {"distiller.references_per_step": 2}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_two_devices_equal_one(name, make):
    one = make(name, **TWO)
    two = make(name, two_cpus())
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


def test_averages_the_references_of_a_step(make):
    both, single = make(**TWO), make()
    numbers = tf.data.Dataset.range(2)
    stream = iter(single.objective.references(single.seed, numbers).batch(1))
    state, constants = single.tensors()
    losses = [
        float(
            single.outer_step.gradients(
                state, constants, next(stream), tf.constant(number, tf.int64)
            )[0]
        )
        for number in range(2)
    ]
    assert both()["loss"] == pytest.approx(np.mean(losses), rel=1e-4)


@pytest.mark.slow
def test_jit_lowers_the_loss(digits):
    # What keeps compilation short; siamese_test.py compiles all operations.
    changes = {"augmentation": "none", "network.depth": 1}
    preset = presets.preset("digits_ipc1_dm_tiny")
    distiller = begun(config.replace(preset, changes), digits, jit=True)
    losses = [distiller()["loss"] for _ in range(20)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


@pytest.mark.slow  # The conformance tests compile one, too.
def test_compiled_outer_step_of_trajectory_matching(digits, tmp_path):
    """Equals the uncompiled one where nothing random is drawn in it."""
    small = {"augmentation": "none", "network.depth": 1, "experts.count": 1}
    settings = config.replace(presets.preset("digits_ipc1_tm_tiny"), small)
    train_experts.run(settings, tmp_path)
    distiller = begun(settings, digits, tmp_path)
    numbers = tf.data.Dataset.range(2)
    references = next(iter(distiller.objective.references(0, numbers).batch(2)))
    arguments = (*distiller.tensors(), references, tf.constant(1, tf.int64))
    plain, compiled = (
        tf.function(distiller.outer_step, autograph=False, jit_compile=jit)
        for jit in (False, True)
    )
    # Pure: all that it reads comes in as an argument.
    assert not plain.get_concrete_function(*arguments).graph.variables
    expected, found = plain(*arguments), compiled(*arguments)
    assert found[1]["trouble"] == found[1]["skipped"] == 0
    tf.nest.map_structure(
        lambda ours, theirs: np.testing.assert_allclose(
            ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max()
        ),
        found,
        expected,
    )
    for part in ("memory", "learned"):
        before, after = (getattr(x[0], part) for x in (arguments, found))
        assert all(np.any(a != b) for a, b in zip(before, after, strict=True))


def test_student_learning_rate_is_learned_and_bounded(make):
    distiller = make("tm", **{"objective.student_learning_rate_step": 1e-2})
    before = distiller.learned()["student_learning_rate"]
    rate = distiller()["student_learning_rate"]
    assert rate != before
    assert distiller.learned() == {"student_learning_rate": rate}
    huge = make("tm", **{"objective.student_learning_rate_step": 100.0})
    rates = [huge()["student_learning_rate"] for _ in range(4)]
    assert min(rates) >= 1e-3 * (1 - 1e-6)


@pytest.mark.parametrize(
    ("step", "there", "begun"),
    [(1e-2, 0.5, 0.5), (1e-2, 1e-9, 1e-3), (0.0, 0.5, 0.01)],
)
def test_a_start_brings_a_rate_that_is_learned(make, step, there, begun):
    """Within its bound; one that no step moves is the settings' own."""
    distiller = make(
        "tm",
        **{
            "objective.student_learning_rate": 0.01,
            "objective.student_learning_rate_step": step,
        },
    )
    weights = distiller.parameterization.get_weights()
    distiller.start_from(weights, {"student_learning_rate": there, "x": 1.0})
    assert distiller.learned() == {
        "student_learning_rate": pytest.approx(begun)
    }


def poisoned(references, *numbers):
    """Returns references of which some are not numbers."""

    def stream(seed, all_numbers):
        pairs = tf.data.Dataset.zip(all_numbers, references(seed, all_numbers))
        return pairs.map(
            lambda number, reference: {
                "images": reference["images"]
                * tf.where(
                    tf.reduce_any(number == tf.constant(numbers, tf.int64)),
                    float("nan"),
                    1.0,
                )
            }
        )

    return stream


def test_a_step_that_is_not_finite_is_skipped(make):
    distiller = make()
    objective = distiller.objective
    objective.references = poisoned(objective.references, 1)
    distiller()
    before = memory_of(distiller)
    scalars = distiller()
    assert np.isnan(scalars["loss"])
    assert scalars["skipped"] == 1 and scalars["trouble"] == 0
    np.testing.assert_array_equal(memory_of(distiller), before)
    assert distiller.step == 2
    distiller()
    assert np.any(memory_of(distiller) != before)


def test_a_measured_step_that_is_not_finite_is_none_of_the_run(make):
    distiller = make(
        **{
            "distiller.outlier_factor": 0.0,
            "distiller.memory_learning_rate": 0.0,
            "distiller.memory_share": 0.1,
        }
    )
    objective = distiller.objective
    objective.references = poisoned(objective.references, -1)
    assert distiller()["trouble"] == 0
    assert distiller.step == 1


def test_where_none_is_skipped_it_is_not_counted(make):
    distiller = make(**{"distiller.outlier_factor": 0.0})
    objective = distiller.objective
    objective.references = poisoned(objective.references, 1)
    distiller()
    before = memory_of(distiller)
    assert distiller()["trouble"] == outliers.NOT_FINITE
    np.testing.assert_array_equal(memory_of(distiller), before)
    assert distiller.step == 1


def test_refuses_references_that_do_not_divide(make):
    with pytest.raises(
        ValueError, match=r"references_per_step` .*replicas \(2\).*Received: 3"
    ):
        make("dm", two_cpus(), **{"distiller.references_per_step": 3})


@pytest.mark.parametrize(
    ("devices", "each", "expected"),
    [
        (["CPU:0"], 2, {0: [[6, 7], [8, 9]]}),
        (["CPU:0", "CPU:1"], 2, {0: [[6], [8]], 1: [[7], [9]]}),
        (["CPU:0", "CPU:1"], 4, {0: [[12, 13], [16, 17]], 1: [[14, 15]]}),
    ],
)
def test_replicas_read_the_numbers_they_treat(devices, each, expected, make):
    """After three steps: numbers 3 * each and on, shared out in order."""
    strategy = tf.distribute.MirroredStrategy(devices)
    distiller = make("dm", strategy, **{"distiller.references_per_step": each})
    distiller.objective.references = lambda seed, numbers: numbers
    for replica, batches in expected.items():
        stream = distiller._references.of_replica(replica, step=3)
        found = stream.take(len(batches))
        assert [list(batch) for batch in found.as_numpy_iterator()] == batches


def test_fingerprint_tells_other_data(make):
    one, again, other = make(), make(), make(seed=1)
    assert one.fingerprint() == again.fingerprint() != other.fingerprint()


def outer_gradients(distiller) -> list[np.ndarray]:
    """Loss and gradients in the memory and the student's learning rate."""
    numbers = tf.data.Dataset.range(1)
    references = distiller.objective.references(0, numbers).batch(1)
    compute = tf.function(distiller.outer_step.gradients, autograph=False)
    loss, gradients = compute(
        *distiller.tensors(), next(iter(references)), tf.constant(0, tf.int64)
    )
    return [np.array(x) for x in (loss, *gradients.memory, *gradients.learned)]


@pytest.mark.slow  # Students are unrolled in `tests/objectives`, too.
def test_adjoint_equals_unroll_in_the_memory(digits, expert_dir):
    """In float32, with minibatches, augmentation and chunks."""
    found = []
    for memory, chunk in (("store", 0), ("recompute", 4)):
        changes = {
            "objective.student_batch": 8,
            "objective.student_steps": 3,
            "objective.student_memory": memory,
            "objective.student_chunk": chunk,
        }
        preset = presets.preset("digits_ipc1_tm_tiny")
        settings = config.replace(preset, changes)
        found.append(outer_gradients(begun(settings, digits, expert_dir)))
    for stored, recomputed in zip(*found, strict=True):
        size = np.linalg.norm(stored)
        assert size > 0
        assert np.linalg.norm(stored - recomputed) < 1e-4 * size


def test_only_what_the_student_sees_is_decoded(make):
    changes = {"objective.student_batch": 3, "objective.student_steps": 2}
    gradient = outer_gradients(make("tm", **changes))[1]
    moved = np.abs(gradient).max(axis=(1, 2)) > 0
    assert len(moved) == 20
    assert moved.sum() == 6


def test_segments_are_read_ahead_and_beside_the_step(
    digits, quick_tm, quick_experts, monkeypatch
):
    """Two steps' segments, on another thread; all checksums before."""
    seen = []

    def watched(name):
        original = getattr(ExpertStore, name)

        def call(self, *arguments):
            seen.append((name, threading.get_ident()))
            return original(self, *arguments)

        monkeypatch.setattr(ExpertStore, name, call)

    def counted(wanted):
        return sum(name == wanted for name, _ in seen)

    watched("segment")
    watched("load")
    distiller = assembly.distiller(quick_tm, digits, str(quick_experts))
    assert seen == [("load", threading.get_ident())] * 2
    distiller._references.next(0)
    deadline = time.monotonic() + 60
    while counted("segment") < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert counted("load") == len(distiller.objective.source) == 2
    assert threading.get_ident() not in {thread for _, thread in seen[2:]}


def test_keeps_the_average_of_its_memory(make):
    plain, averaging = make(), make(**{"distiller.memory_average": 0.3})
    expected = memory_of(plain)
    for step in range(5):
        assert averaging() == plain()
        kept = min(0.3, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * memory_of(plain)
    np.testing.assert_array_equal(memory_of(averaging), memory_of(plain))
    values, table = averaging.distilled.get_weights()
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(table, plain.parameterization.table.numpy())
    assert plain.distilled is plain.parameterization
