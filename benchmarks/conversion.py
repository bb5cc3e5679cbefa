"""Times how TensorFlow converts a student's gradient for XLA.

    python -m benchmarks.conversion

The first step of a run on an accelerator waits for it, and a pack is written by
it. The student is that of CIFAR-10 at ipc 1 (160 images, ConvNet-D3-128, full
augmentation, adjoint), the drawn operation differentiated

one_of       by `fred_tf.augmentations.branches`, which begins again from the
             images;
switch_case  by TensorFlow, which reads what the operation computed.

Nothing is compiled or run. Prints CPU seconds of tracing and of conversion, the
median of `--rounds` in turn, and the ratio.
"""

import argparse
import os
import statistics
import time
import unittest.mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from benchmarks import trajectory_sides
from fred_tf.augmentations import siamese
from fred_tf.augmentations.branches import switch

_STEPS = 3
_SIDES = {"one_of": siamese.one_of, "switch_case": switch}


def seconds(width: int) -> tuple[float, float]:
    """Returns the CPU seconds of tracing and of conversion.

    Args:
        width: channels of the network.
    """
    slopes, arguments = trajectory_sides.student_gradient(
        "recompute", 0, _STEPS, width
    )
    gradient = tf.function(slopes, jit_compile=True, autograph=False)
    begun = time.process_time()
    gradient.get_concrete_function(*arguments)
    traced = time.process_time()
    gradient.experimental_get_compiler_ir(*arguments)(stage="hlo")
    return traced - begun, time.process_time() - traced


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--width", type=int, default=128, help="channels of the network"
    )
    arguments = parser.parse_args()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in _SIDES}
    for _ in range(arguments.rounds):
        for name, side in _SIDES.items():
            with unittest.mock.patch.object(siamese, "one_of", side):
                times[name].append(seconds(arguments.width))
    medians = {
        name: [statistics.median(column) for column in zip(*rows)]
        for name, rows in times.items()
    }
    print(f"{'':12}{'tracing':>10}{'converting':>12}")
    for name, (tracing, converting) in medians.items():
        print(f"{name:12}{tracing:>8.2f} s{converting:>10.2f} s")
    ours, theirs = (sum(medians[name]) for name in _SIDES)
    print(f"one_of takes {ours / theirs:.2f} of the time of switch_case.")


if __name__ == "__main__":
    main()
