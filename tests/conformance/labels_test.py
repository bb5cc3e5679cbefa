"""What learned labels promise, with every memory that learns them.

They move, count in the budget, resume exactly, in the middle of a pool's life
too, are equal on replicas, and come out of every form.
"""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

import fred_tf
from fred_tf import assembly, config, forms, presets
from fred_tf.parameterizations import PARAMETERIZATIONS

# What FRePo does, KIP does less of.
SLOW_KIP = [pytest.param("kip", marks=pytest.mark.slow), "frepo"]
# What makes a budget of two images hold more than one.
SMALL = {
    "frequency": ["coefficients_per_channel=16", "mask_rule=energy"],
    "idc": ["ipc=3"],
    "haba": ["hallucinators=2", "ipc=5"],
}


def settings(objective, memory="pixel", *more):
    return config.override(
        presets.preset(f"digits_ipc1_{objective}_tiny"),
        [
            "ipc=2",
            f"parameterization.name={memory}",
            "parameterization.labels=scores",
            *SMALL.get(memory, []),
            *more,
        ],
    )


def weights(distilled):
    return distilled.run.parameterization.get_weights()


def cells():
    """Both with frequencies; KIP with pixels, too, and slowly all others."""
    quick = ("kip", "frequency"), ("frepo", "frequency"), ("kip", "pixel")
    for cell in itertools.product(("kip", "frepo"), PARAMETERIZATIONS):
        slow = [] if cell in quick else [pytest.mark.slow]
        yield pytest.param(*cell, marks=slow)


@pytest.mark.parametrize(("objective", "memory"), cells())
def test_everything_moves_and_fits_the_budget(objective, memory, digits):
    changed = settings(objective, memory, "outer_steps=2")
    distiller = assembly.distiller(changed, digits)
    distiller.adapt(digits.normalized_train, digits.train.labels)
    parameterization = distiller.parameterization
    names = [w.name for w in parameterization.trainable_weights]
    assert names[0] == "label_values"
    before = parameterization.get_weights()[: len(names)]
    for _ in range(2):
        scalars = distiller()
        assert scalars["trouble"] == scalars["skipped"] == 0
    after = parameterization.get_weights()[: len(names)]
    # One bias of a hallucinator moves no image that the other does not.
    for name, old, new in zip(names, before, after):
        assert np.any(old != new), name
    allowed = 10 * changed.ipc * (64 + 10)
    assert parameterization.floats_stored <= allowed


@pytest.mark.parametrize("norm", ["none", "ortho"])
def test_a_step_of_labels_knows_no_unit_of_the_memory(norm, digits):
    """Coefficients of 8 x 8 are 16 times as long in the one as in the other."""
    changed = settings(
        "kip",
        "frequency",
        "distiller.memory_optimizer=adam",
        f"parameterization.norm={norm}",
    )
    distiller = assembly.distiller(changed, digits)
    distiller.adapt(digits.normalized_train, digits.train.labels)
    before = distiller.parameterization.label_values.numpy()
    distiller()
    moved = distiller.parameterization.label_values.numpy() - before
    np.testing.assert_allclose(np.abs(moved).max(), 0.04, 1e-3)


@pytest.fixture(
    scope="module",
    # `contracts_test` asks a pool that learns labels.
    params=["kip", pytest.param("frepo", marks=pytest.mark.slow)],
)
def whole(request, digits):
    """Five steps in one go; of FRePo beyond the life of a network."""
    changed = settings(request.param, "frequency", "outer_steps=5")
    return fred_tf.distill(digits, changed, progress=False), changed


