"""Trains a Keras model with `fit` on a distilled set.

python -m examples.train_keras digits_ipc1
"""

from examples.beside_real import BesideReal, main
from examples.distilled import compiled


def run(sets: BesideReal, epochs: int = 300) -> dict[str, float]:
    """Returns the test accuracy, in [0, 1].

    Args:
        sets: the export, and the real data, of which only the test split is
            used.
        epochs: passes over the distilled set.
    """
    distilled = sets.distilled
    model = compiled(sets.fresh(), distilled.learning_rate)
    model.fit(distilled.images, distilled.labels, 256, epochs, verbose=0)
    return {"distilled alone": sets.accuracy(model)}


if __name__ == "__main__":
    main(run)
