"""The unrolled student against central differences, the others against it."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.objectives import student
from fred_tf.objectives.student import Student
from fred_tf.training.network_training import cross_entropy

LABELS = tf.zeros([4], tf.int32)


def toy_batch(images, labels, position):
    """All images, scaled differently at each position."""
    scale = 1 + 0.1 * tf.cast(position, images.dtype)
    return images * scale, labels


def toy_loss(theta, images, labels):
    """The logistic loss of two parameters."""
    x = images[:, 0, 0]
    return tf.reduce_mean(tf.nn.softplus(-tf.linalg.matvec(x, theta)))


def toy_inputs(generator):
    return (
        tf.constant([0.3, -0.2], tf.float64),
        tf.constant(0.7, tf.float64),
        tf.constant(generator.normal(size=(4, 1, 1, 2))),
    )


def loss_of(roll, steps, chunks=1):
    toy = Student(toy_batch, toy_loss, steps, chunks)

    def loss(theta, learning_rate, images):
        end = roll(toy, theta, learning_rate, images, LABELS)
        return tf.reduce_sum(tf.sin(end) * [1.0, 2.0])

    return loss


def gradients(loss, inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = loss(*inputs)
    return tape.gradient(value, inputs)


def numpy_slope(theta, images, position):
    """The gradient of `toy_loss`, by hand."""
    x = images.numpy()[:, 0, 0] * (1 + 0.1 * position)
    slope = -1 / (1 + np.exp(x @ theta))
    return (slope[:, None] * x).mean(0)


@pytest.mark.parametrize("chunks", [1, 2])
@pytest.mark.parametrize("memory", student.STUDENT_MEMORY)
def test_two_parameter_student_by_hand(generator, memory, chunks):
    theta, rate, images = toy_inputs(generator)
    expected = theta.numpy()
    for position in range(3):
        expected = expected - 0.7 * numpy_slope(expected, images, position)
    roll = student.STUDENT_MEMORY[memory]
    end = roll(
        Student(toy_batch, toy_loss, 3, chunks), theta, rate, images, LABELS
    )
    np.testing.assert_allclose(end, expected, rtol=1e-12)


def central_differences(function, inputs, step=1e-6):
    """Numeric gradients of a scalar `function` in each of its inputs."""
    found = []
    for position, value in enumerate(inputs):
        numeric = np.zeros(value.shape)
        for entry in np.ndindex(*value.shape):
            nudge = np.zeros(value.shape)
            nudge[entry] = step
            sides = []
            for sign in (1, -1):
                moved = list(inputs)
                moved[position] = value + sign * nudge
                sides.append(float(function(*moved)))
            numeric[entry] = (sides[0] - sides[1]) / (2 * step)
        found.append(numeric)
    return found


def test_unroll_equals_central_differences(generator):
    inputs = toy_inputs(generator)
    loss = loss_of(student.store, 4)
    numeric = central_differences(loss, inputs)
    for ours, theirs in zip(gradients(loss, inputs), numeric):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("memory", "steps"),
    [("store", 3), ("recompute", 3), ("tesla", 1)],
)
@pytest.mark.parametrize(("chunks", "compiled"), [(1, False), (2, True)])
def test_soft_labels_are_learned(generator, memory, steps, chunks, compiled):
    """They are only in what a gradient of the student's loss is made of."""
    theta, rate, images = toy_inputs(generator)
    labels = tf.nn.softmax(tf.constant(generator.normal(size=(4, 2))))

    def toy_loss(theta, images, labels):
        x = images[:, 0, 0]
        logits = tf.stack([x[:, 0] * theta[0], x[:, 1] * theta[1]], axis=-1)
        return tf.reduce_mean(cross_entropy(labels, logits))

    def loss(labels):
        toy = Student(toy_batch, toy_loss, steps, chunks)
        roll = student.STUDENT_MEMORY[memory]
        return tf.reduce_sum(tf.sin(roll(toy, theta, rate, images, labels)))

    slope = tf.function(
        lambda labels: gradients(loss, [labels]), jit_compile=compiled
    )
    (numeric,) = central_differences(loss, [labels])
    assert np.abs(numeric).max() > 0.01
    np.testing.assert_allclose(slope(labels)[0], numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("chunks", [1, 4])
@pytest.mark.parametrize("compiled", [False, True])
def test_adjoint_equals_unroll(generator, steps, chunks, compiled):
    inputs = toy_inputs(generator)
    expected = gradients(loss_of(student.store, steps), inputs)
    adjoint = loss_of(student.recompute, steps, chunks)
    function = tf.function(
        lambda *inputs: gradients(adjoint, inputs), jit_compile=compiled
    )
    for ours, theirs in zip(function(*inputs), expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-14)


def test_tesla_is_exact_for_one_step(generator):
    inputs = toy_inputs(generator)
    tesla = student.STUDENT_MEMORY["tesla"]
    expected = gradients(loss_of(student.store, 1), inputs)[1:]
    found = gradients(loss_of(tesla, 1), inputs)[1:]
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_tesla_treats_the_visited_parameters_as_constants(generator):
    """The definition of Cui et al. 2023, by central differences."""
    theta, rate, images = toy_inputs(generator)
    path = [theta.numpy()]
    for position in range(3):
        slope = numpy_slope(path[-1], images, position)
        path.append(path[-1] - 0.7 * slope)

    def end(rate, images):
        images = tf.constant(images)
        slopes = [numpy_slope(path[i], images, i) for i in range(3)]
        return path[0] - rate * np.sum(slopes, axis=0)

    def loss(rate, images):
        return np.sin(end(rate, images)) @ [1.0, 2.0]

    numeric = central_differences(loss, (rate.numpy(), images.numpy()))
    tesla = loss_of(student.STUDENT_MEMORY["tesla"], 3)
    found = gradients(tesla, (theta, rate, images))[1:]
    exact = gradients(loss_of(student.store, 3), (theta, rate, images))[1:]
    for ours, theirs, true in zip(found, numeric, exact):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
        assert np.abs(ours - true).max() > 1e-3 * np.abs(true).max()


@pytest.mark.parametrize(
    ("batch", "chunk", "chunks"), [(0, 0, 1), (40, 0, 1), (0, 32, 5), (8, 9, 1)]
)
def test_chunks(batch, chunk, chunks):
    assert student.chunks_of(160, batch, chunk) == chunks


def test_refuses_chunks_that_do_not_divide():
    with pytest.raises(ValueError, match=r"\(160\).*48. The .* divisor is 40"):
        student.chunks_of(160, 0, 48)


def test_graph_of_the_unroll_grows_and_of_the_adjoint_does_not(generator):
    inputs = toy_inputs(generator)

    def operations(memory, steps):
        loss = loss_of(student.STUDENT_MEMORY[memory], steps)
        function = tf.function(functools.partial(gradients, loss))
        graph = function.get_concrete_function(inputs).graph
        return len(graph.get_operations())

    assert operations("store", 8) > 1.5 * operations("store", 4)
    assert operations("recompute", 8) == operations("recompute", 4)


def test_tesla_takes_no_products_with_hessians(generator):
    """Neither in the graph of a whole minibatch nor in that of its parts."""
    inputs = toy_inputs(generator)

    def products(memory, chunks):
        loss = loss_of(student.STUDENT_MEMORY[memory], 3, chunks)
        function = tf.function(functools.partial(gradients, loss))
        library = function.get_concrete_function(inputs).graph.as_graph_def()
        nodes = [n for f in library.library.function for n in f.node_def]
        return sum("MatMul" in node.op for node in nodes)

    for chunks in (1, 2):
        assert products("tesla", chunks) < products("recompute", chunks)
