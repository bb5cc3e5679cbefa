"""Curves and their spread, distinct without colour as well."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from fred_tf.figures.canvas import FONT_SIZE

# Okabe & Ito's colours, which the colour-blind tell apart, with grey for black,
# which a dark page would hide; and line styles that a grey print tells apart.
_STYLES: tuple[tuple[str, Any, str], ...] = (
    ("#0072b2", "-", "o"),
    ("#d55e00", "--", "s"),
    ("#009e73", "-.", "^"),
    ("#cc79a7", ":", "D"),
    ("#56b4e9", (0, (5, 1)), "v"),
    ("#e69f00", (0, (3, 1, 1, 1)), "P"),
    ("#7f7f7f", (0, (1, 1)), "X"),
)
# Of the last position to the first: a logarithmic axis has ticks from the one
# on, and up to the other it has them between powers of ten, too.
_APART, _NEAR = 3, 100
# Of points that a running mean stands for.
_FAINT = 0.3


def style_of(number: int) -> tuple[str, Any, str]:
    """Returns colour, line style and marker of a line, counted from 0.

    Beyond as many as there are colours, these come with other line styles.
    """
    again, count = divmod(number, len(_STYLES))
    color, _, marker = _STYLES[count]
    return color, _STYLES[(count + again) % len(_STYLES)][1], marker


@dataclasses.dataclass(frozen=True)
class Curve:
    """Points of a curve.

    Attributes:
        x: positions.
        y: values, one per position.
        spread: half the height of the band around each value, or of the bar
            where there is one; none if empty.
        marked: whether the points are marked.
        mean_of: how many points in turn the curve is a running mean of, drawn
            over the points themselves, which are faint; 1 for the points.
    """

    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    spread: Sequence[float] | np.ndarray = ()
    marked: bool = False
    mean_of: int = 1

    @classmethod
    def of_accuracies(
        cls, evaluations: Mapping[int, Mapping[str, float]]
    ) -> "Curve":
        """Returns mean accuracies in percent, in the order of their positions.

        Args:
            evaluations: `mean` and `deviation`, in [0, 1], by position.
        """
        places = sorted(evaluations)
        return cls(
            places,
            [100 * evaluations[place]["mean"] for place in places],
            [100 * evaluations[place]["deviation"] for place in places],
            marked=True,
        )


def running_mean(values: Sequence[float] | np.ndarray, of: int) -> np.ndarray:
    """Returns the mean of about `of` values around each, float64 `[n]`.

    As many before it as after it; near the ends of those that there are.

    Args:
        values: `[n]`.
        of: rounded up to an odd number.
    """
    sums = np.cumsum([0.0, *values])
    places = np.arange(len(values))
    low = np.maximum(places - of // 2, 0)
    high = np.minimum(places + of // 2 + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)


def curves(
    lines: Mapping[str, Curve],
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
) -> Figure:
    """Draws curves in one frame.

    Where all positions are whole, such as outer steps, so are the ticks of a
    linear axis. One that is meant to be logarithmic is linear where positions
    are too close together for its ticks.

    Args:
        lines: by the name in the legend.
        x_label: with unit.
        y_label: with unit.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the vertical axis is.

    Raises:
        ValueError: there is no curve, or one has as many values as positions
            in no way.
    """
    if not lines:
        raise ValueError("`lines` must hold at least one curve. Received none.")
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.add_subplot()
    drawn: list[Line2D] = []
    for number, (name, line) in enumerate(lines.items()):
        if len(line.x) != len(line.y):
            raise ValueError(
                "A curve has one value per position. Received: "
                f"{len(line.x)} positions and {len(line.y)} values in "
                f"{name!r}."
            )
        color, style, marker = style_of(number)
        shown = line.y
        if line.mean_of > 1:
            axes.plot(line.x, line.y, color=color, alpha=_FAINT, linewidth=0.6)
            shown = running_mean(line.y, line.mean_of)
        drawn += axes.plot(
            line.x,
            shown,
            color=color,
            linestyle=style,
            marker=marker if line.marked or len(line.x) == 1 else None,
            markersize=4,
            linewidth=1.4,
            label=name.replace("$", r"\$"),
        )
        if len(line.spread) and len(line.x) == 1:
            # A band has no width there. The legend keeps off caps alone.
            axes.errorbar(
                line.x, line.y, line.spread, color=color, capsize=3, lw=1
            )
        elif len(line.spread):
            low = [y - s for y, s in zip(line.y, line.spread)]
            high = [y + s for y, s in zip(line.y, line.spread)]
            axes.fill_between(line.x, low, high, color=color, alpha=0.2, lw=0)
    axes.set_xlabel(x_label, fontsize=FONT_SIZE)
    axes.set_ylabel(y_label, fontsize=FONT_SIZE)
    places = [float(x) for line in lines.values() for x in line.x]
    if log_x and max(places) >= _APART * min(places):
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        if max(places) <= _NEAR * min(places):
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter("{x:,.10g}")
    elif all(map(float.is_integer, places)):
        axes.xaxis.set_major_locator(
            MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True)
        )
    if log_y:
        axes.set_yscale("log")
    axes.tick_params(which="both", labelsize=FONT_SIZE)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    _add_legend(axes, drawn)
    return figure


def _add_legend(axes: Axes, drawn: Sequence[Line2D]) -> None:
    # Left to itself it leaves out what begins with an underscore.
    labels = [str(line.get_label()) for line in drawn]
    axes.legend(drawn, labels, fontsize=FONT_SIZE, frameon=False)
