"""What the contracts promise of members that own more than images.

A memory with learned labels, a shared part and a clamp, and an objective with a
pool of networks, a running scale, a state that follows the real data and a
learned weight (`toys.py`): all of it is
counted, resumes exactly, is equal on replicas, compiled and in exports.
"""

import numpy as np
import pytest
import tensorflow as tf

import fred_tf
from fred_tf import assembly, config, forms, presets
from fred_tf.config import replace
from fred_tf.scoring import score


@pytest.fixture(scope="module")
def whole(toy_settings, digits):
    """A run of five steps in one go, that leaves nothing on disk."""
    return fred_tf.distill(digits, toy_settings, progress=False)


def weights(run):
    return run.parameterization.get_weights()


def assert_same(one, other, **tolerance):
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 0, "atol": 0, **tolerance})


def test_everything_moves_and_is_counted(whole, toy_settings, digits):
    memory = whole.run.parameterization
    assert memory.floats_stored == 10 * 64 + 1 + 10 * 10
    assert memory.floats_stored == whole.decoded.floats_stored
    start = assembly.parameterization(toy_settings, digits.image_shape, 10)
    assembly.adapt(start, digits, toy_settings.seed)
    for before, after in zip(start.get_weights(), weights(whole.run)):
        assert np.any(before != after)
    pixels = weights(whole.run)[1]
    assert np.abs(pixels).max() <= 1
    assert whole.run.learned["temperature"] != 1


def test_a_stopped_run_ends_where_it_would_have_ended(
    whole, toy_settings, digits, tmp_path
):
    few = replace(toy_settings, {"outer_steps": 2})
    fred_tf.distill(digits, few, tmp_path, progress=False)
    again = fred_tf.distill(digits, toy_settings, tmp_path, progress=False)
    assert_same(again.run, whole.run)
    assert again.run.learned == whole.run.learned
    restored = fred_tf.DistilledRun.restore(tmp_path)
    assert_same(restored, whole.run)
    assert restored.learned == whole.run.learned
    np.testing.assert_array_equal(
        restored.synthetic_set().soft_labels, whole.decoded.soft_labels
    )


