"""Frequency masks: what each class keeps of its spectrum."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import (
    LinearSegmentedColormap,
    ListedColormap,
    to_hex,
)
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fred_tf.figures.canvas import FONT_SIZE, MAX_CLASSES, left_out
from fred_tf.figures.maps import name_axes

_COLUMNS = 5
# Dropped, kept; of several planes the darker, the more of them keep it.
_DROPPED, _KEPT = "#eeeeee", ("#9ecae1", "#1f4e79")


def _colors(most: int) -> list[str]:
    """Returns a colour for each number of planes that keep a position."""
    if most <= 1:
        return [_DROPPED, _KEPT[-1]]
    shades = LinearSegmentedColormap.from_list("kept", _KEPT)
    return [_DROPPED, *map(to_hex, shades(np.linspace(0, 1, most)))]


def masks(
    masks: np.ndarray, class_names: Sequence[str], axis: str = "position"
) -> Figure:
    """Draws the kept frequencies of each class, the lowest at the top left.

    The title of a panel is the class and how many frequencies it keeps. Masks
    of volumes and of joint channels are seen from the front: the more of the
    frequencies along the leading axes are kept at a position, the darker it
    is. Of more than 20 classes the first 20 are drawn, and a note says so.

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
    counts = masks.sum(axis=tuple(range(1, masks.ndim - 2)), dtype=int)
    colors = _colors(int(counts.max()))

    figure = Figure(
        figsize=(
            1.6 * columns + 0.5,
            (1.6 * height / width + 0.5) * rows + 0.8,
        ),
        layout="compressed",
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[shown:]:
        axes.set_axis_off()
    for index, (axes, count) in enumerate(zip(panels[:shown], counts)):
        axes.imshow(
            count,
            cmap=ListedColormap(colors),
            vmin=0,
            vmax=len(colors) - 1,
            interpolation="nearest",
        )
        axes.set_title(
            f"{class_names[index]}\n{count.sum()} kept",
            fontsize=FONT_SIZE,
            parse_math=False,
        )
        bottom = index + columns >= shown
        axes.set_xticks([0, width - 1] if bottom else [])
        axes.set_yticks([0, height - 1] if index % columns == 0 else [])
        axes.tick_params(labelsize=FONT_SIZE, length=2)
        axes.spines[:].set_linewidth(0.5)
    name_axes(figure, axis)
    _add_legend(figure, colors)
    if note := left_out(len(masks)):
        figure.suptitle(note, fontsize=FONT_SIZE)
    return figure


def _add_legend(figure: Figure, colors: list[str]) -> None:
    named = {"dropped": colors[0], "kept": colors[-1]}
    if len(colors) > 2:
        named = {
            "dropped": colors[0],
            "kept once": colors[1],
            f"{len(colors) - 1} times": colors[-1],
        }
    figure.legend(
        handles=[
            Patch(facecolor=color, edgecolor="gray", linewidth=0.5, label=name)
            for name, color in named.items()
        ],
        loc="outside upper right",
        ncols=len(named),
        fontsize=FONT_SIZE,
        frameon=False,
    )