def test_a_stopped_run_ends_where_it_would_have_ended(whole, digits, tmp_path):
    complete, changed = whole
    few = config.replace(changed, {"outer_steps": 2})
    fred_tf.distill(digits, few, tmp_path, progress=False)
    again = fred_tf.distill(digits, changed, tmp_path, progress=False)
    restored = fred_tf.DistilledRun.restore(tmp_path)
    for one, two, three in zip(
        weights(complete),
        weights(again),
        restored.parameterization.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
    read = restored.synthetic_set()
    assert read.label_kind == "scores"
    np.testing.assert_array_equal(read.soft_labels, weights(complete)[0])


@pytest.mark.slow  # `contracts_test` asks a pool that learns labels.
@pytest.mark.parametrize("objective", SLOW_KIP)
def test_two_devices_equal_one(objective, digits):
    both = settings(objective, "pixel", "references_per_step=2")
    one = fred_tf.distill(digits, both, progress=False)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    two = fred_tf.distill(digits, both, strategy=strategy, progress=False)
    for a, b in zip(weights(one), weights(two), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.slow  # `contracts_test` asks a pool that learns labels.
@pytest.mark.parametrize("objective", SLOW_KIP)
def test_a_step_compiles_and_is_pure(objective, digits):
    distiller = assembly.distiller(settings(objective), digits)
    distiller.adapt(digits.normalized_train, digits.train.labels)
    numbers = tf.data.Dataset.range(1)
    references = next(iter(distiller.objective.references(0, numbers).batch(1)))
    arguments = (*distiller.tensors(), references, tf.constant(1, tf.int64))
    compiled = tf.function(
        distiller.outer_step, autograph=False, jit_compile=True
    )
    assert not compiled.get_concrete_function(*arguments).graph.variables
    new, scalars = compiled(*arguments)
    assert scalars["trouble"] == scalars["skipped"] == 0
    assert np.any(new.memory[0] != arguments[0].memory[0])


def read_back(distilled, folder):
    """Yields the set as each form gives it back, and whether labels round."""
    written = forms.chosen(
        (), distilled.decoded, distilled.run.parameterization
    )
    paths = distilled.export(folder)
    held = [
        (forms.FORMS[name], path)
        for name, path in zip(written, paths)
        if isinstance(forms.FORMS[name], forms.SetForm)
    ]
    assert len(held) >= 8
    for form, path in held:
        yield fred_tf.DistilledSet.load(path).decoded, form.rounds_labels


def test_scores_come_out_of_every_form(whole, tmp_path):
    complete, _ = whole
    scores = complete.decoded.soft_labels
    assert np.any(scores < 0)
    for there, rounds in read_back(complete, tmp_path):
        step = np.abs(scores).max() / 127 if rounds else 0
        assert np.abs(there.soft_labels - scores).max() <= 0.501 * step
        assert there.label_kind == "scores"
        assert there.floats_stored == complete.decoded.floats_stored


def test_labels_of_experts_come_out_of_every_form(
    quick_taught, quick_experts, digits, tmp_path
):
    taught = fred_tf.distill(
        digits,
        config.replace(quick_taught, {"outer_steps": 1}),
        experts=quick_experts,
        progress=False,
    )
    answers = taught.decoded.soft_labels
    for there, rounds in read_back(taught, tmp_path):
        error = 0.04 if rounds else 1e-6
        np.testing.assert_allclose(there.soft_labels, answers, rtol=error)
        assert there.label_kind == "probabilities"


@pytest.mark.parametrize("stay", [False, True], ids=["learned", "stay"])
def test_trajectories_move_labels_unless_they_stay(
    quick_taught, quick_experts, digits, stay
):
    changes = {}
    if stay:
        changes["parameterization.label_learning_rate"] = 0.0
        changes["parameterization.labels_stay"] = True
    begun, made = (
        fred_tf.distill(
            digits,
            config.replace(quick_taught, {**changes, "outer_steps": steps}),
            experts=quick_experts,
            progress=False,
        ).run.parameterization
        for steps in (0, 1)
    )
    moved = {
        one.name: bool(np.any(one.numpy() != other.numpy()))
        for one, other in zip(begun.weights, made.weights, strict=True)
    }
    assert moved == {"label_values": not stay, "values": True, "table": False}


@pytest.mark.parametrize(
    "wrong", [{"labels": "fixed"}, {"label_learning_rate": 0.1}]
)
def test_labels_that_stay_are_of_images_and_have_no_step(wrong):
    values = {"labels": "probabilities", "labels_stay": True, **wrong}
    with pytest.raises(ValueError, match="labels_stay` is for labels of each"):
        PARAMETERIZATIONS["pixel"].Settings(**values)


@pytest.mark.parametrize("name", ["label_scale", "label_learning_rate"])
def test_what_is_of_learned_labels_needs_them(name):
    with pytest.raises(ValueError, match=f"{name}` is of labels.*2 and .*or 0"):
        PARAMETERIZATIONS["pixel"].Settings(**{name: 2.0})
    PARAMETERIZATIONS["pixel"].Settings(labels="scores", **{name: 2.0})


def test_labels_by_sgd_need_a_step_of_their_own():
    with pytest.raises(ValueError, match="label_learning_rate` 0. Give one"):
        settings("kip", "pixel", "memory_optimizer=sgd")


def test_labels_that_are_not_finite_are_refused(whole):
    decoded = whole[0].decoded
    scores = decoded.soft_labels.copy()
    scores[0, 0] = np.nan
    with pytest.raises(ValueError, match="`soft_labels` must be finite.*1 NaN"):
        dataclasses.replace(decoded, soft_labels=scores)