@pytest.mark.slow  # `distillation/distiller_test.py` has those that there are.
def test_two_devices_equal_one(toy_settings, digits):
    both = replace(toy_settings, {"distiller.references_per_step": 2})
    one = fred_tf.distill(digits, both, progress=False)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    two = fred_tf.distill(digits, both, strategy=strategy, progress=False)
    assert_same(one.run, two.run, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("devices", [1, 2])
def test_a_state_follows_the_first_reference(devices, toy_settings, digits):
    """That of the step, whichever replica treats it."""
    both = replace(toy_settings, {"distiller.references_per_step": 2})
    names = [f"CPU:{i}" for i in range(devices)]
    strategy = tf.distribute.MirroredStrategy(names)
    distiller = assembly.distiller(both, digits, strategy=strategy)
    distiller.adapt(digits.normalized_train, digits.train.labels)
    distiller.rate = 0.01  # Not measured.
    numbers = tf.data.Dataset.range(0, 6, 2)
    for reference in distiller.objective.references(distiller.seed, numbers):
        distiller()
        found = distiller.objective.real_mean.value
        expected = np.mean(reference["images"])
        assert abs(expected) > 1e-5
        for copy in strategy.experimental_local_results(found):
            np.testing.assert_allclose(copy, expected, atol=1e-6)


@pytest.mark.slow  # `labels_test.py` compiles one with a state.
def test_its_step_compiles_and_is_pure(toy_settings, digits):
    """As packs take it: all that it reads comes in as an argument."""
    distiller = assembly.distiller(toy_settings, digits)
    distiller.adapt(digits.normalized_train, digits.train.labels)
    distiller.rate = 0.01  # Not measured.
    numbers = tf.data.Dataset.range(1)
    references = next(iter(distiller.objective.references(0, numbers).batch(1)))
    arguments = (*distiller.tensors(), references, tf.constant(1, tf.int64))
    compiled = tf.function(
        distiller.outer_step, autograph=False, jit_compile=True
    )
    graph = compiled.get_concrete_function(*arguments).graph
    assert not graph.variables
    new, scalars = compiled(*arguments)
    assert scalars["trouble"] == scalars["skipped"] == 0
    for before, after in zip(arguments[0].objective, new.objective):
        assert np.any(before != after)


def test_labels_reach_every_form_and_the_evaluation(
    whole, toy_settings, digits, tmp_path
):
    soft = whole.decoded.soft_labels
    assert soft.shape == (10, 10)
    np.testing.assert_allclose(soft.sum(1), 1, atol=1e-6)
    for name, path in zip(
        forms.chosen((), whole.decoded, whole.run.parameterization),
        whole.export(tmp_path),
    ):
        if isinstance(forms.FORMS[name], forms.SetForm):
            read = fred_tf.DistilledSet.load(path)
            np.testing.assert_allclose(
                read.decoded.soft_labels, soft, atol=1e-6
            )
    quick = replace(
        toy_settings, {"evaluation.networks": 1, "evaluation.epochs": 20}
    )
    softly = score(quick, whole.decoded, digits)
    hard = fred_tf.SyntheticSet(**{**vars(whole.decoded), "soft_labels": None})
    assert score(quick, hard, digits).accuracies != softly.accuracies


@pytest.mark.slow  # `labels_test` has a quick one.
def test_trajectory_matching_differentiates_them(
    toy_settings, digits, expert_dir
):
    """By the adjoint and by the plain unroll alike."""
    found = {}
    for way in ("store", "recompute"):
        changed = replace(
            presets.preset("digits_ipc1_tm_tiny"),
            {
                "ipc": 2,
                "parameterization.name": "labelled",
                "objective.student_memory": way,
                "objective.student_steps": 2,
                "objective.student_batch": 6,
            },
        )
        distiller = assembly.distiller(changed, digits, expert_dir)
        distiller.adapt(digits.normalized_train, digits.train.labels)
        numbers = tf.data.Dataset.range(1)
        reference = next(
            iter(distiller.objective.references(0, numbers).batch(1))
        )
        _, gradients = tf.function(
            distiller.outer_step.gradients, autograph=False
        )(*distiller.tensors(), reference, tf.constant(0, tf.int64))
        found[way] = [part.numpy() for part in gradients.memory]
    for stored, recomputed in zip(*found.values(), strict=True):
        size = np.linalg.norm(stored)
        assert size > 0
        assert np.linalg.norm(stored - recomputed) < 1e-3 * size


def test_objectives_that_say_nothing_of_labels_refuse_them(toy_settings):
    """Before any data are read."""
    with pytest.raises(ValueError, match="learns its labels.*'fixed'. Receiv"):
        replace(
            toy_settings,
            {
                "objective.name": "distribution_matching",
                "objective.real_batch_per_class": 8,
            },
        )


def test_an_unknown_pair_begins_with_a_measured_step(toy_settings, digits):
    """Such that the images move by a stated share of their deviation."""
    from fred_tf.distillation.memory_step import SHARE

    distiller = assembly.distiller(toy_settings, digits)
    assert distiller.rate == 0
    distiller.adapt(digits.normalized_train, digits.train.labels)
    begun = distiller.tensors()
    distiller()  # Measures first.
    assert distiller.rate > 0
    state, constants = begun
    numbers = tf.data.Dataset.range(-4, 0)
    references = next(iter(distiller.objective.references(0, numbers).batch(4)))
    _, gradients = distiller.outer_step.gradients(
        state, constants, references, tf.constant(0, tf.int64)
    )
    moved = [
        m - distiller.rate * g for m, g in zip(state.memory, gradients.memory)
    ]
    before, _ = distiller.outer_step.decoded(state.memory, constants)
    after, _ = distiller.outer_step.decoded(moved, constants)
    share = np.std(after - before) / np.std(before)
    assert share == pytest.approx(SHARE, rel=0.3)
    assert config.resolved(toy_settings, (8, 8, 1)) == toy_settings
