import numpy as np
import pytest
import tensorflow as tf

from fred_tf.coding.straight_through import straight_through


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_rounded_and_their_gradients_are_not(generator, dtype):
    values = tf.constant(generator.normal(size=(2, 50)), dtype)
    rounded = tf.round(values * 3) / 3
    with tf.GradientTape() as tape:
        tape.watch(values)
        passed = straight_through(values, rounded)
        total = tf.reduce_sum(passed**2)
    np.testing.assert_array_equal(passed, rounded)
    np.testing.assert_array_equal(tape.gradient(total, values), 2 * rounded)
