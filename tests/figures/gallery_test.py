import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_digits

from fred_tf import figures
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet


@pytest.fixture(scope="module")
def digits() -> SyntheticSet:
    data = load_digits()
    pixels = (data.images[:40, ..., None] / 16).astype(np.float32)
    standardize = Standardize.fit(pixels)
    return SyntheticSet(
        standardize(pixels),
        data.target[:40],
        tuple(f"digit {i}" for i in range(10)),
        standardize,
        "digits",
        0,
    )


def tiles(figure) -> list[np.ndarray]:
    (axes,) = figure.axes
    return [np.asarray(image.get_array()) for image in axes.images]


def names(figure) -> list[str]:
    (axes,) = figure.axes
    return [label.get_text() for label in axes.get_yticklabels()]


def test_rows_are_classes_and_tiles_are_pixels(digits):
    figure = figures.gallery(digits, per_class=3)
    assert names(figure) == list(digits.class_names)
    data = load_digits()
    expected = [
        data.images[:40][data.target[:40] == label][:3] / 16
        for label in range(10)
    ]
    np.testing.assert_allclose(
        tiles(figure), np.concatenate(expected), rtol=0, atol=1e-6
    )


def test_tiles_stand_beside_their_names(digits):
    (axes,) = figures.gallery(digits, per_class=2).axes
    rows = [image.get_extent()[2:] for image in axes.images[::2]]
    for position, (bottom, top) in zip(axes.get_yticks(), rows):
        assert top < position < bottom
    assert [image.get_extent()[0] for image in axes.images[:3]] == [0, 1.06, 0]


def test_images_within_range_are_drawn_as_they_are(digits):
    expected = digits.pixels()[0, ..., 0]
    first = tiles(figures.gallery(digits, per_class=1))[0]
    np.testing.assert_allclose(first, np.clip(expected, 0, 1), atol=1e-6)


def test_images_out_of_range_keep_their_shades(digits):
    """Clipping alone would leave black and white."""
    wild = dataclasses.replace(digits, images=100 * digits.images)
    drawn = np.array(tiles(figures.gallery(wild, per_class=1)))
    assert drawn.min() == 0 and drawn.max() == 1
    assert ((drawn > 0.05) & (drawn < 0.95)).mean() > 0.1


def test_array_shows_the_difference(digits):
    array = figures.to_array(figures.gallery(digits, per_class=2), dpi=50)
    inverted = dataclasses.replace(digits, images=-digits.images)
    other = figures.to_array(figures.gallery(inverted, per_class=2), dpi=50)
    assert array.dtype == np.uint8
    assert array.shape == other.shape
    assert (array != other).mean() > 0.1


def test_grey_stays_grey_and_color_is_drawn(digits):
    grey = figures.to_array(figures.gallery(digits, per_class=1))
    assert (np.ptp(grey.astype(int), axis=-1) == 0).all()
    red = np.concatenate(
        [digits.pixels(), np.zeros((40, 8, 8, 2), np.float32)], axis=-1
    )
    unit = Standardize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    colored = dataclasses.replace(digits, images=red, normalization=unit)
    array = figures.to_array(figures.gallery(colored, per_class=1)).astype(int)
    assert (array[..., 0] - array[..., 1] > 200).mean() > 0.05


@pytest.mark.parametrize("size", [8, 128])
@pytest.mark.parametrize("classes", [10, 100])
def test_sizes_stay_sensible_and_names_are_inside(size, classes):
    rows = np.arange(classes, dtype=np.int32).repeat(10)
    unit = Standardize((0.0,), (1.0,))
    long = SyntheticSet(
        np.zeros((len(rows), size, size, 1), np.float32),
        rows,
        tuple(f"Old_English_$heepdog_{i}$" for i in range(classes)),
        unit,
        "dogs",
        0,
    )
    figure = figures.gallery(long)
    width, height = figure.get_size_inches()
    shown = min(classes, 20)
    assert len(tiles(figure)) == 10 * shown
    assert names(figure) == list(long.class_names[:shown])
    assert 6 < width < 14 and 5 < height < 20
    # Tiles are square, and black: what is not white left of them is a name.
    array = figures.to_array(figure, dpi=150)
    assert (array[:, :5] == 255).all()
    assert (array[:, :150] < 128).any()
    notes = [text.get_text() for text in figure.texts]
    assert notes == (["80 more classes are not shown"] if classes > 20 else [])


def test_class_without_images_keeps_its_row(digits):
    some = dataclasses.replace(
        digits,
        images=digits.images[digits.labels != 3],
        labels=digits.labels[digits.labels != 3],
    )
    figure = figures.gallery(some, per_class=1)
    assert len(tiles(figure)) == 9
    assert len(names(figure)) == 10


@pytest.mark.parametrize(
    ("axis", "side"), enumerate(["front", "top", "side"], start=1)
)
def test_volumes_are_seen_from_where_they_look_least_alike(digits, axis, side):
    empty = np.full_like(digits.images, digits.images.min())
    volumes = np.stack([empty, digits.images, empty], axis)
    deep = dataclasses.replace(digits, images=volumes)
    figure = figures.gallery(deep)
    np.testing.assert_array_equal(tiles(figure), tiles(figures.gallery(digits)))
    (note,) = figure.texts
    assert note.get_text() == f"seen from the {side}"
    beside = figures.beside({"a": deep, "b": deep}, per_class=1)
    assert tiles(beside)[0].shape == (8, 8)
    snapshots = {step: volumes[:10] for step in (0, 5)}
    over_time = figures.strips(
        snapshots, digits.class_names, digits.normalization
    )
    np.testing.assert_array_equal(tiles(over_time)[1], tiles(figure)[0])


def test_bad_requests_are_refused(digits):
    with pytest.raises(ValueError, match="at least 1. Received: 0"):
        figures.gallery(digits, per_class=0)
    two_channels = dataclasses.replace(
        digits,
        images=np.zeros((40, 8, 8, 2), np.float32),
        normalization=Standardize((0.5, 0.5), (0.25, 0.25)),
    )
    with pytest.raises(ValueError, match=r"Received: \(40, 8, 8, 2\)"):
        figures.gallery(two_channels)
