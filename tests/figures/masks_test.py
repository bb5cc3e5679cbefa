import numpy as np
import pytest
from scipy.fft import dctn
from sklearn.datasets import load_digits

from fred_tf import figures

NAMES = [f"digit {i}" for i in range(10)]


@pytest.fixture(scope="module")
def masks() -> np.ndarray:
    """Class i keeps the 10 + i frequencies of most variance, and the mean."""
    data = load_digits()
    kept = []
    for label in range(10):
        spectra = dctn(data.images[data.target == label], axes=(1, 2))
        variance = spectra.var(axis=0)
        variance[0, 0] = np.inf
        kept.append(variance >= np.sort(variance.ravel())[-10 - label])
    return np.array(kept)


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def test_each_class_has_its_mask_and_count(masks):
    shown = panels(figures.masks(masks, NAMES))
    drawn = [np.asarray(axes.images[0].get_array()) for axes in shown]
    np.testing.assert_array_equal(drawn, masks)
    assert [axes.get_title() for axes in shown] == [
        f"digit {i}\n{10 + i} kept" for i in range(10)
    ]


def test_axes_are_named_with_few_ticks(masks):
    figure = figures.masks(masks, NAMES, "frequency (half cycles per image)")
    for name, label in (
        ("horizontal", figure.get_supxlabel()),
        ("vertical", figure.get_supylabel()),
    ):
        assert label == f"{name} frequency\n(half cycles per image)"
    for axes in panels(figure):
        assert set(axes.get_xticks()) <= {0, 7}
        assert set(axes.get_yticks()) <= {0, 7}


@pytest.mark.parametrize("classes", [1, 2, 10, 23])
def test_a_key_says_what_the_colours_mean(masks, classes):
    figure = figures.masks(
        np.concatenate([masks] * 3)[:classes],
        (NAMES * 3)[:classes],
        "frequency (half cycles per image)",
    )
    (legend,) = figure.legends
    assert [x.get_text() for x in legend.get_texts()] == ["dropped", "kept"]
    colors = [patch.get_facecolor() for patch in legend.get_patches()]
    drawn = panels(figure)[0].images[0]
    assert colors == [tuple(x) for x in drawn.cmap(drawn.norm([0, 1]))]
    # It lies beside everything else, not on it.
    figures.to_array(figure)
    box = legend.get_window_extent()
    texts = [figure._supxlabel, figure._supylabel]
    if figure._suptitle:
        texts.append(figure._suptitle)
    others = [x.get_window_extent() for x in texts]
    others += [x.get_tightbbox() for x in panels(figure)]
    assert not any(box.overlaps(other) for other in others)


@pytest.mark.parametrize("classes", [1, 4, 10])
def test_labels_fit_into_the_figure(masks, classes):
    figure = figures.masks(
        masks[:classes],
        NAMES[:classes],
        "position (coefficients, coarse to fine)",
    )
    height, width, _ = figures.to_array(figure).shape
    for text in (figure._supxlabel, figure._supylabel):
        box = text.get_window_extent()
        assert 0 <= box.x0 and box.x1 <= width
        assert 0 <= box.y0 and box.y1 <= height


def test_lowest_frequency_is_at_the_top_left():
    mask = np.zeros((1, 4, 4), bool)
    mask[0, 0, 0] = True
    array = figures.to_array(figures.masks(mask, ["mean"])).astype(int)
    blue = array[..., 2] - array[..., 0] > 60
    rows, columns = np.nonzero(blue)
    figure = figures.masks(~mask, ["mean"])
    rest = figures.to_array(figure).astype(int)
    others = np.nonzero(rest[..., 2] - rest[..., 0] > 60)
    assert rows.mean() < others[0].mean()
    assert columns.mean() < others[1].mean()


def test_array_shows_the_difference(masks):
    one = figures.to_array(figures.masks(masks, NAMES))
    other = figures.to_array(figures.masks(masks[::-1], NAMES))
    assert one.dtype == np.uint8 and one.ndim == 3
    assert one.shape == other.shape
    assert (one != other).any(axis=-1).mean() > 0.01


def test_many_classes_get_a_note():
    masks = np.ones((23, 4, 8), bool)
    figure = figures.masks(masks, [str(i) for i in range(23)])
    assert len(panels(figure)) == 20
    assert figure.get_suptitle() == "3 more classes are not shown"
    assert figures.masks(masks[:20], ["a"] * 20).get_suptitle() == ""


def test_masks_of_volumes_are_seen_from_the_front():
    mask = np.zeros((1, 3, 4, 4), bool)
    mask[0, 1, 2, 3] = mask[0, 2, 2, 3] = mask[0, 0, 1, 0] = True
    figure = figures.masks(mask, ["volume"])
    (axes,) = panels(figure)
    drawn = axes.images[0]
    expected = np.zeros((4, 4))
    expected[2, 3], expected[1, 0] = 2, 1
    np.testing.assert_array_equal(drawn.get_array(), expected)
    assert axes.get_title() == "volume\n3 kept"
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["dropped", "kept once", "2 times"]
    colors = [patch.get_facecolor() for patch in legend.get_patches()]
    assert colors == [tuple(x) for x in drawn.cmap(drawn.norm([0, 1, 2]))]
    assert len(set(colors)) == 3


def test_bad_masks_are_refused(masks):
    with pytest.raises(ValueError, match=r"Received: int64 \(10, 8, 8\)"):
        figures.masks(masks.astype(np.int64), NAMES)
    with pytest.raises(ValueError, match=r"Received: bool \(8, 8\)"):
        figures.masks(masks[0], NAMES)
    with pytest.raises(ValueError, match=r"\(10\)\. Received: 9 names"):
        figures.masks(masks, NAMES[:9])
