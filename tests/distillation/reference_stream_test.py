"""Numbers of references: in order, shared out over the replicas."""

import types

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, presets
from fred_tf.distillation.reference_stream import (
    ReferenceStream,
    of_first_replica,
    references_per_replica,
)


def stream(asked: int, replicas: int) -> ReferenceStream:
    """Returns a stream of the seed and the number of each reference."""
    devices = [f"CPU:{number}" for number in range(replicas)]
    numbered = types.SimpleNamespace(
        references=lambda seed, numbers: numbers.map(lambda n: (seed, n))
    )
    strategy = tf.distribute.MirroredStrategy(devices)
    return ReferenceStream(numbered, asked, 17, strategy)


def numbers_of(stream: ReferenceStream, step: int) -> list[list[int]]:
    """Returns the numbers that each replica reads in a step."""
    read = stream.next(step)
    each = stream._strategy.experimental_local_results
    assert {int(seed) for values in each(read[0]) for seed in values} == {17}
    return [[int(number) for number in values] for values in each(read[1])]


@pytest.mark.parametrize(
    ("asked", "replicas", "first", "third"),
    [
        (0, 1, [[0]], [[2]]),
        (3, 1, [[0, 1, 2]], [[6, 7, 8]]),
        (0, 2, [[0], [1]], [[4], [5]]),
        (2, 2, [[0], [1]], [[4], [5]]),
        (4, 2, [[0, 1], [2, 3]], [[8, 9], [10, 11]]),
    ],
)
def test_steps_follow_each_other(asked, replicas, first, third):
    numbered = stream(asked, replicas)
    assert numbered.per_step == replicas * numbered.per_replica
    found = [numbers_of(numbered, step) for step in range(3)]
    assert (found[0], found[2]) == (first, third)
    read = [n for step in found for replica in step for n in replica]
    assert read == list(range(3 * numbered.per_step))


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_resumed_run_goes_on_where_it_was(replicas):
    whole, resumed = stream(4, replicas), stream(4, replicas)
    expected = [numbers_of(whole, step) for step in range(5)]
    assert [numbers_of(resumed, step) for step in (3, 4)] == expected[3:]
    # As after a checkpoint of an earlier step was restored.
    assert [numbers_of(resumed, step) for step in (1, 2)] == expected[1:3]


def test_one_replica_is_read_without_the_others():
    numbered = stream(4, 2)
    batches = numbered.of_replica(1, step=3).take(2).as_numpy_iterator()
    assert [list(numbers) for _, numbers in batches] == [[14, 15], [18, 19]]


@pytest.mark.parametrize(
    ("asked", "replicas", "each"), [(0, 1, 1), (0, 4, 1), (4, 4, 1), (8, 4, 2)]
)
def test_replicas_share_alike(asked, replicas, each):
    assert references_per_replica(asked, replicas) == each


@pytest.mark.parametrize(("asked", "replicas"), [(3, 2), (1, 2), (9, 4)])
def test_what_does_not_divide_is_refused(asked, replicas):
    with pytest.raises(
        ValueError, match=rf"replicas \({replicas}\).*Received: {asked}\. Overr"
    ):
        references_per_replica(asked, replicas)


def test_a_number_always_means_the_same_reference(digits):
    """Whatever was read before it."""
    objective = assembly.objective(
        presets.preset("digits_ipc1_dm_tiny"), digits, None
    )
    numbers = tf.data.Dataset.range(3)
    in_order = list(objective.references(5, numbers))
    (alone,) = objective.references(5, numbers.skip(2))
    (other,) = objective.references(6, numbers.skip(2))
    for name, value in alone.items():
        assert tf.reduce_all(value == in_order[2][name])
        assert tf.reduce_any(value != in_order[1][name])
        assert tf.reduce_any(value != other[name])


@pytest.mark.parametrize("replicas", [1, 2])
def test_all_replicas_get_what_the_first_one_has(replicas):
    """Whatever kind of numbers, and whatever the others have."""
    devices = [f"CPU:{number}" for number in range(replicas)]
    strategy = tf.distribute.MirroredStrategy(devices)
    kinds = ("float16", "bfloat16", "float32", "float64", "uint8", "int8")
    kinds += ("int32", "int64", "bool")
    first = {kind: tf.cast([[0, 1, 100]], kind) for kind in kinds}
    first["extremes"] = tf.constant([tf.int64.min, tf.int64.max])
    other = {
        name: value / 0 if value.dtype.is_floating else ~value
        for name, value in first.items()
    }

    @tf.function(autograph=False)
    def shared():
        def replica():
            context = tf.distribute.get_replica_context()
            is_first = context.replica_id_in_sync_group == 0
            return tf.nest.map_structure(
                lambda a, b: tf.where(is_first, a, b), first, other
            )

        return of_first_replica(strategy, strategy.run(replica))

    found = shared()
    for name, expected in first.items():
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)
    assert of_first_replica(strategy, {}) == {}
