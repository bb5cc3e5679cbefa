"""Accuracy against bytes: what is measured, beside what others published."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fred_tf.figures.canvas import FONT_SIZE
from fred_tf.figures.curves import Curve, style_of

_TICKS = 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7
# Of the first point to the axis, and of the axis to the last one.
_MARGIN = 1.4
# Outlines, which no line joins: told from lines in grey as well.
_MARKERS = "osD^vP*Xph"


class Panel(NamedTuple):
    """What is drawn of one data set.

    Attributes:
        lines: what was measured, joined; by the name in the legend.
        points: what others published, one outlined marker a method.
    """

    lines: Mapping[str, Curve]
    points: Mapping[str, Curve]

    @property
    def sizes(self) -> list[float]:
        """All positions."""
        curves = *self.lines.values(), *self.points.values()
        return [float(x) for curve in curves for x in curve.x]


def accuracy_per_byte(panels: Mapping[str, Panel]) -> Figure:
    """Draws accuracies over bytes on logarithmic axes, one for each data set.

    A line and a marker are the same in all panels.

    Args:
        panels: by title; what is empty is left out.

    Raises:
        ValueError: there is nothing to draw.
    """
    panels = {title: panel for title, panel in panels.items() if panel.sizes}
    if not panels:
        raise ValueError(
            "A panel must hold lines or points to draw. Received none."
        )
    figure = Figure(figsize=(2.4 + 4.8 * len(panels), 5), layout="constrained")
    every = figure.subplots(1, len(panels), squeeze=False)[0]
    lines = _numbered(panel.lines for panel in panels.values())
    points = _numbered(panel.points for panel in panels.values())
    handles: dict[str, Artist] = {}
    for axes, (title, panel) in zip(every, panels.items()):
        for name, line in panel.lines.items():
            handles[name] = _line(axes, line, lines[name], name)
        for name, point in panel.points.items():
            handles[name] = _point(axes, point, points[name], name)
        _name(axes, title, panel.sizes)
    every[0].set_ylabel("test accuracy (%)", fontsize=FONT_SIZE)
    figure.legend(
        handles=[handles[name] for name in (*lines, *points)],
        loc="outside lower center",
        ncols=1 + 2 * len(panels),
        fontsize=FONT_SIZE,
        frameon=False,
    )
    return figure


def _numbered(curves: Iterable[Mapping[str, Curve]]) -> dict[str, int]:
    """Returns a number from 0 for each name, whatever panels have it."""
    names = dict.fromkeys(name for of_panel in curves for name in of_panel)
    return {name: number for number, name in enumerate(names)}


def _line(axes: Axes, line: Curve, number: int, name: str) -> Artist:
    color, style, marker = style_of(number)
    (handle,) = axes.plot(
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
    return handle


def _point(axes: Axes, point: Curve, number: int, name: str) -> Artist:
    (handle,) = axes.plot(
        point.x,
        point.y,
        color="#666666",
        linestyle="none",
        marker=_MARKERS[number % len(_MARKERS)],
        markersize=6,
        fillstyle="none",
        label=name,
    )
    return handle


def _name(axes: Axes, title: str, sizes: list[float]) -> None:
    axes.set_title(title, fontsize=FONT_SIZE)
    axes.set_xscale("log")
    axes.set_xlim(min(sizes) / _MARGIN, max(sizes) * _MARGIN)
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_major_formatter(FuncFormatter(_bytes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("bytes of the set", fontsize=FONT_SIZE)
    axes.tick_params(labelsize=FONT_SIZE)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def _bytes(count: float, _: int) -> str:
    """Returns a number of bytes in the unit that has few digits."""
    unit, size = ("MB", 1e6) if count >= 1e6 else ("kB", 1e3)
    return f"{count / size:g} {unit}"
