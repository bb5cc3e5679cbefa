import functools

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.experts.store import ExpertStore
from fred_tf.networks import ConvNet, Functional
from fred_tf.objectives import TrajectoryMatching
from fred_tf.parameterizations import Frequency
from tests.lowering import lowered

LABELS = tf.constant(np.repeat(np.arange(4), 2), tf.int32)


def make_network(**changes):
    arguments = {"width": 3, "depth": 1, **changes}
    dtype = arguments.pop("dtype", "float64")
    return Functional(
        ConvNet((4, 4, 1), 4, ConvNet.Settings(**arguments), dtype=dtype)
    )


@pytest.fixture
def experts(tmp_path, generator):
    size = make_network().size
    store = ExpertStore.create_or_open(
        tmp_path / "experts",
        {"epochs": 5, "parameters": size, "dtype": "float32"},
    )
    for _ in range(3):
        walk = generator.normal(0, 0.2, size=(6, size)).cumsum(0)
        store.append(walk.astype(np.float32), {})
    return store


@pytest.fixture
def reference(experts):
    start, target = experts.segment(0, 1, 2)
    return {
        "start": tf.constant(start, tf.float64),
        "target": tf.constant(target, tf.float64),
    }


@pytest.fixture
def images(generator):
    return tf.constant(generator.normal(size=(8, 4, 4, 1)))


def make(
    experts,
    network=None,
    augmentation=None,
    dtype="float64",
    **changes,
):
    settings = {
        "student_steps": 3,
        "expert_epochs": 2,
        "max_start_epoch": 3,
        **changes,
    }
    return TrajectoryMatching(
        network or make_network(),
        augmentation or SiameseAugmentation(),
        experts,
        TrajectoryMatching.Settings(**settings),
        dtype=dtype,
    )


SEED = seeds.named(0, "test")


def test_loss_is_one_where_the_student_stands_still(experts, images, reference):
    objective = make(experts)
    objective.student_learning_rate.assign(0.0)
    loss = objective(images, LABELS, reference, SEED)
    assert float(loss) == pytest.approx(1)


def test_loss_of_one_step_by_hand(experts, images, reference):
    objective = make(
        experts, student_steps=1, augmentation=SiameseAugmentation("none")
    )
    network = objective.network
    parameters = network.unflatten(reference["start"])
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        probability = tf.nn.softmax(network.logits(parameters, images))
        picked = tf.gather(probability, LABELS, batch_dims=1)
        loss = -tf.reduce_mean(tf.math.log(picked))
    gradient = network.flatten(tape.gradient(loss, parameters)).numpy()
    start, target = (reference[n].numpy() for n in ("start", "target"))
    end = start - 0.01 * gradient
    expected = ((end - target) ** 2).sum() / ((start - target) ** 2).sum()
    loss = float(objective(images, LABELS, reference, SEED))
    assert loss == pytest.approx(expected, rel=1e-6)


def test_start_epochs_grow(experts):
    """Easy ones first: a third of the references each, in whole epochs."""
    objective = make(experts, start_epochs_grow_over=90)
    starts = [experts.segment(i, t, 2)[0] for t in range(3) for i in range(3)]
    numbers = tf.data.Dataset.range(-5, 120)
    seen = [
        min(
            number // 3
            for number, start in enumerate(starts)
            if np.array_equal(start, reference["start"])
        )
        for reference in objective.references(0, numbers)
    ]
    assert set(seen[:35]) == {0} and set(seen[35:65]) == {0, 1}
    assert set(seen[65:]) == {0, 1, 2}
    assert objective._start_epochs(tf.constant(2**30)) == 3  # Not over 32 bits.


def test_health_tells_students_that_learn_from_others(experts):
    objective = make(experts)
    bound = objective.settings.minimum_student_learning_rate
    for loss, rate, good, lost in (
        (0.7, 0.02, True, False),
        (1.3, 0.02, False, False),
        (1.3, bound, False, True),
        (0.99, bound, False, True),
        (0.7, bound, True, False),
        (float("nan"), bound, False, True),
    ):
        found = objective.health(tf.constant(loss), [tf.constant(rate)])
        assert (bool(found.good), bool(found.lost)) == (good, lost)
    fixed = make(experts, student_learning_rate_step=0.0)
    found = fixed.health(tf.constant(0.97), [tf.constant(bound)])
    assert not (found.good or found.lost)


