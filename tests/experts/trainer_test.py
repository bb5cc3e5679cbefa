"""Which experts a process trains, and what of them it stores."""

import dataclasses

import numpy as np
import pytest

from fred_tf import assembly
from fred_tf.datasets.image_data import Split
from fred_tf.experts.store import ExpertStore


@pytest.fixture(scope="module")
def trainer(digits, quick_tm):
    """Trains for 3 epochs on few images."""
    few = Split(digits.train.images[:64], digits.train.labels[:64])
    data = dataclasses.replace(digits, train=few)
    settings = dataclasses.replace(quick_tm.experts, epochs=3, batch_size=32)
    config = dataclasses.replace(quick_tm, experts=settings)
    return assembly.expert_trainer(config, data)


def empty(trainer, path, epochs=3, dtype="float32"):
    return ExpertStore.create_or_open(
        path,
        {
            "epochs": epochs,
            "parameters": trainer.network.size,
            "dtype": dtype,
        },
    )


def content(store):
    """Returns every byte of the trajectories and of the manifest."""
    return {path.name: path.read_bytes() for path in store.path.glob("[mt]*")}


@pytest.fixture(scope="module")
def alone(trainer, tmp_path_factory):
    store = empty(trainer, tmp_path_factory.mktemp("alone"))
    trainer.train(store, 5)
    return store


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_workers_make_the_store_that_one_process_makes(
    trainer, alone, tmp_path, order
):
    trained = []

    def note(expert, epoch, score):
        if score is not None:
            trained.append(expert)

    # Both are open before any of them appends.
    stores = {index: empty(trainer, tmp_path) for index in order}
    for index in order:
        trainer.train(stores[index], 5, note, (index, 3))
    assert trained == [n for index in order for n in range(index, 5, 3)]
    assert content(stores[0]) == content(alone)
    assert len(content(alone)) == 6
    # A worker whose share is complete trains nothing.
    trainer.train(empty(trainer, tmp_path), 5, note, (1, 3))
    assert len(trained) == 5


def test_a_killed_worker_continues_with_its_next_expert(
    trainer, alone, tmp_path
):
    class Killed(BaseException):
        pass

    trained = []

    def note(expert, epoch, score):
        trained.append(expert)
        if expert == 2 and epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        trainer.train(empty(trainer, tmp_path), 5, note, (0, 2))
    assert trained == [0, 0, 0, 2, 2]
    store = empty(trainer, tmp_path)
    trainer.train(store, 5, worker=(0, 2))
    assert store.missing(range(5)) == [1, 3]
    # Someone alone does what is left.
    trainer.train(store, 5)
    assert content(store) == content(alone)


def test_the_same_expert_twice_is_refused_or_harmless(trainer, alone, tmp_path):
    first, second = empty(trainer, tmp_path), empty(trainer, tmp_path)

    def second_starts(expert, epoch, score):
        if (expert, epoch) == (0, 1):
            with pytest.raises(RuntimeError, match="in use by.*TF_CONFIG"):
                trainer.train(second, 5)
            # Another number of workers overlaps: 1 and 3 are both's.
            trainer.train(second, 5, worker=(1, 2))

    trainer.train(first, 5, second_starts)
    assert content(first) == content(alone)


def test_only_the_first_epochs_are_stored(trainer, alone, tmp_path):
    scores = []
    store = empty(trainer, tmp_path, epochs=1)
    trainer.train(store, 2, lambda *told: scores.append(told))
    for expert in range(2):
        kept = store.trajectory(expert)
        assert kept.shape == (2, trainer.network.size)
        np.testing.assert_array_equal(kept, alone.trajectory(expert)[:2])
        assert store.facts(expert) == alone.facts(expert)
    # All three epochs were trained, and the last one was scored.
    assert [told[:2] for told in scores] == [
        (expert, epoch) for expert in range(2) for epoch in (1, 2, 3)
    ]


def test_longer_experts_begin_as_shorter_ones(trainer, alone, tmp_path):
    """Why a reader need not ask how long experts were trained."""
    settings = dataclasses.replace(trainer.settings, epochs=2)
    short = dataclasses.replace(trainer, settings=settings)
    store = empty(short, tmp_path, epochs=2)
    short.train(store, 1)
    np.testing.assert_array_equal(store.trajectory(0), alone.trajectory(0)[:3])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_halves_are_roundings_of_the_same_experts(
    trainer, alone, tmp_path, dtype
):
    store = empty(trainer, tmp_path, dtype=dtype)
    trainer.train(store, 1)
    kind = store.trajectory(0).dtype
    np.testing.assert_array_equal(
        store.trajectory(0), alone.trajectory(0).astype(kind)
    )


def test_a_store_of_more_epochs_is_refused(trainer, tmp_path):
    store = empty(trainer, tmp_path, epochs=4)
    with pytest.raises(ValueError, match="4 epochs .* Received: `epochs` 3"):
        trainer.train(store, 1)
