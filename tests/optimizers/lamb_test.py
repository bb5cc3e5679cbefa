"""LAMB by hand, as FRePo steps: images are one tensor, learned labels another.

Without weight decay, epsilon outside the root, both moments unbiased, one
ratio a tensor, and a rate that falls.
"""

import numpy as np
import tensorflow as tf

from fred_tf.optimizers import LAMB

# Rate, gradient of the images, gradient of the labels.
STEPS = (
    (0.1, [[1.0], [-2.0]], [-1.0, 0.0]),
    (0.05, [[3.0], [1.0]], [-1.0, 2.0]),
)
# After each step. Step 1: Adam's direction is the gradient's sign.
#   images  |p| 5          u (1, -1)                |u| 1.414214
#   labels  |p| 0.707107   u (-1, 0)                |u| 1
# Step 2: mh = m / 0.19, vh = v / 0.001999.
#   images  m (0.39, -0.08)   v (0.009999, 0.004996)   u (0.917781, -0.266338)
#           |p| 5.094812      |u| 0.955645
#   labels  m (-0.19, 0.2)    v (0.001999, 0.004)      u (-1, 0.744137)
#           |p| 0.758756      |u| 1.246506
TRACE = (
    ([[2.646447], [4.353553]], [0.570711, -0.5]),
    ([[2.401800], [4.424549]], [0.601146, -0.522648]),
)


def test_two_steps_are_those_of_a_hand():
    optimizer = LAMB()
    parameters = [tf.constant([[3.0], [4.0]]), tf.constant([0.5, -0.5])]
    slots = optimizer.start(parameters)
    for (rate, *gradients), expected in zip(STEPS, TRACE):
        gradients = [tf.constant(gradient) for gradient in gradients]
        parameters, slots = optimizer.step(parameters, slots, gradients, rate)
        for found, wanted in zip(parameters, expected):
            np.testing.assert_allclose(found, wanted, atol=3e-6)
