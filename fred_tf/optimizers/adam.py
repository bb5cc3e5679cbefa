"""Adam as a pure function.

    m <- b1 m + (1 - b1) g,    v <- b2 v + (1 - b2) g^2
    p <- p - rate * mh / (sqrt(vh) + e),    mh = m / (1 - b1^t), vh likewise

at step t, counted from 1 (Kingma & Ba 2015, algorithm 1, arXiv 1412.6980).
"""

import dataclasses

import tensorflow as tf

from fred_tf.optimizers.optimizer import Optimizer, Slots, Tensors


@dataclasses.dataclass(frozen=True)
class Adam(Optimizer):
    """The recursion above; its slots are m, v and t.

    Attributes:
        beta1: b1, in [0, 1).
        beta2: b2, in [0, 1).
        epsilon: e, outside the root as in the source.
    """

    gain_power = 0.5  # A step is in the unit itself.
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def start(self, parameters):
        return [
            [tf.zeros_like(p) for p in parameters],
            [tf.zeros_like(p) for p in parameters],
            [tf.zeros([], parameters[0].dtype)],
        ]

    def step(self, parameters, slots, gradients, rate):
        directions, slots = self.directions(slots, gradients)
        moved = [p - rate * d for p, d in zip(parameters, directions)]
        return moved, slots

    def directions(
        self, slots: Slots, gradients: Tensors
    ) -> tuple[Tensors, Slots]:
        """Returns mh / (sqrt(vh) + e) of each parameter, and the slots."""
        first, second, (count,) = slots
        count = count + 1
        first = [
            self.beta1 * m + (1 - self.beta1) * g
            for m, g in zip(first, gradients)
        ]
        second = [
            self.beta2 * v + (1 - self.beta2) * g**2
            for v, g in zip(second, gradients)
        ]
        # Powers of tensors: t is one.
        of_first = 1 - tf.cast(self.beta1, count.dtype) ** count
        of_second = 1 - tf.cast(self.beta2, count.dtype) ** count
        directions = [
            (m / of_first) / (tf.sqrt(v / of_second) + self.epsilon)
            for m, v in zip(first, second)
        ]
        return directions, [first, second, [count]]
