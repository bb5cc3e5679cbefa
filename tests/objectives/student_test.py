"""The unrolled student against central differences, the adjoint against it."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.objectives import student


def toy_step(theta, learning_rate, images, position):
    """SGD on a two-parameter logistic loss, different at each position."""
    x = images[:, 0, 0] * (1 + 0.1 * tf.cast(position, images.dtype))
    with tf.GradientTape() as tape:
        tape.watch(theta)
        loss = tf.reduce_mean(tf.nn.softplus(-tf.linalg.matvec(x, theta)))
    return theta - learning_rate * tape.gradient(loss, theta)


def toy_inputs(generator):
    return (
        tf.constant([0.3, -0.2], tf.float64),
        tf.constant(0.7, tf.float64),
        tf.constant(generator.normal(size=(4, 1, 1, 2))),
    )


def loss_of(roll, steps):
    def loss(theta, learning_rate, images):
        end = roll(toy_step, theta, learning_rate, images, steps)
        return tf.reduce_sum(tf.sin(end) * [1.0, 2.0])

    return loss


def gradients(loss, inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = loss(*inputs)
    return tape.gradient(value, inputs)


@pytest.mark.parametrize("roll", [student.store, student.recompute])
def test_two_parameter_student_by_hand(generator, roll):
    theta, rate, images = toy_inputs(generator)
    expected = theta.numpy()
    for position in range(3):
        x = images.numpy()[:, 0, 0] * (1 + 0.1 * position)
        slope = -1 / (1 + np.exp(x @ expected))
        expected = expected - 0.7 * (slope[:, None] * x).mean(0)
    end = roll(toy_step, theta, rate, images, 3)
    np.testing.assert_allclose(end, expected, rtol=1e-12)


def test_unroll_equals_central_differences(generator):
    inputs = toy_inputs(generator)
    loss = loss_of(student.store, 4)
    step = 1e-6
    for position, gradient in enumerate(gradients(loss, inputs)):
        flat = np.ravel(gradient)
        for entry in range(flat.size):
            nudge = np.zeros(flat.size)
            nudge[entry] = step
            nudge = nudge.reshape(inputs[position].shape)
            sides = []
            for sign in (1, -1):
                moved = list(inputs)
                moved[position] = inputs[position] + sign * nudge
                sides.append(float(loss(*moved)))
            numeric = (sides[0] - sides[1]) / (2 * step)
            assert flat[entry] == pytest.approx(numeric, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("compiled", [False, True])
def test_adjoint_equals_unroll(generator, steps, compiled):
    inputs = toy_inputs(generator)
    expected = gradients(loss_of(student.store, steps), inputs)
    adjoint = loss_of(student.recompute, steps)
    function = tf.function(
        lambda *inputs: gradients(adjoint, inputs), jit_compile=compiled
    )
    for ours, theirs in zip(function(*inputs), expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-14)