def test_students_begin_at_their_bound_or_above():
    with pytest.raises(ValueError, match="0.0005 and `minimum.*Lower the"):
        TrajectoryMatching.Settings(student_learning_rate=0.0005)


def loss_and_gradients(objective, memory, reference, seed):
    """Loss, and gradients in images, memory and student learning rate."""
    sources = [memory.values.value, objective.student_learning_rate.value]
    with tf.GradientTape() as tape:
        images = memory.decode()
        loss = objective(images, LABELS, reference, seed)
    gradients = tape.gradient(loss, [images, *sources])
    return [loss, *map(tf.convert_to_tensor, gradients)]


@pytest.fixture
def make_memory(generator):
    def make_of(dtype):
        memory = Frequency(
            (4, 4, 1),
            4,
            2,
            Frequency.Settings(coefficients_per_channel=5),
            dtype=dtype,
        )
        memory.table.assign(np.tile([0, 1, 4, 5, 2], (4, 1)))
        memory.values.assign(10 * generator.normal(size=(8, 5, 1)))
        return memory

    return make_of


@pytest.mark.parametrize(
    ("dtype", "tolerance", "student_batch", "student_chunk", "strategy"),
    [
        ("float64", 1e-9, 4, 2, "flip"),
        # Between them all operations; graphs of all at once take a minute.
        *(
            pytest.param(*cell, marks=pytest.mark.slow)
            for cell in (
                ("float64", 1e-9, 0, 0, "scale"),
                ("float64", 1e-9, 4, 2, "color_cutout_rotate"),
                ("float32", 1e-4, 4, 2, "crop_flip"),
            )
        ),
    ],
)
def test_adjoint_equals_unroll_with_minibatches_and_augmentation(
    experts,
    make_memory,
    reference,
    dtype,
    tolerance,
    student_batch,
    student_chunk,
    strategy,
):
    memory = make_memory(dtype)
    reference = {k: tf.cast(v, dtype) for k, v in reference.items()}
    found = []
    for way, chunk in (("store", 0), ("recompute", student_chunk)):
        objective = make(
            experts,
            network=make_network(dtype=dtype),
            student_steps=3,
            student_batch=student_batch,
            student_chunk=chunk,
            student_learning_rate=0.1,
            student_memory=way,
            augmentation=SiameseAugmentation(strategy),
            dtype=dtype,
        )
        compute = functools.partial(loss_and_gradients, objective, memory)
        found.append(tf.function(compute)(reference, tf.constant(SEED)))
    for stored, recomputed in zip(*found):
        assert stored.dtype == recomputed.dtype == dtype
        size = np.linalg.norm(stored)
        assert size > 0
        assert np.linalg.norm(stored - recomputed) < tolerance * size


@pytest.mark.slow  # The adjoint is compared quickly above.
def test_unrolled_gradient_equals_central_differences(
    experts, images, reference
):
    objective = make(
        experts,
        student_learning_rate=0.1,
        student_memory="store",
        augmentation=SiameseAugmentation("color_scale"),
    )

    @tf.function
    def loss(images):
        return objective(images, LABELS, reference, SEED)

    with tf.GradientTape() as tape:
        tape.watch(images)
        value = loss(images)
    gradient = tape.gradient(value, images).numpy()
    step = 1e-5
    for position in [(0, 1, 2, 0), (5, 3, 0, 0), (7, 2, 2, 0)]:
        nudge = np.zeros(images.shape)
        nudge[position] = step
        numeric = (loss(images + nudge) - loss(images - nudge)) / (2 * step)
        assert gradient[position] == pytest.approx(
            float(numeric), rel=1e-4, abs=1e-9
        )


