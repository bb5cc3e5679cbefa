"""Starts training on all real images from a network that saw the distilled.

    python -m examples.warm_start digits_ipc1

A few cheap passes over the distilled set stand for the first, most expensive
part of training; both models then make the same steps on real images.
"""

from examples.beside_real import BesideReal, main
from examples.distilled import batches, compiled


def run(
    sets: BesideReal, epochs: int = 100, steps: int = 20, batch: int = 64
) -> dict[str, float]:
    """Returns the test accuracy after the real steps, cold and warm.

    Args:
        sets: the export, and the real data.
        epochs: passes over the distilled set, by the warm one only.
        steps: steps on real images, by both.
        batch: real images of a step.
    """
    distilled = sets.distilled
    real = batches(*sets.train(), batch)
    accuracies = {}
    for name, passes in (("cold start", 0), ("warm start", epochs)):
        model = sets.fresh()
        compiled(model, distilled.learning_rate).fit(
            distilled.images, distilled.labels, 256, passes, verbose=0
        )
        # Real images take steps of their own size, and fresh velocities.
        compiled(model, 0.01).fit(
            real, steps_per_epoch=steps, shuffle=False, verbose=0
        )
        accuracies[name] = sets.accuracy(model)
    return accuracies


if __name__ == "__main__":
    main(run)
