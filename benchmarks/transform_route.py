"""Basis matrices against `tf.signal`, for the inverse DCT and its gradient.

    python -m benchmarks.transform_route

prints how many times longer `route="signal"` takes than `route="matrix"`, the
default of `fred_tf.transforms.DCT`, on this machine.
"""

import tensorflow as tf

from benchmarks.side_by_side import medians
from fred_tf.transforms import DCT

SHAPES = [
    (20, 8, 8, 1),
    (160, 28, 28, 1),
    (160, 32, 32, 3),
    (2000, 32, 32, 3),
    (80, 128, 128, 3),
    (80, 16, 16, 16, 1),
]


def inverse_and_gradient(route: str, coefficients: tf.Tensor):
    """Returns a function that decodes and pulls a gradient back."""
    transform = DCT(route=route)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(coefficients)
            loss = tf.reduce_sum(transform.inverse(coefficients) ** 2)
        return tape.gradient(loss, coefficients)

    return lambda: step().numpy()


def main() -> None:
    print(f"{'shape':24} {'matrix':>10} {'signal':>10} {'ratio':>7}")
    for shape in SHAPES:
        coefficients = tf.random.stateless_normal(shape, [0, 0])
        seconds = medians(
            {
                route: inverse_and_gradient(route, coefficients)
                for route in ("matrix", "signal")
            }
        )
        matrix, signal = seconds["matrix"], seconds["signal"]
        print(
            f"{shape!s:24} {1e3 * matrix:7.2f} ms {1e3 * signal:7.2f} ms "
            f"{signal / matrix:6.1f}x"
        )


if __name__ == "__main__":
    main()
