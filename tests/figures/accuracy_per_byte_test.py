import numpy as np
import pytest

from fred_tf import figures
from fred_tf.figures import Curve

LINES = {
    "coded": Curve([15_000, 30_000], [58.0, 61.0], [0.4, 0.3]),
    "float32": Curve([121_000], [63.2], [0.4]),
}
POINTS = {"theirs": Curve([122_880, 1_228_800], [66.5, 74.0])}


def test_lines_are_joined_and_points_are_outlines():
    figure = figures.accuracy_per_byte(LINES, POINTS)
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
    figure = figures.accuracy_per_byte(LINES, {})
    figures.to_array(figure)
    (axes,), (legend,) = figure.axes, figure.legends
    assert axes.get_xscale() == "log"
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert ticks == ["5 kB", "10 kB", "30 kB", "100 kB", "300 kB", "1 MB"]
    texts = [
        *legend.get_texts(),
        *axes.get_xticklabels(),
        *axes.get_yticklabels(),
        axes.xaxis.label,
        axes.yaxis.label,
    ]
    assert len({text.get_fontsize() for text in texts}) == 1


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="`lines` or `points`.*Received none"):
        figures.accuracy_per_byte({}, {})
