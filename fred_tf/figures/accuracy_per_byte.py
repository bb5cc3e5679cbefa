"""Accuracy against bytes: what is measured, beside what others published."""

from collections.abc import Mapping

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fred_tf.figures.canvas import FONT_SIZE
from fred_tf.figures.curves import STYLES, Curve

# From a few thousand bytes to what ten images a class take in float32.
_RANGE = 4e3, 1.6e6
_TICKS = 5e3, 1e4, 3e4, 1e5, 3e5, 1e6
# Outlines, which no line joins: told from lines in grey as well.
_MARKERS = "osD^vP*Xph"


def accuracy_per_byte(
    lines: Mapping[str, Curve], points: Mapping[str, Curve]
) -> Figure:
    """Draws accuracies over bytes on a logarithmic axis.

    Args:
        lines: what was measured, joined; by the name in the legend.
        points: what others published, one outlined marker a method.

    Raises:
        ValueError: there is nothing to draw.
    """
    if not lines and not points:
        raise ValueError(
            "`lines` or `points` must hold something to draw. Received none."
        )
    figure = Figure(figsize=(7.2, 5), layout="constrained")
    axes = figure.add_subplot()
    handles: list[Artist] = []
    for number, (name, line) in enumerate(lines.items()):
        color, style, marker = STYLES[number % len(STYLES)]
        handles += axes.plot(
            line.x,
            line.y,
            color=color,
            linestyle=style,
            marker=marker,
            markersize=5,
            label=name,
        )
        if len(line.spread):
            axes.errorbar(
                line.x,
                line.y,
                line.spread,
                color=color,
                linestyle="none",
                capsize=3,
                lw=1,
            )
    for number, (name, point) in enumerate(points.items()):
        handles += axes.plot(
            point.x,
            point.y,
            color="#666666",
            linestyle="none",
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=6,
            fillstyle="none",
            label=name,
        )
    _name(axes)
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=3,
        fontsize=FONT_SIZE,
        frameon=False,
    )
    return figure


def _name(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*_RANGE)
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_major_formatter(FuncFormatter(_bytes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("bytes of the set", fontsize=FONT_SIZE)
    axes.set_ylabel("test accuracy (%)", fontsize=FONT_SIZE)
    axes.tick_params(labelsize=FONT_SIZE)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def _bytes(count: float, _: int) -> str:
    """Returns a number of bytes in the unit that has few digits."""
    unit, size = ("MB", 1e6) if count >= 1e6 else ("kB", 1e3)
    return f"{count / size:g} {unit}"
