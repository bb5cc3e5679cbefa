import numpy as np
import pytest

from fred_tf import figures
from fred_tf.figures import Curve
from fred_tf.figures.curves import style_of


def test_curves_are_labelled_and_told_apart_without_colour():
    lines = {
        f"_run {number}": Curve([1, 2, 4], [number, 2, 3], [0.1, 0.2, 0.3])
        for number in range(7)
    }
    figure = figures.curves(lines, "steps", "accuracy (%)", log_x=True)
    (axes,) = figure.axes
    assert axes.get_xlabel() == "steps"
    assert axes.get_ylabel() == "accuracy (%)"
    assert axes.get_xscale() == "log"
    assert [t.get_text() for t in axes.get_legend().get_texts()] == list(lines)
    assert len({str(line.get_linestyle()) for line in axes.lines}) >= 4
    assert len({line.get_color() for line in axes.lines}) == 7
    assert len(axes.collections) == 7  # One band each.
    np.testing.assert_array_equal(axes.lines[3].get_ydata(), [3, 2, 3])


def test_accuracies_are_drawn_in_percent_and_in_order():
    found = {
        20: {"mean": 0.5, "deviation": 0.01},
        10: {"mean": 0.25, "deviation": 0.02},
    }
    curve = Curve.of_accuracies(found)
    assert (curve.x, curve.y, curve.spread) == ([10, 20], [25, 50], [2, 1])
    assert curve.marked


def test_a_running_mean_is_drawn_over_its_faint_points():
    noisy = [1.0, 5.0, 0.0, 4.0, 10.0]
    line = Curve(range(5), noisy, mean_of=3)
    axes = figures.curves({"loss": line}, "outer step", "loss").axes[0]
    points, mean = axes.lines
    np.testing.assert_array_equal(points.get_ydata(), noisy)
    assert points.get_alpha() < 0.5 and mean.get_alpha() is None
    by_hand = [3, 2, 3, 14 / 3, 7]
    np.testing.assert_allclose(mean.get_ydata(), by_hand)
    assert points.get_color() == mean.get_color()
    assert [x.get_text() for x in axes.get_legend().get_texts()] == ["loss"]


def test_one_point_is_marked():
    figure = figures.curves({"$a$": Curve([1], [2])}, "x", "y")
    assert figure.axes[0].lines[0].get_marker() == "o"
    assert not figure.axes[0].containers
    figure = figures.curves({"$a$": Curve([1], [2], [0.5])}, "x", "y")
    (bar,) = figure.axes[0].containers
    assert [tuple(x.get_ydata()) for x in bar.lines[1]] == [(1.5,), (2.5,)]
    figures.to_array(figure)


@pytest.mark.parametrize("last, whole", [(1, True), (3, True), (3.5, False)])
def test_steps_have_whole_ticks(last, whole):
    figure = figures.curves({"a": Curve([0, last], [1, 2])}, "outer step", "y")
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    ticks = [x for x in axes.get_xticks() if low <= x <= high]
    assert len(ticks) >= 2
    assert all(float(x).is_integer() for x in ticks) == whole


@pytest.mark.parametrize(
    ("places", "scale", "ticks"),
    [
        ([2560, 2960], "linear", []),
        ([2000, 8000], "log", ["2,000", "5,000"]),
        ([64, 4096], "log", ["100", "200", "500", "1,000", "2,000"]),
        ([10, 10_000], "log", ["$\\mathdefault{10^{1}}$"]),
    ],
)
def test_a_logarithmic_axis_has_ticks_that_can_be_read(places, scale, ticks):
    curve = Curve(places, [1, 2])
    figure = figures.curves({"a": curve}, "bytes", "y", log_x=True)
    (axes,) = figure.axes
    figures.to_array(figure)
    assert axes.get_xscale() == scale
    texts = [tick.get_text() for tick in axes.get_xticklabels()]
    assert set(ticks) <= set(texts)
    assert not any(x.get_text() for x in axes.get_xticklabels(minor=True))


def test_curves_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="at least one curve"):
        figures.curves({}, "x", "y")
    with pytest.raises(ValueError, match="2 positions and 1 values in 'a'"):
        figures.curves({"a": Curve([1, 2], [1])}, "x", "y")


def test_maps_share_one_scale():
    maps = {"real": np.geomspace(1, 1e-9, 64).reshape(8, 8), "none": None}
    maps["none"] = np.zeros((8, 8))
    figure = figures.frequency_maps(maps, "energy (share)", "place (pixels)")
    assert figure.get_supxlabel() == "horizontal place\n(pixels)"
    assert figure.get_supylabel() == "vertical place\n(pixels)"
    *panels, bar = figure.axes
    assert [panel.get_title() for panel in panels] == ["real", "none"]
    assert bar.get_ylabel() == "energy (share)\ngrey: nothing"
    limits = {panel.images[0].get_clim() for panel in panels}
    assert len(limits) == 1
    ((lowest, highest),) = limits
    assert highest == pytest.approx(1)
    assert lowest == pytest.approx(1e-6)


def test_nothing_does_not_look_like_little():
    value = np.array([[1.0, 1e-7], [0.0, 1e-7]])
    figure = figures.frequency_maps({"a": value}, "energy")
    drawn = figure.axes[0].images[0]
    colors = drawn.cmap(drawn.norm(drawn.get_array()))
    red, green, blue, _ = colors[1, 0]
    assert red == green == blue and 0.7 < red < 0.95
    little = tuple(colors[0, 1])
    assert little == drawn.cmap(0.0) == tuple(colors[1, 1])
    assert drawn.colorbar.extend == "min"
    figure = figures.frequency_maps({"a": np.array([[1, 0.1]])}, "energy")
    bar = figure.axes[0].images[0].colorbar
    assert bar.extend == "neither"
    assert bar.ax.get_ylabel() == "energy"
    figures.to_array(figure)


def test_maps_of_volumes_are_their_mean():
    volume = np.stack([np.full((4, 4), 1.0), np.full((4, 4), 3.0)])
    figure = figures.frequency_maps({"a": volume}, "energy")
    np.testing.assert_array_equal(
        figure.axes[0].images[0].get_array(), np.full((4, 4), 2.0)
    )


def test_maps_of_nothing_are_refused():
    with pytest.raises(ValueError, match="at least one positive"):
        figures.frequency_maps({"a": np.zeros((4, 4))}, "energy")


def test_svg_and_png_are_the_same_every_time(tmp_path):
    def draw(name):
        figure = figures.curves({"a": Curve([1, 2], [1, 2])}, "x", "y")
        return figures.save(figure, tmp_path / name).read_bytes()

    for suffix in ("png", "svg"):
        assert draw(f"a.{suffix}") == draw(f"b.{suffix}")
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()


def test_more_lines_than_colours_are_told_apart():
    styles = [str(style_of(number)) for number in range(49)]
    assert len(set(styles)) == 49
    assert style_of(7)[0] == style_of(0)[0] and style_of(7)[1] != "-"