def test_xla_knows_each_of_its_operations(experts, make_memory, reference):
    objective = make(experts, augmentation=SiameseAugmentation("none"))
    compute = functools.partial(
        loss_and_gradients, objective, make_memory("float64")
    )
    program = lowered(compute, reference, tf.constant(SEED))
    gradients = "f64[8,4,4,1]{3,2,1,0}, f64[8,5,1]{2,1,0}, f64[]"
    assert f"->(f64[], {gradients})" in program


@pytest.mark.slow  # The test before shows that it can be compiled.
@pytest.mark.parametrize("student_memory", ["store", "recompute"])
def test_compiles_under_xla(experts, make_memory, reference, student_memory):
    objective = make(
        experts,
        augmentation=SiameseAugmentation("none"),
        student_memory=student_memory,
    )
    compute = functools.partial(
        loss_and_gradients, objective, make_memory("float64")
    )
    arguments = (reference, tf.constant(SEED))
    graph = tf.function(compute)(*arguments)
    compiled = tf.function(compute, jit_compile=True)(*arguments)
    for expected, found in zip(graph, compiled):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13)


def test_minibatches_partition_each_pass(experts, images):
    objective = make(experts, student_batch=3)
    tagged = tf.reshape(tf.range(8.0), [8, 1, 1, 1])
    seen = [
        np.ravel(
            objective._minibatch(tagged, LABELS, SEED, tf.constant(step))[0]
        )
        for step in range(4)
    ]
    assert len(set(np.concatenate(seen[:2]))) == 6
    assert len(set(np.concatenate(seen[2:]))) == 6
    assert not np.array_equal(seen[0], seen[2])


def test_uses_all_instances_unless_the_steps_see_fewer(experts):
    everything = make(experts, student_steps=3, student_batch=3).used(8, SEED)
    np.testing.assert_array_equal(everything, range(8))
    part = make(experts, student_steps=2, student_batch=3)
    drawn = [part.used(8, seeds.fold(SEED, k)).numpy() for k in range(20)]
    assert all(len(set(used)) == 6 for used in drawn)
    assert set(np.concatenate(drawn)) == set(range(8))


def test_references_are_segments_and_follow_their_number(experts):
    objective = make(experts)
    stream = list(objective.references(1, tf.data.Dataset.range(12)))
    chosen = tf.data.Dataset.from_tensor_slices(tf.constant([9, 4], tf.int64))
    for number, again in zip([9, 4], objective.references(1, chosen)):
        for part in ("start", "target"):
            np.testing.assert_array_equal(stream[number][part], again[part])
    known = {
        experts.trajectory(i)[t].tobytes(): (i, t)
        for i in range(3)
        for t in range(6)
    }
    found = []
    for element in stream:
        start = known[element["start"].numpy().tobytes()]
        target = known[element["target"].numpy().tobytes()]
        assert target == (start[0], start[1] + 2)
        assert start[1] < 3
        found.append(start)
    for turn in range(4):
        turn_experts = {i for i, _ in found[3 * turn : 3 * turn + 3]}
        assert turn_experts == {0, 1, 2}
    assert len({t for _, t in found}) > 1


def test_learning_rate_has_a_lower_bound(experts):
    objective = make(experts, minimum_student_learning_rate=0.001)
    (rate,) = objective.constrain([tf.constant(-3.0)])
    assert float(rate) == pytest.approx(0.001)
    (rate,) = objective.constrain([tf.constant(0.5)])
    assert float(rate) == 0.5


def test_flat_expert_gives_a_finite_loss(experts, images, reference):
    flat = {"start": reference["start"], "target": reference["start"]}
    assert np.isfinite(make(experts)(images, LABELS, flat, SEED))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_start_epoch": 5}, r"\(5\). Received: 5 - 1 \+ 2 = 6"),
        ({"student_memory": "swap"}, "recompute.*'swap'"),
        ({"network": make_network(width=4)}, "Use the network"),
        ({"network": make_network(norm="batch")}, "moving statistics"),
    ],
)
def test_refuses_what_cannot_work(experts, changes, message):
    with pytest.raises(ValueError, match=message):
        make(experts, **changes)
