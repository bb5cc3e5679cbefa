"""Learns classes task by task, with a distilled memory of earlier tasks.

    python -m examples.continual runs/quickstart/export/images_float32

A network that only sees the newest task forgets the others. Here the real
images of a task are seen once; what stays of it are its distilled images,
which are mixed into the batches of later tasks.

All classes were distilled together, with the real images of every task at
hand: the memory of a task is the slice of its classes of that one set. Where
tasks really come one by one, each takes a run of its own.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from examples.distilled import Distilled, accuracy, batches, compiled, network
from fred_tf import datasets


def run(
    folder: str,
    data: datasets.ImageData,
    tasks: int = 5,
    steps: int = 100,
    batch: int = 64,
) -> dict[str, float]:
    """Returns the final test accuracy over all tasks, without and with memory.

    Args:
        folder: an export `images_float32`.
        data: the real data.
        tasks: groups of classes, learned one after the other.
        steps: training steps of each task.
        batch: images of a step.
    """
    distilled = Distilled(folder)
    groups = np.array_split(np.arange(data.classes), tasks)
    train = distilled.normalize(data.train.images)
    test = distilled.normalize(data.test.images)
    found = {}
    for name in ("without memory", "with memory"):
        keras.utils.set_random_seed(0)
        model = compiled(network(train.shape[1:], data.classes), 0.01)
        for task, group in enumerate(groups):
            now = np.isin(data.train.labels, group)
            labels = data.train.labels[now].astype(np.int64)
            pipeline = batches(train[now], labels, batch)
            old = distilled.labels < group[0]
            if name == "with memory" and old.any():
                memory = batches(
                    distilled.images[old], distilled.labels[old], batch
                )
                # As many of each earlier task as of the newest.
                weights = np.array([1, task]) / (task + 1)
                pipeline = tf.data.Dataset.sample_from_datasets(
                    [pipeline.unbatch(), memory.unbatch()],
                    weights=weights.tolist(),
                    seed=0,
                ).batch(batch)
            model.fit(pipeline, steps_per_epoch=steps, shuffle=False, verbose=0)
        found[name] = accuracy(model, test, data.test.labels)
    return found


if __name__ == "__main__":
    folder, *data_dir = sys.argv[1:]
    loaded = datasets.load(Distilled(folder).dataset, *data_dir)
    for name, value in run(folder, loaded).items():
        print(f"{name}: {100 * value:.1f} % test accuracy over all tasks")
