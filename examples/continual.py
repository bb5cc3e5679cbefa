"""Learns classes task by task, with a distilled memory of earlier tasks.

    python -m examples.continual digits_ipc1

A network that only sees the newest task forgets the others. Here the real
images of a task are seen once; what stays of it are its distilled images,
which are mixed into the batches of later tasks.

All classes were distilled together, with the real images of every task at
hand: the memory of a task is the slice of its classes of that one set. Where
tasks really come one by one, each takes a run of its own.
"""

import numpy as np
import tensorflow as tf

from examples.beside_real import BesideReal, main
from examples.distilled import batches, compiled


def run(
    sets: BesideReal, tasks: int = 5, steps: int = 100, batch: int = 64
) -> dict[str, float]:
    """Returns the final test accuracy over all tasks, without and with memory.

    Args:
        sets: the export, and the real data.
        tasks: groups of classes, learned one after the other; not more than
            there are classes.
        steps: training steps of each task.
        batch: images of a step.
    """
    distilled = sets.distilled
    tasks = min(tasks, sets.classes)
    groups = np.array_split(np.arange(sets.classes), tasks)
    accuracies = {}
    for name in ("without memory", "with memory"):
        model = compiled(sets.fresh(), 0.01)
        for task, group in enumerate(groups):
            now = np.isin(sets.labels, group)
            pipeline = batches(*sets.train(now), batch)
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
        accuracies[name] = sets.accuracy(model)
    return accuracies


if __name__ == "__main__":
    main(run)
