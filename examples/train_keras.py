"""Trains a Keras model with `fit` on a distilled set.

python -m examples.train_keras runs/quickstart/export/images_float32
"""

import sys

import keras

from examples.distilled import Distilled, accuracy, compiled, network
from fred_tf import datasets


def run(folder: str, data: datasets.ImageData, epochs: int = 300) -> float:
    """Returns the test accuracy, in [0, 1].

    Args:
        folder: an export `images_float32`.
        data: the real data; only the test split is used.
        epochs: passes over the distilled set.
    """
    distilled = Distilled(folder)
    keras.utils.set_random_seed(0)
    model = compiled(
        network(distilled.images.shape[1:], distilled.classes),
        distilled.learning_rate,
    )
    model.fit(distilled.images, distilled.labels, 256, epochs, verbose=0)
    return accuracy(
        model, distilled.normalize(data.test.images), data.test.labels
    )


if __name__ == "__main__":
    folder, *data_dir = sys.argv[1:]
    real = datasets.load(Distilled(folder).dataset, *data_dir)
    print(f"{100 * run(folder, real):.1f} % test accuracy")
