"""Quantities over the plane of frequencies, side by side in one scale."""

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from fred_tf.figures.canvas import FONT_SIZE

_COLUMNS = 5
# Dark to light in print as on the screen, and to the colour-blind.
_COLOR_MAP = matplotlib.colormaps["viridis"].with_extremes(bad="#dddddd")
# What lies more decades below the highest value has the darkest colour.
_DECADES = 6


def name_axes(figure: Figure, axis: str) -> None:
    """Says what both axes of all panels count; the unit on a second line.

    On one line it would be longer than a figure of a single row is high.

    Args:
        figure: has panels.
        axis: the `axis` of a `Transform`.
    """
    text = axis.replace(" (", "\n(")
    figure.supxlabel(f"horizontal {text}", fontsize=FONT_SIZE)
    figure.supylabel(f"vertical {text}", fontsize=FONT_SIZE)


def frequency_maps(
    values: Mapping[str, np.ndarray], quantity: str, axis: str = "position"
) -> Figure:
    """Draws maps with a common logarithmic colour scale.

    What is 0 is grey, and the colour bar says so. The bar ends in an arrow
    where values lie below it.

    Args:
        values: non-negative `[height, width]` by title; of more axes, the
            mean over the leading ones is drawn.
        quantity: what the colours mean, with its unit.
        axis: what is counted along both axes, with its unit; the `axis` of a
            `Transform`.

    Raises:
        ValueError: there is no map, or none has a positive value.
    """
    flat = {
        name: np.asarray(x, np.float64).mean(tuple(range(np.ndim(x) - 2)))
        for name, x in values.items()
    }
    highest = max((x.max() for x in flat.values()), default=0.0)
    if not highest > 0:
        raise ValueError(
            "Maps need at least one positive value. Received: "
            f"{list(values)} of maximum {highest}."
        )
    positive = min(x[x > 0].min() for x in flat.values() if (x > 0).any())
    lowest = max(positive, highest * 10.0**-_DECADES)
    if lowest >= highest:
        lowest = highest / 10
    columns = min(len(flat), _COLUMNS)
    rows = -(-len(flat) // columns)
    figure = Figure(
        figsize=(2.1 * columns + 1.1, 2.1 * rows + 0.7), layout="compressed"
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels[len(flat) :]:
        panel.set_axis_off()
    for panel, (name, value) in zip(panels, flat.items()):
        drawn = panel.imshow(
            np.ma.masked_less_equal(value, 0),
            cmap=_COLOR_MAP,
            norm=LogNorm(lowest, highest),
            interpolation="nearest",
        )
        panel.set_title(name, fontsize=FONT_SIZE, parse_math=False)
        height, width = value.shape
        panel.set_xticks([0, width - 1])
        panel.set_yticks([0, height - 1])
        panel.tick_params(labelsize=FONT_SIZE, length=2)
    name_axes(figure, axis)
    bar = figure.colorbar(
        drawn,
        ax=panels[: len(flat)].tolist(),
        extend="min" if positive < lowest else "neither",
        pad=0.02,
        fraction=0.05,
    )
    if any((x <= 0).any() for x in flat.values()):
        quantity += "\ngrey: nothing"
    bar.set_label(quantity, fontsize=FONT_SIZE)
    bar.ax.tick_params(which="both", labelsize=FONT_SIZE)
    return figure
