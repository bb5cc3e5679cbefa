"""What `trajectory_step.py` times and weighs, one function a side.

Each takes the number of student steps and the width of the network, and
returns a function that computes one outer gradient or step. Libraries are
imported inside, so that a process holds those of its own side only.
"""

import functools
from collections.abc import Callable

from benchmarks.twins import CLASSES, IMAGES, Call, pytorch

CHUNK = 32


def student(
    memory: str, chunk: int, steps: int, width: int, dtype: str = "float32"
) -> Call:
    """The student alone: its gradient in images and learning rate.

    Args:
        memory: one of `fred_tf.objectives.student.STUDENT_MEMORY`.
        chunk: images treated at a time, 0 for all.
        steps: student steps.
        width: channels of the network.
        dtype: of its convolutions, see `fred_tf.networks.convolve_in`.
    """
    import tensorflow as tf

    slopes, arguments = student_gradient(memory, chunk, steps, width, dtype)
    gradient = tf.function(slopes, autograph=False)
    return lambda: gradient(*arguments)[0].numpy()


def student_gradient(
    memory: str, chunk: int, steps: int, width: int, dtype: str = "float32"
) -> tuple[Callable, tuple]:
    """Returns what `student` calls, not yet traced, and its arguments.

    Args:
        memory, chunk, steps, width, dtype: see `student`.
    """
    import numpy as np
    import tensorflow as tf

    from fred_tf import seeds
    from fred_tf.augmentations import SiameseAugmentation
    from fred_tf.networks import ConvNet, Functional, convolve_in
    from fred_tf.objectives.student import STUDENT_MEMORY, Student, chunks_of

    layers = ConvNet((32, 32, 3), CLASSES, ConvNet.Settings(width=width))
    convolve_in(layers, dtype)
    network = Functional(layers)
    augmentation = SiameseAugmentation()
    start = network.flatten(network.initialize(seeds.named(0, "network")))
    generator = np.random.default_rng(0)
    images = generator.normal(size=(IMAGES, 32, 32, 3)).astype(np.float32)
    labels = tf.range(IMAGES) % CLASSES

    def gradient(images, learning_rate, seed):
        def batch(images, labels, position):
            return augmentation(images, seeds.fold(seed, position)), labels

        def loss(theta, images, labels):
            logits = network.logits(network.unflatten(theta), images)
            return tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )

        unrolled = Student(batch, loss, steps, chunks_of(IMAGES, 0, chunk))
        sources = [images, learning_rate]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            end = STUDENT_MEMORY[memory](
                unrolled, start, learning_rate, images, labels
            )
            far = tf.reduce_sum(end**2)
        return tape.gradient(far, sources)

    return gradient, (
        tf.constant(images),
        tf.constant(0.01),
        tf.constant(seeds.named(0, "step")),
    )


def distiller(chunk: int, steps: int, width: int) -> Call:
    """The whole outer step of the preset `cifar10_ipc1_tm`, on noise.

    Args:
        chunk: `student_chunk`.
        steps: student steps.
        width: channels of the network.
    """
    from benchmarks import noise
    from fred_tf import config, presets
    from fred_tf.datasets import KNOWN

    settings = config.replace(
        presets.preset("cifar10_ipc1_tm"),
        {
            "objective.student_steps": steps,
            "objective.student_chunk": chunk,
            "network.width": width,
            # All that the preset reads.
            "experts.stored_epochs": 6,
            "distiller.memory_learning_rate": 1.0,
        },
    )
    shape = KNOWN["cifar10"].image_shape
    real = noise.data("cifar10", shape, CLASSES, 50_000)
    return noise.outer_step(settings, real)


STUDENTS = {
    "store": functools.partial(student, "store", 0),
    "recompute": functools.partial(student, "recompute", 0),
    f"recompute, chunk {CHUNK}": functools.partial(student, "recompute", CHUNK),
    "tesla": functools.partial(student, "tesla", 0),
}
PYTORCH = {"pytorch unroll": pytorch}
SIDES = {
    **STUDENTS,
    "whole step": functools.partial(distiller, 0),
    f"whole step, chunk {CHUNK}": functools.partial(distiller, CHUNK),
    **PYTORCH,
}
