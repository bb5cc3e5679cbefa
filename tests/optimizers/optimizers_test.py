"""Each optimiser against Keras' own, and the partition into groups."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf.optimizers import LAMB, SGD, Adam, Group
from fred_tf.optimizers.group import check_groups

RATE = 0.03
PAIRS = {
    "sgd": (SGD(), lambda: keras.optimizers.SGD(RATE)),
    "adam": (Adam(), lambda: keras.optimizers.Adam(RATE, epsilon=1e-8)),
    "lamb": (LAMB(), lambda: keras.optimizers.Lamb(RATE, epsilon=1e-6)),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("jit", [False, True])
def test_moves_as_keras_does(name, jit, generator):
    ours, make_theirs = PAIRS[name]
    start = [generator.normal(size=shape) for shape in ((3, 2), (4,))]
    start = [array.astype(np.float32) for array in start]
    variables = [keras.Variable(array) for array in start]
    theirs = make_theirs()
    parameters = [tf.constant(array) for array in start]
    slots = ours.start(parameters)
    step = tf.function(ours.step, jit_compile=jit)
    for _ in range(5):
        gradients = [
            tf.constant(generator.normal(size=p.shape), tf.float32)
            for p in parameters
        ]
        parameters, slots = step(
            parameters, slots, gradients, tf.constant(RATE)
        )
        theirs.apply(gradients, variables)
    for found, expected in zip(parameters, variables):
        np.testing.assert_allclose(found, expected.numpy(), rtol=2e-4)


def test_momentum_and_decay_are_those_of_the_step(generator):
    parameter = [tf.constant([1.0, -2.0])]
    optimizer = SGD(momentum=0.5, weight_decay=0.1)
    slots = optimizer.start(parameter)
    velocity, value = np.zeros(2), np.array([1.0, -2.0])
    for _ in range(3):
        parameter, slots = optimizer.step(
            parameter, slots, [tf.constant([0.3, 0.4])], 0.2
        )
        velocity = 0.5 * velocity + np.array([0.3, 0.4]) + 0.1 * value
        value = value - 0.2 * velocity
    np.testing.assert_allclose(parameter[0], value, rtol=1e-6)


def test_a_parameter_of_zeros_moves_under_lamb():
    (moved,), _ = LAMB().step(
        [tf.zeros(2)], LAMB().start([tf.zeros(2)]), [tf.ones(2)], 0.1
    )
    np.testing.assert_allclose(moved, [-0.1, -0.1], rtol=1e-4)


def test_groups_must_hold_each_weight_once():
    first, second = keras.Variable([1.0], name="a"), keras.Variable([2.0])
    whole = [Group("memory", [first], SGD()), Group("labels", [second], Adam())]
    check_groups(whole, [first, second], "a memory")
    with pytest.raises(ValueError, match="one group.*'memory': .*'a'"):
        check_groups(whole[:1], [first, second], "a memory")
    with pytest.raises(ValueError, match="Name each once"):
        check_groups([*whole, whole[0]], [first, second], "a memory")
