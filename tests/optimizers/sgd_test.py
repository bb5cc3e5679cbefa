import numpy as np
import pytest
import tensorflow as tf

from fred_tf.optimizers.sgd import sgd_step, zero_velocities


def test_two_steps_by_hand():
    parameters = [tf.constant(2.0)]
    velocities = zero_velocities(parameters)
    # v1 = 1 + 0.1 * 2 = 1.2, p1 = 2 - 0.5 * 1.2 = 1.4
    parameters, velocities = sgd_step(
        parameters, velocities, [tf.constant(1.0)], [0.5], 0.9, 0.1
    )
    assert float(parameters[0]) == pytest.approx(1.4)
    # v2 = 0.9 * 1.2 + (-1 + 0.1 * 1.4) = 0.22, p2 = 1.4 - 0.1 * 0.22
    parameters, velocities = sgd_step(
        parameters, velocities, [tf.constant(-1.0)], [0.1], 0.9, 0.1
    )
    assert float(velocities[0]) == pytest.approx(0.22)
    assert float(parameters[0]) == pytest.approx(1.378)


def test_each_parameter_has_its_own_learning_rate():
    parameters = [tf.ones([2]), tf.ones([3])]
    after, _ = sgd_step(
        parameters, zero_velocities(parameters), parameters, [0.0, 1.0]
    )
    np.testing.assert_array_equal(after[0], [1, 1])
    np.testing.assert_array_equal(after[1], [0, 0, 0])
