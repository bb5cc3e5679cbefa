"""Says which part of a student step is convolutions, and how good these are.

    python -m benchmarks.student_floor

The step is `recompute` of `trajectory_step`: CIFAR-10 at ipc 1, 160 images,
ConvNet-D3-128. Its convolutions are timed alone, one kind of one block after
the other, in turn with the step, with the machine's own matrix products and
with a copy of the first block's activation; `convolutions.py` says how many of
a kind there are. What is left of the step is norms, activations, pooling and
augmentation. With `--bfloat16` convolutions are rounded to it, alone and in the
step, where casts to it and back count as convolutions.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
from collections.abc import Callable

import tensorflow as tf

from benchmarks import convolutions, side_by_side
from benchmarks.convolutions import Convolution
from benchmarks.trajectory_sides import student
from benchmarks.twins import IMAGES

_STEPS, _ROUNDS, _SIDE = 5, 9, 2048


def timed(of: Convolution, width: int, dtype: str) -> Callable[[], object]:
    """Returns a call that makes a convolution of noise, and waits for it."""
    size, channels = convolutions.shape(of.block, width)
    x = tf.random.stateless_normal([IMAGES, size, size, channels], [0, 0])
    kernel = tf.random.stateless_normal([3, 3, channels, width], [0, 1])
    y = tf.random.stateless_normal([IMAGES, size, size, width], [0, 2])

    def convolved():
        a, b, c = (tf.cast(value, dtype) for value in (x, kernel, y))
        how = {"strides": [1, 1, 1, 1], "padding": "SAME"}
        if of.kind == "forward":
            result = tf.nn.conv2d(a, b, **how)
        elif of.kind == "of what came in":
            result = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=x.shape, filter=b, out_backprop=c, **how
            )
        else:
            result = tf.raw_ops.Conv2DBackpropFilter(
                input=a, filter_sizes=kernel.shape, out_backprop=c, **how
            )
        return tf.cast(result, tf.float32)

    return _compiled(convolved)


def _compiled(function: Callable[[], tf.Tensor]) -> Callable[[], object]:
    graph = tf.function(function, autograph=False)
    # Small, so that no copy of the result is timed.
    return lambda: graph()[..., 0, 0].numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bfloat16", action="store_true")
    arguments = parser.parse_args()
    width = 128
    dtype = "bfloat16" if arguments.bfloat16 else "float32"
    made = list(convolutions.of_a_step(width))
    factor = tf.random.stateless_normal([_SIDE, _SIDE], [0, 0])
    large = tf.random.stateless_normal([IMAGES, 32, 32, width], [0, 1])
    sides = {
        "products": _compiled(lambda: tf.matmul(factor, factor)[None]),
        "copy": _compiled(lambda: large + 1),
        "step": student("recompute", 0, _STEPS, width, dtype),
        **{of: timed(of, width, dtype) for of in made},
    }
    seconds = side_by_side.medians(sides, _ROUNDS)
    rate = 2e-9 * _SIDE**3 / seconds["products"]
    print(f"Convolutions in {dtype}; matrix products in float32 of this")
    print(f"machine: {rate:.0f} GFLOP/s. Medians of {_ROUNDS} in turn.\n")
    print(f"{'':<26}{'times':>6}{'GFLOP':>8}{'ms':>8}{'of products':>13}")
    work = took = 0.0
    for of in made:
        name, count = f"block {of.block + 1}, {of.kind}", of.sweep + of.reverse
        _print(name, count, of.gflop, seconds[of], rate)
        work += count * of.gflop
        took += count * seconds[of]
    step = seconds["step"] / _STEPS
    _print("convolutions of a step", 1, work, took, rate)
    _print("the step", 1, work, step, rate)
    copies = (step - took) / seconds["copy"]
    print(
        f"\nConvolutions are {took / step:.0%} of the step. The rest takes as"
    )
    print(f"long as {copies:.0f} copies of the first block's activation.")


def _print(
    name: str, count: int, gflop: float, seconds: float, rate: float
) -> None:
    share = f"{gflop / seconds / rate:.0%}"
    print(f"{name:<26}{count:>6}{gflop:>8.1f}{1e3 * seconds:>8.1f}{share:>13}")


if __name__ == "__main__":
    main()
