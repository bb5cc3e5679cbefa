"""Seeds depend on what a draw is for and on nothing else."""

import hashlib
import itertools

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds


def test_a_named_seed_is_the_same_everywhere():
    # The first bytes of `printf 7/expert/3 | sha256sum`.
    digest = hashlib.sha256(b"7/expert/3").digest()[:8]
    expected = [
        int.from_bytes(digest[:4], "little", signed=True),
        int.from_bytes(digest[4:], "little", signed=True),
    ]
    seed = seeds.named(7, "expert", 3)
    assert seed.dtype == np.int32
    assert seed.tolist() == expected


def test_named_seeds_differ():
    names = itertools.product(range(50), ("expert", "batch"), range(50))
    drawn = {tuple(seeds.named(*name)) for name in names}
    assert len(drawn) == 50 * 2 * 50


def test_a_seed_takes_numpy_integers():
    assert np.array_equal(seeds.named(np.int64(7), "a"), seeds.named(7, "a"))


def test_a_named_seed_can_be_changed_by_its_owner():
    seeds.named(7)[:] = 0


def test_folded_seeds_differ_and_repeat():
    seed = seeds.named(7, "batch")
    drawn = [tuple(seeds.fold(seed, step).numpy()) for step in range(200)]
    assert len(set(drawn)) == 200
    assert drawn == [tuple(seeds.fold(seed, i).numpy()) for i in range(200)]


def test_fold_is_the_same_inside_a_function():
    seed = seeds.named(7, "batch")
    folded = tf.function(seeds.fold)(
        tf.constant(seed), tf.constant(3, tf.int64)
    )
    assert folded.dtype == tf.int32
    assert np.array_equal(folded, seeds.fold(seed, 3))


def test_folded_seeds_draw_independent_numbers():
    seed = seeds.named(7, "batch")
    draws = np.stack(
        [
            tf.random.stateless_normal([1000], seeds.fold(seed, step))
            for step in range(10)
        ]
    )
    correlations = np.corrcoef(draws)[np.triu_indices(10, 1)]
    # The deviation of a correlation of 1000 pairs is 0.032.
    assert np.abs(correlations).max() < 0.16


@pytest.mark.parametrize("seed", [0, -1, 2**63])
def test_integers_fit_numpy(seed):
    drawn = [seeds.integer(seed, "order", i) for i in range(100)]
    assert len(set(drawn)) == 100
    assert min(drawn) >= 0 and max(drawn) < 2**31
    np.random.default_rng(drawn[0])
