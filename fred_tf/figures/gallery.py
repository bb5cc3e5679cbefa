"""A synthetic set to look at: alone, beside others, and over time."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from fred_tf.figures.canvas import MAX_CLASSES, left_out
from fred_tf.figures.tiles import (
    SIDES,
    clearest,
    displayable,
    seen_size,
    tiles,
)
from fred_tf.normalizations import Normalization
from fred_tf.synthetic_set import SyntheticSet


def gallery(synthetic_set: SyntheticSet, per_class: int = 10) -> Figure:
    """Draws the first images of each class, a row per class.

    They are drawn as `displayable` says, volumes from the side from which they
    look least alike. Of more than 20 classes the first 20 are drawn, and a note
    says so.

    Args:
        synthetic_set: images with one channel (drawn grey) or three (RGB).
        per_class: images per row at most.

    Raises:
        ValueError: `per_class` is not positive, or images have neither one nor
            three channels.
    """
    _check(synthetic_set, per_class)
    names, images = (
        synthetic_set.class_names[:MAX_CLASSES],
        synthetic_set.images,
    )
    along = clearest(images)
    return tiles(
        [
            _row(synthetic_set, label, per_class, along)
            for label in range(len(names))
        ],
        names,
        seen_size(images.shape[1:], along),
        note=_note(synthetic_set.class_names, images.ndim, along),
    )


def beside(sets: Mapping[str, SyntheticSet], per_class: int = 4) -> Figure:
    """Draws several sets of the same classes, each in columns of its own.

    Args:
        sets: by the name above its columns; as for `gallery`.
        per_class: images of each class and set at most.

    Raises:
        ValueError: as for `gallery`, or the sets differ in their classes or
            in the size of their images.
    """
    first = next(iter(sets.values()))
    for name, other in sets.items():
        _check(other, per_class)
        if (
            other.class_names != first.class_names
            or other.images.shape[1:] != first.images.shape[1:]
        ):
            raise ValueError(
                "Sets beside each other must agree in classes and in image "
                f"shape. Received: {first.classes} classes of "
                f"{first.images.shape[1:]}, and in {name!r} {other.classes} "
                f"of {other.images.shape[1:]}."
            )
    names, along = first.class_names[:MAX_CLASSES], clearest(first.images)
    size = seen_size(first.images.shape[1:], along)
    gap = np.ones(size)
    rows: list[list[np.ndarray]] = [[] for _ in names]
    columns = []
    for name, other in sets.items():
        width = min(per_class, int(np.bincount(other.labels).max()))
        for label, row in enumerate(rows):
            images = _row(other, label, width, along)
            row.extend([*images, *[gap] * (width - len(images)), gap])
        columns += [name, *[""] * width]
    return tiles(
        [row[:-1] for row in rows],
        names,
        size,
        columns[:-1],
        _note(first.class_names, first.images.ndim, along),
    )


def strips(
    snapshots: Mapping[int, np.ndarray],
    class_names: Sequence[str],
    normalization: Normalization,
    most: int = 10,
) -> Figure:
    """Draws one image of each class as it was at several outer steps.

    Args:
        snapshots: normalised images by outer step, `[classes, height, width,
            channels]`.
        class_names: one per class.
        normalization: undone before drawing.
        most: columns at most; of more snapshots, evenly spaced ones are drawn.

    Raises:
        ValueError: there are no snapshots.
    """
    if not snapshots:
        raise ValueError(
            "`snapshots` must hold at least one. Received none: "
            "`trainers.distill` keeps one every --images_every steps."
        )
    steps = sorted(snapshots)
    if len(steps) > most:
        places = np.linspace(0, len(steps) - 1, most).round().astype(int)
        steps = [steps[place] for place in places]
    last = snapshots[steps[-1]]
    along = clearest(last.astype(np.float32))
    shown = [
        displayable(snapshots[step].astype(np.float32), normalization, along)
        for step in steps
    ]
    names = class_names[:MAX_CLASSES]
    return tiles(
        [[column[label] for column in shown] for label in range(len(names))],
        names,
        seen_size(last.shape[1:], along),
        [f"{step:,}" for step in steps],
        _note(class_names, last.ndim, along),
        "outer step",
    )


def _check(synthetic_set: SyntheticSet, per_class: int) -> None:
    images = synthetic_set.images
    if per_class < 1:
        raise ValueError(
            f"`per_class` must be at least 1. Received: {per_class}."
        )
    if images.ndim < 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            "A gallery shows images [n, height, width, channels] with one "
            f"channel or three. Received: {images.shape}. Select channels "
            "first."
        )


def _row(
    synthetic_set: SyntheticSet, label: int, count: int, along: int
) -> np.ndarray:
    rows = np.flatnonzero(synthetic_set.labels == label)[:count]
    return displayable(
        synthetic_set.images[rows], synthetic_set.normalization, along
    )


def _note(class_names: Sequence[str], rank: int, along: int) -> str:
    """Returns what a line above says of what is drawn.

    Args:
        class_names: all of them.
        rank: axes of a batch.
        along: the axis of volumes that is looked along.
    """
    seen = f"seen from the {SIDES[along]}" if rank == 5 else ""
    return "; ".join(filter(None, (seen, left_out(len(class_names)))))
