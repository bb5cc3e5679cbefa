"""How time and memory grow, drawn: a panel for each axis."""

import math
from collections.abc import Mapping

from matplotlib.figure import Figure

from benchmarks.scaling.fits import Grown

_COLUMNS = 4
# What is drawn of each axis: name, colour, line and marker; they are told
# apart without colour, too.
_CURVES = (
    ("seconds", "#0072b2", "-", "o"),
    ("memory", "#d55e00", "--", "s"),
)
_NAMES = {
    "seconds": "seconds of an outer step",
    "memory": "GB above an idle process",
}


def panels(axes: Mapping[str, Grown]) -> Figure:
    """Draws seconds and gigabytes of each axis, in logarithms.

    Args:
        axes: by name; those of fewer than two points are left out.
    """
    drawn = {name: g for name, g in axes.items() if len(g.values) > 1}
    rows = max(1, math.ceil(len(drawn) / _COLUMNS))
    figure = Figure(figsize=(2.7 * _COLUMNS, 2.3 * rows), layout="constrained")
    for position, (name, found) in enumerate(drawn.items()):
        panel = figure.add_subplot(rows, _COLUMNS, position + 1)
        for what, color, line, marker in _CURVES:
            panel.plot(
                found.values,
                getattr(found, what),
                color=color,
                linestyle=line,
                marker=marker,
                markersize=3.5,
                linewidth=1.2,
                label=_NAMES[what] if position == 0 else None,
            )
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.set_xticks(found.values, map(str, found.values))
        panel.minorticks_off()
        panel.set_title(_titled(name, found), fontsize=8)
        panel.tick_params(labelsize=7)
        panel.grid(alpha=0.3, linewidth=0.5)
        panel.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _titled(name: str, found: Grown) -> str:
    exponents = [
        f"{fit.exponent:.2f}" if fit else "-"
        for fit in (found.time, found.space)
    ]
    return f"{name}\nexponents {', '.join(exponents)}"
