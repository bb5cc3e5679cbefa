import numpy as np
import pytest
import tensorflow as tf

from fred_tf.augmentations.branches import one_of

BRANCHES = [
    lambda x, factor: factor * x,
    lambda x, factor: tf.reverse(x, [0]) + factor,
    lambda x, factor: tf.tanh(factor * x),
]
X = np.array([0.5, -1.0, 2.0])
MODES = {
    "eager": lambda function: function,
    "graph": tf.function,
    "xla": lambda function: tf.function(function, jit_compile=True),
}


def both(x, choice, switch):
    """Returns a value, its gradient, and the gradient of that."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = switch(choice, x)
        slope = inner.gradient(y, x, x)
    return y, slope, outer.gradient(slope, x)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("choice", range(3))
def test_it_is_a_switch(choice, mode):
    def ours(choice, x):
        return one_of(choice, BRANCHES, x, tf.constant(3.0, tf.float64))

    def branch(_, x):
        return BRANCHES[choice](x, tf.constant(3.0, tf.float64))

    x = tf.constant(X)
    function = MODES[mode](lambda x, choice: both(x, choice, ours))
    for mine, expected in zip(
        function(x, tf.constant(choice)), both(x, None, branch), strict=True
    ):
        np.testing.assert_allclose(mine, expected, rtol=1e-9)


def test_the_length_may_be_unknown():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float64)])
    def doubled(x):
        return one_of(tf.constant(0), BRANCHES, x, tf.constant(2.0, tf.float64))

    np.testing.assert_array_equal(doubled(tf.constant(X)), 2 * X)


def test_the_gradient_reads_nothing_that_a_branch_computed():
    @tf.function(jit_compile=True, autograph=False)
    def slope(x, choice):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = one_of(choice, BRANCHES, x, tf.constant(2.0, tf.float64))
        return tape.gradient(y, x)

    graph = slope.get_concrete_function(tf.constant(X), tf.constant(0)).graph
    switches = [op for op in graph.get_operations() if "Case" in op.type]
    assert [len(op.outputs) for op in switches] == [1, 1]
