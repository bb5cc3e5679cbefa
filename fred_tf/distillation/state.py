"""What a step changes, and what it follows from."""

from typing import Any, NamedTuple

import tensorflow as tf

from fred_tf.distillation import outliers
from fred_tf.optimizers.group import GroupSlots
from fred_tf.optimizers.optimizer import Tensors


class State(NamedTuple):
    """All that a step changes, and the step size that it was begun with.

    Attributes:
        memory: the trainable weights of the parameterization.
        learned: those of the objective.
        slots: what the optimiser of each group remembers, by group.
        objective: the objective's state.
        watch: what is remembered of the steps so far, see `outliers.py`.
        average: running average of the memory; empty if it is not averaged.
        rate: step size of the groups that name none, scalar.
    """

    memory: Tensors
    learned: Tensors
    slots: GroupSlots
    objective: Tensors
    watch: outliers.Watch
    average: Tensors
    rate: tf.Tensor


class Gradients(NamedTuple):
    """Of a loss, in `State.memory` and in `State.learned`."""

    memory: Tensors
    learned: Tensors


def is_finite(values: Any) -> tf.Tensor:
    """Returns whether all floating numbers of a structure are finite."""
    return tf.reduce_all(
        [
            tf.reduce_all(tf.math.is_finite(x))
            for x in tf.nest.flatten(values)
            if x.dtype.is_floating
        ]
    )


def where(condition: tf.Tensor, yes: Any, no: Any) -> Any:
    """Returns the one or the other of two structures of tensors."""
    return tf.nest.map_structure(
        lambda a, b: tf.where(condition, a, b), yes, no
    )
