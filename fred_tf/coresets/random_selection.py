"""Real images chosen at random: the simplest coreset, and a starting point."""

from collections.abc import Callable, Sequence

import numpy as np

from fred_tf import seeds

# Takes images of each class, class by class, `[classes * n]`; the first of
# more are those of fewer.
Choice = Callable[[int], np.ndarray]


def select_random(
    labels: np.ndarray,
    per_class: int,
    classes: int,
    seed: int,
    class_names: Sequence[str] | None = None,
) -> np.ndarray:
    """Draws images of each class without replacement.

    The draw of a class depends on the seed and on that class alone, and the
    first k of a longer draw are the draw of k.

    Args:
        labels: int `[n]`, in [0, classes).
        per_class: images of each class.
        classes: number of classes.
        seed: the run's integer seed.
        class_names: for error messages; numbers if None.

    Returns:
        Indices into `labels`, int64 `[classes * per_class]`: those of class 0,
        then those of class 1, and so on.

    Raises:
        ValueError: a class has fewer than `per_class` images.
    """
    if per_class < 1:
        raise ValueError(
            f"`per_class` must be at least 1. Received: {per_class}."
        )
    indices = []
    for label in range(classes):
        members = np.flatnonzero(labels == label)
        if len(members) < per_class:
            name = class_names[label] if class_names else label
            raise ValueError(
                f"Every class must have `per_class` ({per_class}) images to "
                f"choose from. Received: {len(members)} of class {name!r}. "
                "Lower `ipc`, or add images."
            )
        generator = np.random.default_rng(
            seeds.integer(seed, "random selection", label)
        )
        indices.append(generator.permutation(members)[:per_class])
    return np.concatenate(indices)


def chosen_rows(
    choose: Choice | None,
    labels: np.ndarray,
    per_class: int,
    classes: int,
    seed: int,
) -> np.ndarray:
    """Returns what a choice takes; without one as `select_random` does.

    Args:
        choose: of the images with these labels.
        labels, per_class, classes, seed: see `select_random`.
    """
    if choose is not None:
        return choose(per_class)
    return select_random(labels, per_class, classes, seed)
