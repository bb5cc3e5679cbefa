"""Frequency masks: what each class keeps of its spectrum."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fred_tf.figures.canvas import MAX_CLASSES
from fred_tf.figures.maps import name_axes

_COLUMNS = 5
_COLORS = ListedColormap(["#eeeeee", "#1f4e79"])  # dropped, kept


def masks(
    masks: np.ndarray, class_names: Sequence[str], axis: str = "position"
) -> Figure:
    """Draws the kept frequencies of each class, the lowest at the top left.

    The title of a panel is the class and how many frequencies it keeps per
    channel. Masks of volumes are seen from the front: a position counts as
    kept where any leading frequency is. Of more than 20 classes the first 20
    are drawn, and a note says so.

    Args:
        masks: bool `[classes, height, width]`, or more axes after the first.
        class_names: one name per class.
        axis: what is counted along both axes, with its unit; the `axis` of a
            `Transform`.

    Raises:
        ValueError: `masks` is not boolean, lacks an axis or is empty, or
            the names are not one per class.
    """
    masks = np.asarray(masks)
    if masks.dtype != bool or masks.ndim < 3 or not masks.size:
        raise ValueError(
            "`masks` must be bool [classes, height, width]. Received: "
            f"{masks.dtype} {masks.shape}."
        )
    if len(class_names) != len(masks):
        raise ValueError(
            "`class_names` must hold one name per mask "
            f"({len(masks)}). Received: {len(class_names)} names."
        )
    shown = min(len(masks), MAX_CLASSES)
    columns = min(shown, _COLUMNS)
    rows = math.ceil(shown / columns)
    height, width = masks.shape[-2:]

    figure = Figure(
        figsize=(
            1.6 * columns + 0.5,
            (1.6 * height / width + 0.4) * rows + 0.7,
        ),
        layout="compressed",
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[shown:]:
        axes.set_axis_off()
    for index, (axes, mask) in enumerate(zip(panels[:shown], masks)):
        axes.imshow(
            mask.any(axis=tuple(range(mask.ndim - 2))),
            cmap=_COLORS,
            vmin=0,
            vmax=1,
            interpolation="nearest",
        )
        axes.set_title(
            f"{class_names[index]}\n{np.count_nonzero(mask)} kept",
            fontsize=8,
            parse_math=False,
        )
        bottom = index + columns >= shown
        axes.set_xticks([0, width - 1] if bottom else [])
        axes.set_yticks([0, height - 1] if index % columns == 0 else [])
        axes.tick_params(labelsize=7, length=2)
        axes.spines[:].set_linewidth(0.5)
    name_axes(figure, axis)
    names = ("dropped", "kept")
    figure.legend(
        handles=[
            Patch(facecolor=color, edgecolor="black", linewidth=0.5, label=name)
            for color, name in zip(_COLORS.colors, names)
        ],
        loc="outside upper right",
        ncols=2,
        fontsize=8,
        frameon=False,
    )
    if len(masks) > shown:
        figure.suptitle(
            f"{len(masks) - shown} more classes are not shown", fontsize=9
        )
    return figure
