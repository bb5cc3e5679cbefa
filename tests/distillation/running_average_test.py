"""The running average against its definition, and in a run."""

import numpy as np
import tensorflow as tf

from fred_tf.distillation.running_average import average_step


def test_follows_its_definition():
    rng = np.random.default_rng(0)
    values = rng.normal(size=[40, 3]).astype(np.float32)
    expected = rng.normal(size=3)
    averages = [tf.constant(expected, tf.float32)]
    for step, value in enumerate(values):
        averages = average_step(
            averages, [tf.constant(value)], tf.constant(step, tf.int64), 0.7
        )
        kept = min(0.7, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * value
        np.testing.assert_allclose(averages[0], expected, rtol=1e-5, atol=1e-6)


def test_decay_0_keeps_the_last_values():
    last = tf.constant([1.0, -2.0])
    (average,) = average_step([tf.zeros(2)], [last], tf.constant(5), 0.0)
    np.testing.assert_array_equal(average, last)
