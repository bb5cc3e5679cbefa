"""Packs a student with each layout of its norms, to time them on a GPU.

    python -m benchmarks.gpu_norm --packs=packs/norm     # TensorFlow and JAX
    python -m benchmarks.norm_passes --packs=packs/norm  # what XLA makes of it
    python packs/norm/run.py                             # where a GPU is

The student is that of CIFAR-10 at ipc 1: 160 images of noise, ConvNet-D3-128,
no augmentation; the gradient, in the images and the step size, of its distance
from a target. A pack is that as StableHLO, for each of `fred_tf.networks`'
`LAYOUTS` in `NUMBERS`, and the plain unroll (`store`) in float32 with the usual
layout, which the others are checked against. The last command needs JAX and
NumPy alone; where PyTorch is, its twin is timed, too. It takes some five
minutes of a GPU, most of them XLA's.
"""

import argparse
import json
import os
import pathlib
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from benchmarks import gpu_norm_run, twins
from fred_tf import seeds
from fred_tf.disk import files, replaceable
from fred_tf.networks import LAYOUTS, ConvNet, Functional, convolve_in, lay_out
from fred_tf.objectives.student import STUDENT_MEMORY, Student
from fred_tf.training.network_training import cross_entropy
from trainers.elsewhere.lowering import check_jax, lower

# What is multiplied: the convolutions' setting, and whether GPUs may round
# float32 to TF32.
NUMBERS = {
    "float32": ("float32", False),
    "tf32": ("float32", True),
    "bfloat16": ("bfloat16", True),
}
_OWN = ("*.jax", "run.py", "twins.py", gpu_norm_run.ABOUT, gpu_norm_run.INPUTS)


def network(width: int, layout: str, numbers: str) -> Functional:
    """Returns the student's network; `numbers` is one of `NUMBERS`."""
    layers = ConvNet((32, 32, 3), twins.CLASSES, ConvNet.Settings(width=width))
    convolve_in(layers, NUMBERS[numbers][0])
    lay_out(layers, layout)
    return Functional(layers)


def gradient(student: Functional, memory: str, steps: int, images: int):
    """Returns the function that is packed.

    Args:
        student: the network.
        memory: one of `STUDENT_MEMORY`.
        steps: student steps.
        images: how many there are.

    Returns:
        (images `[n, 32, 32, 3]`, step size, parameters to start with, and those
        to end with) to the gradients in the first two.
    """
    labels = tf.range(images) % twins.CLASSES

    def loss(theta, x, labels):
        logits = student.logits(student.unflatten(theta), x)
        return tf.reduce_mean(cross_entropy(labels, logits))

    unrolled = Student(lambda x, y, position: (x, y), loss, steps)

    def slopes(x, rate, start, target):
        with tf.GradientTape() as tape:
            tape.watch([x, rate])
            end = STUDENT_MEMORY[memory](unrolled, start, rate, x, labels)
            far = tf.reduce_sum((end - target) ** 2)
            far /= tf.reduce_sum((start - target) ** 2)
        return tape.gradient(far, [x, rate])

    return slopes


def pack(folder: files.Path, steps: int, width: int, images: int) -> None:
    """Writes all packs, with the program that times them.

    Args:
        folder: where they go; earlier packs of this kind are replaced.
        steps: student steps.
        width: channels of the network.
        images: those of a step.

    Raises:
        ImportError: JAX is not installed.
        FileExistsError: the folder holds something else.
    """
    check_jax()
    folder = pathlib.Path(folder)
    replaceable.check(folder, gpu_norm_run.ABOUT, own=_OWN)
    inputs = _inputs(width, images)
    sides = [(gpu_norm_run.REFERENCE, "store", "windows", "float32")]
    sides += [
        (f"{layout} {numbers}", "recompute", layout, numbers)
        for numbers in NUMBERS
        for layout in LAYOUTS
    ]
    may_round = tf.config.experimental.tensor_float_32_execution_enabled()
    with files.replacing_folder(folder) as temporary:
        for name, memory, layout, numbers in sides:
            # What XLA may round is written into a pack.
            tf.config.experimental.enable_tensor_float_32_execution(
                NUMBERS[numbers][1]
            )
            student = network(width, layout, numbers)
            function = gradient(student, memory, steps, images)
            lower(function, inputs, temporary / gpu_norm_run.file_of(name))
            print(name, flush=True)
        np.savez(
            temporary / gpu_norm_run.INPUTS,
            **{str(i): value for i, value in enumerate(inputs)},
        )
        about = {"steps": steps, "width": width, "images": images}
        about["packs"] = [name for name, *_ in sides]
        text = json.dumps(about, indent=1)
        (temporary / gpu_norm_run.ABOUT).write_text(text, encoding="utf-8")
        shutil.copyfile(gpu_norm_run.__file__, temporary / "run.py")
        shutil.copyfile(twins.__file__, temporary / "twins.py")
    tf.config.experimental.enable_tensor_float_32_execution(may_round)


def _inputs(width: int, images: int) -> list[np.ndarray]:
    """Returns noise to learn from, a step size, and two networks."""
    student = network(width, "windows", "float32")
    start = student.flatten(student.initialize(seeds.named(0, "network")))
    generator = np.random.default_rng(0)
    x = generator.normal(size=(images, 32, 32, 3)).astype(np.float32)
    away = generator.normal(size=start.shape).astype(np.float32)
    return [x, np.float32(0.01), start.numpy(), start.numpy() + 0.01 * away]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--packs", required=True, help="Folder to write.")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--images", type=int, default=twins.IMAGES)
    flags = parser.parse_args()
    pack(flags.packs, flags.steps, flags.width, flags.images)


if __name__ == "__main__":
    main()
