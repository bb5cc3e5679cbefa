"""Prints how far TESLA's image gradient is from the exact one.

    python -m benchmarks.tesla_error

100 real digits, ten a class, train ConvNet-D2-64 from its initial parameters
for N steps of all images without augmentation; the loss is the squared
distance to where 2 N steps on 200 other digits lead. Relative error and cosine
of the two gradients, in float32.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from fred_tf import datasets, seeds
from fred_tf.networks import ConvNet, Functional
from fred_tf.objectives.student import STUDENT_MEMORY, Student


def main() -> None:
    data = datasets.load("digits")
    network = Functional(
        ConvNet(data.image_shape, 10, ConvNet.Settings(width=64, depth=2))
    )
    start = network.flatten(network.initialize(seeds.named(0, "network")))
    images = data.normalization(data.train.images)
    labels = np.asarray(data.train.labels)
    places = np.concatenate(
        [np.flatnonzero(labels == label)[:30] for label in range(10)]
    ).reshape(10, 30)

    def student(rows: np.ndarray, steps: int):
        def loss(theta, images, labels):
            logits = network.logits(network.unflatten(theta), images)
            return tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )

        trained = Student(
            lambda images, labels, _: (images, labels), loss, steps
        )
        classes = tf.constant(labels[rows], tf.int32)
        return trained, tf.gather(images, rows), classes

    @tf.function(autograph=False)
    def gradient(memory, steps, learning_rate):
        other, *others = student(places[:, 10:].ravel(), 2 * steps)
        rate = tf.constant(learning_rate)
        target = STUDENT_MEMORY["recompute"](other, start, rate, *others)
        ours, synthetic, classes = student(places[:, :10].ravel(), steps)
        with tf.GradientTape() as tape:
            tape.watch(synthetic)
            end = STUDENT_MEMORY[memory](ours, start, rate, synthetic, classes)
            distance = tf.reduce_sum((end - target) ** 2)
        return tape.gradient(distance, synthetic)

    print("     N  learning rate  relative error  cosine")
    for learning_rate in (0.01, 0.1):
        for steps in (1, 5, 10, 20, 50):
            exact, tesla = (
                np.ravel(gradient(memory, steps, learning_rate))
                for memory in ("recompute", "tesla")
            )
            size = np.linalg.norm(exact)
            error = np.linalg.norm(tesla - exact) / size
            cosine = exact @ tesla / size / np.linalg.norm(tesla)
            print(f"{steps:6d}{learning_rate:15g}{error:16.4f}{cosine:8.4f}")


if __name__ == "__main__":
    main()
