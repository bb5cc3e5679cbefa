"""Mixes a distilled set into a few real images, as one `tf.data` pipeline.

    python -m examples.mix_with_real runs/quickstart/export/images_float32

Where labelled images are few, each batch is half real and half distilled.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from examples.distilled import Distilled, accuracy, batches, compiled, network
from fred_tf import datasets
from fred_tf.coresets import select_random


def run(
    folder: str,
    data: datasets.ImageData,
    per_class: int = 5,
    steps: int = 300,
    batch: int = 128,
) -> dict[str, float]:
    """Returns the test accuracy of real images alone and of the mixture.

    Args:
        folder: an export `images_float32`.
        data: the real data.
        per_class: real training images of each class.
        steps: training steps of each model.
        batch: images of a step.
    """
    distilled = Distilled(folder)
    chosen = select_random(data.train.labels, per_class, data.classes, seed=0)
    images = distilled.normalize(data.train.images[chosen])
    real = batches(images, data.train.labels[chosen].astype(np.int64), batch)
    made = batches(distilled.images, distilled.labels, batch)
    mixed = tf.data.Dataset.sample_from_datasets(
        [real.unbatch(), made.unbatch()], weights=[0.5, 0.5], seed=0
    ).batch(batch)
    found = {}
    for name, pipeline in (("real alone", real), ("mixed", mixed)):
        keras.utils.set_random_seed(0)
        model = compiled(
            network(images.shape[1:], data.classes), distilled.learning_rate
        )
        model.fit(pipeline, steps_per_epoch=steps, shuffle=False, verbose=0)
        found[name] = accuracy(
            model, distilled.normalize(data.test.images), data.test.labels
        )
    return found


if __name__ == "__main__":
    folder, *data_dir = sys.argv[1:]
    loaded = datasets.load(Distilled(folder).dataset, *data_dir)
    for name, value in run(folder, loaded).items():
        print(f"{name}: {100 * value:.1f} % test accuracy")
