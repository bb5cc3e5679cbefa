"""Times two ways to the products that the adjoint of a student step needs.

    python -m benchmarks.hessian_product

For a direction v, a step back needs the Hessian product H v in the parameters
and (dg/dX)^T v in the images, with g the gradient of the loss. Both are the
derivative of <g, v>:

reverse over reverse   differentiates g = dl/dtheta once more, backwards;
forward over reverse   carries the tangent v through loss and gradients.

Both take eight convolutions a hidden layer. The step is CIFAR-10's, 32 images
in ConvNet-D3-128. Prints medians of calls in turn, and the largest relative
difference from the first.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from benchmarks import side_by_side
from fred_tf import seeds
from fred_tf.networks import ConvNet, Functional

_IMAGES = 32


def main() -> None:
    network = Functional(ConvNet((32, 32, 3), 10))
    labels = tf.range(_IMAGES) % 10
    theta = network.flatten(network.initialize(seeds.named(0, "network")))
    arguments = (
        theta,
        tf.random.stateless_normal([_IMAGES, 32, 32, 3], [0, 1]),
        tf.random.stateless_normal(theta.shape, [0, 2]),
    )

    def loss(theta, images):
        logits = network.logits(network.unflatten(theta), images)
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        )

    def reverse_over_reverse(theta, images, direction):
        sources = [theta, images]
        with tf.GradientTape() as outer:
            outer.watch(sources)
            with tf.GradientTape() as inner:
                inner.watch(theta)
                value = loss(theta, images)
            slope = inner.gradient(value, theta)
        return outer.gradient(slope, sources, output_gradients=direction)

    def forward_over_reverse(theta, images, direction):
        sources = [theta, images]
        with tf.autodiff.ForwardAccumulator(theta, direction) as tangents:
            with tf.GradientTape() as tape:
                tape.watch(sources)
                value = loss(theta, images)
            slopes = tape.gradient(value, sources)
        return [tangents.jvp(slope) for slope in slopes]

    ways = (reverse_over_reverse, forward_over_reverse)
    compiled = {way.__name__: tf.function(way, autograph=False) for way in ways}
    products = {name: way(*arguments) for name, way in compiled.items()}
    expected = products["reverse_over_reverse"]
    seconds = side_by_side.medians(
        {
            name: lambda way=way: way(*arguments)[1].numpy()
            for name, way in compiled.items()
        }
    )
    fastest = min(seconds.values())
    for name, value in seconds.items():
        error = max(
            float(tf.norm(a - b) / tf.norm(b))
            for a, b in zip(products[name], expected)
        )
        print(
            f"{name:<22}{1e3 * value:8.1f} ms  {value / fastest:5.2f} x  "
            f"difference {error:.0e}"
        )


if __name__ == "__main__":
    main()
