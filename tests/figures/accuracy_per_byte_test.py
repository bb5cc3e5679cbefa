import numpy as np
import pytest

from fred_tf import figures
from fred_tf.figures import Curve, Panel

LINES = {
    "coded": Curve([15_000, 30_000], [58.0, 61.0], [0.4, 0.3]),
    "float32": Curve([121_000], [63.2], [0.4]),
}
POINTS = {"theirs": Curve([122_880, 1_228_800], [66.5, 74.0])}


def test_lines_are_joined_and_points_are_outlines():
    figure = figures.accuracy_per_byte({"one": Panel(LINES, POINTS)})
    (axes,), (legend,) = figure.axes, figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["coded", "float32", "theirs"]
    drawn = {line.get_label(): line for line in axes.lines}
    np.testing.assert_array_equal(drawn["coded"].get_ydata(), [58, 61])
    np.testing.assert_array_equal(
        drawn["theirs"].get_xdata(), [122880, 1228800]
    )
    assert drawn["theirs"].get_linestyle() == "None"
    assert drawn["theirs"].get_fillstyle() == "none"
    assert drawn["coded"].get_linestyle() == "-"
    assert len(axes.containers) == 2  # Bars of what was measured.


def test_bytes_are_logarithmic_and_in_one_size_of_letters():
    figure = figures.accuracy_per_byte({"one": Panel(LINES, {})})
    figures.to_array(figure)
    (axes,), (legend,) = figure.axes, figure.legends
    assert axes.get_xscale() == "log"
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert ticks[1:4] == ["10 kB", "30 kB", "100 kB"]
    low, high = axes.get_xlim()
    assert 10_000 < low < 15_000 and 121_000 < high < 200_000
    texts = [
        *legend.get_texts(),
        *axes.get_xticklabels(),
        *axes.get_yticklabels(),
        axes.xaxis.label,
        axes.yaxis.label,
    ]
    assert len({text.get_fontsize() for text in texts}) == 1


def test_what_is_of_one_name_looks_alike_in_all_panels():
    """And is told once."""
    other = Panel({"float32": Curve([9_000], [90.0])}, {})
    figure = figures.accuracy_per_byte(
        {"one": Panel(LINES, POINTS), "two": other, "none": Panel({}, {})}
    )
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("one", "two")
    (lone,) = [x for x in second.lines if x.get_label() == "float32"]
    (same,) = [x for x in first.lines if x.get_label() == "float32"]
    assert lone.get_color() == same.get_color()
    assert lone.get_marker() == same.get_marker()
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["coded", "float32", "theirs"]


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="lines or points.*Received none"):
        figures.accuracy_per_byte({"one": Panel({}, {})})
