"""The student of trajectory matching: SGD on synthetic images, differentiable.

    theta_{i+1} = theta_i - a * g(theta_i, X_i),   i = 0 .. N - 1

with g the gradient of the mean cross-entropy on the augmented minibatch X_i.
Two ways to differentiate theta_N in theta_0, a and the images:

`store`      automatic differentiation through the unrolled steps. It keeps
             the activations of all N steps: the reference, and the choice
             where memory is plentiful.
`recompute`  the adjoint. Only the theta_i are kept; walking back from
             lambda_N = dL/dtheta_N, each step is run again and

                 lambda_i  = lambda_{i+1} - a * (dg/dtheta)^T lambda_{i+1}
                 dL/dX    += -a * (dg/dX)^T lambda_{i+1}
                 dL/da    += -<g, lambda_{i+1}>

             is one vector-Jacobian product of that step. The result is the
             same gradient to rounding, in the memory of a single step.
"""

from collections.abc import Callable

import tensorflow as tf

# (theta [P], learning rate, images [n, ...], position) -> theta [P]
StudentStep = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def store(
    step: StudentStep,
    start: tf.Tensor,
    learning_rate: tf.Tensor,
    images: tf.Tensor,
    steps: int,
) -> tf.Tensor:
    """Returns theta_N by plain unrolling.

    Args:
        step: one student step; a pure function.
        start: theta_0 `[parameters]`.
        learning_rate: scalar a.
        images: `[n, height, width, channels]`.
        steps: N, at least 1.
    """
    theta = start
    for position in range(steps):
        theta = step(theta, learning_rate, images, tf.constant(position))
    return theta


def recompute(
    step: StudentStep,
    start: tf.Tensor,
    learning_rate: tf.Tensor,
    images: tf.Tensor,
    steps: int,
) -> tf.Tensor:
    """Returns theta_N, with the adjoint as its gradient; as `store`."""

    @tf.custom_gradient
    def roll(start, learning_rate, images):
        def forward(position, theta, visited):
            visited = visited.write(position, theta)
            theta = step(theta, learning_rate, images, position)
            return position + 1, theta, visited

        # parallel_iterations=1: by default up to ten iterations, and the
        # activations of as many steps, are alive at once.
        _, end, visited = tf.while_loop(
            lambda position, *_: position < steps,
            forward,
            (
                tf.constant(0),
                start,
                tf.TensorArray(start.dtype, steps, element_shape=start.shape),
            ),
            parallel_iterations=1,
            maximum_iterations=steps,
        )
        path = visited.stack()

        def gradient(upstream):
            def backward(position, adjoint, rate_gradient, images_gradient):
                theta = path[position]
                with tf.GradientTape() as tape:
                    tape.watch([theta, learning_rate, images])
                    after = step(theta, learning_rate, images, position)
                adjoint, rate_part, images_part = tape.gradient(
                    after,
                    [theta, learning_rate, images],
                    output_gradients=adjoint,
                )
                return (
                    position - 1,
                    adjoint,
                    rate_gradient + rate_part,
                    images_gradient + tf.convert_to_tensor(images_part),
                )

            _, adjoint, rate_gradient, images_gradient = tf.while_loop(
                lambda position, *_: position >= 0,
                backward,
                (
                    tf.constant(steps - 1),
                    upstream,
                    tf.zeros_like(learning_rate),
                    tf.zeros_like(images),
                ),
                parallel_iterations=1,
                maximum_iterations=steps,
            )
            return adjoint, rate_gradient, images_gradient

        return end, gradient

    return roll(start, learning_rate, images)


STUDENT_MEMORY = {"recompute": recompute, "store": store}
