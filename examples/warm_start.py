"""Starts training on all real images from a network that saw the distilled.

    python -m examples.warm_start runs/quickstart/export/images_float32

A few cheap passes over the distilled set stand for the first, most expensive
part of training; both models then make the same steps on real images.
"""

import sys

import keras
import numpy as np

from examples.distilled import Distilled, accuracy, batches, compiled, network
from fred_tf import datasets


def run(
    folder: str,
    data: datasets.ImageData,
    epochs: int = 100,
    steps: int = 20,
    batch: int = 64,
) -> dict[str, float]:
    """Returns the test accuracy after the real steps, cold and warm.

    Args:
        folder: an export `images_float32`.
        data: the real data.
        epochs: passes over the distilled set, by the warm one only.
        steps: steps on real images, by both.
        batch: real images of a step.
    """
    distilled = Distilled(folder)
    labels = data.train.labels.astype(np.int64)
    real = batches(distilled.normalize(data.train.images), labels, batch)
    found = {}
    for name, passes in (("cold", 0), ("warm", epochs)):
        keras.utils.set_random_seed(0)
        model = network(distilled.images.shape[1:], distilled.classes)
        compiled(model, distilled.learning_rate).fit(
            distilled.images, distilled.labels, 256, passes, verbose=0
        )
        # Real images take steps of their own size, and fresh velocities.
        compiled(model, 0.01).fit(
            real, steps_per_epoch=steps, shuffle=False, verbose=0
        )
        found[name] = accuracy(
            model, distilled.normalize(data.test.images), data.test.labels
        )
    return found


if __name__ == "__main__":
    folder, *data_dir = sys.argv[1:]
    loaded = datasets.load(Distilled(folder).dataset, *data_dir)
    for name, value in run(folder, loaded).items():
        print(f"{name} start: {100 * value:.1f} % test accuracy")
