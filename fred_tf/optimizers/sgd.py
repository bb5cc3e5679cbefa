"""Stochastic gradient descent as a pure function, PyTorch's recursion.

    v <- momentum * v + (g + weight_decay * p)
    p <- p - learning_rate * v

Weight decay is an L2 term in the gradient of every parameter, biases and norms
included, and the learning rate is applied outside the velocity: the protocols
of this field were tuned with both conventions, and Keras optimizers follow
neither.
"""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from fred_tf.optimizers.optimizer import Optimizer, Tensors


@dataclasses.dataclass(frozen=True)
class SGD(Optimizer):
    """The recursion above; its slots are the velocities.

    Attributes:
        momentum: in [0, 1).
        weight_decay: L2 coefficient, not negative.
    """

    gain_power = 1.0  # A step is a gradient, whose unit is one over it.
    momentum: float = 0.0
    weight_decay: float = 0.0

    def start(self, parameters):
        return [zero_velocities(parameters)]

    def step(self, parameters, slots, gradients, rate):
        parameters, velocities = sgd_step(
            parameters,
            slots[0],
            gradients,
            [rate] * len(parameters),
            self.momentum,
            self.weight_decay,
        )
        return parameters, [velocities]


def zero_velocities(parameters: Sequence[tf.Tensor]) -> Tensors:
    """Returns the velocities before the first step."""
    return [tf.zeros_like(p) for p in parameters]


def sgd_step(
    parameters: Sequence[tf.Tensor],
    velocities: Sequence[tf.Tensor],
    gradients: Sequence[tf.Tensor],
    learning_rates: Sequence[tf.Tensor | float],
    momentum: tf.Tensor | float = 0.0,
    weight_decay: tf.Tensor | float = 0.0,
) -> tuple[Tensors, Tensors]:
    """Returns parameters and velocities after one step.

    Args:
        parameters, velocities, gradients: equally long lists of tensors with
            matching shapes.
        learning_rates: one step size per parameter.
        momentum: in [0, 1).
        weight_decay: L2 coefficient, not negative.
    """
    velocities = [
        momentum * v + (g + weight_decay * p)
        for p, v, g in zip(parameters, velocities, gradients)
    ]
    parameters = [
        p - rate * v
        for p, v, rate in zip(parameters, velocities, learning_rates)
    ]
    return parameters, velocities
