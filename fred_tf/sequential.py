"""Loops whose turns come strictly one after the other."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def repeat(count: int, turn: Callable[..., tuple], *state: Any) -> tuple:
    """Applies `turn` some number of times, holding one turn's tensors at once.

    Args:
        count: how often, at least 1.
        turn: (number, *state) to (*state), by TensorFlow ops; `number` is an
            int32 scalar that counts from 0.
        state: nested tensors before the first turn.

    Returns:
        The state after the last turn.
    """
    if count == 1:
        return turn(tf.constant(0), *state)
    # parallel_iterations=1: by default up to ten turns, and the activations of
    # as many, are alive at once.
    _, *state = tf.while_loop(
        lambda number, *_: number < count,
        lambda number, *state: (number + 1, *turn(number, *state)),
        (tf.constant(0), *state),
        parallel_iterations=1,
        maximum_iterations=count,
    )
    return tuple(state)


def one_by_one(turn: Callable[[Any], Any], elements: Any, kinds: Any) -> Any:
    """Applies `turn` to each element, holding one turn's tensors at once.

    Args:
        turn: nested tensors to nested tensors, by TensorFlow ops.
        elements: nested tensors, stacked along a first axis.
        kinds: dtypes of what it returns, nested alike.

    Returns:
        What it returned, stacked along a first axis.
    """
    return tf.map_fn(
        turn, elements, fn_output_signature=kinds, parallel_iterations=1
    )
