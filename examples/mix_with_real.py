"""Mixes a distilled set into a few real images, as one `tf.data` pipeline.

    python -m examples.mix_with_real digits_ipc1

Where labelled images are few, each batch is half real and half distilled.
"""

import tensorflow as tf

from examples.beside_real import BesideReal, main
from examples.distilled import batches, compiled
from fred_tf.coresets import select_random


def run(
    sets: BesideReal, per_class: int = 5, steps: int = 300, batch: int = 128
) -> dict[str, float]:
    """Returns the test accuracy of real images alone and of the mixture.

    Args:
        sets: the export, and the real data.
        per_class: real training images of each class.
        steps: training steps of each model.
        batch: images of a step.
    """
    distilled = sets.distilled
    few = select_random(sets.labels, per_class, sets.classes, seed=0)
    real = batches(*sets.train(few), batch)
    synthetic = batches(distilled.images, distilled.labels, batch)
    mixed = tf.data.Dataset.sample_from_datasets(
        [real.unbatch(), synthetic.unbatch()], weights=[0.5, 0.5], seed=0
    ).batch(batch)
    accuracies = {}
    for name, pipeline in (("real alone", real), ("mixed", mixed)):
        model = compiled(sets.fresh(), distilled.learning_rate)
        model.fit(pipeline, steps_per_epoch=steps, shuffle=False, verbose=0)
        accuracies[name] = sets.accuracy(model)
    return accuracies


if __name__ == "__main__":
    main(run)
