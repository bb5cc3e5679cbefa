"""Where every random number comes from: one integer seed, folded per consumer.

A run has one integer seed. Each consumer folds in its own name on the host
(`named`) and then its step or position inside the graph (`fold`), so that a
draw depends on what it is for and never on what was drawn before it. That is
what makes a resumed run equal an uninterrupted one.
"""

import hashlib

import numpy as np
import tensorflow as tf


def named(seed: int, *names: str | int) -> np.ndarray:
    """Returns the stateless seed of one consumer.

    Args:
        seed: the run's integer seed.
        *names: what the draws are for, e.g. `"expert", 3`.

    Returns:
        An int32 array `[2]`, fit for every `tf.random.stateless_*` function.
        Equal arguments give equal seeds in every process and on every machine.
    """
    text = "/".join(str(part) for part in (int(seed), *names))
    digest = hashlib.sha256(text.encode()).digest()
    return np.frombuffer(digest[:8], dtype="<i4").astype(np.int32)


def fold(seed: tf.Tensor | np.ndarray, data: int | tf.Tensor) -> tf.Tensor:
    """Returns a new stateless seed for position `data` of a stream.

    Args:
        seed: int32 `[2]`.
        data: scalar integer, e.g. an outer step or a class index.

    Returns:
        int32 `[2]`.
    """
    return tf.random.experimental.stateless_fold_in(
        tf.convert_to_tensor(seed, tf.int32), tf.cast(data, tf.int32)
    )


def folds(seed: tf.Tensor, count: int, first: int = 0) -> tf.Tensor:
    """Returns the seeds of so many positions from `first` on, `[count, 2]`."""
    return tf.stack([fold(seed, first + i) for i in range(count)])


def integer(seed: int, *names: str | int) -> int:
    """Returns `named` as one non-negative integer below 2**31, for NumPy."""
    return int(named(seed, *names)[0]) & 0x7FFFFFFF


def permutation(
    seed: tf.Tensor | np.ndarray, count: int | tf.Tensor
) -> tf.Tensor:
    """Returns the numbers below `count` in any order, all equally likely.

    `index_shuffle` would need no sorting, but its permutations are too few to
    be uniform over small sets.

    Args:
        seed: int32 `[2]`.
        count: how many.

    Returns:
        int32 `[count]`.
    """
    return tf.argsort(tf.random.stateless_uniform([count], seed))
