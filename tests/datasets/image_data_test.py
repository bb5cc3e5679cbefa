import numpy as np
import pytest

from fred_tf.datasets.image_data import ImageData, Split
from fred_tf.normalizations import Standardize

GREY = Standardize((0.5,), (0.25,))


def images(count=4, shape=(8, 8, 1), dtype=np.uint8):
    return np.zeros((count, *shape), dtype)


def data(train, test, class_names=("ant", "bee"), normalization=GREY):
    return ImageData("insects", train, test, class_names, normalization)


def test_split_keeps_bytes_and_finds_classes():
    pixels = images()
    split = Split(pixels, np.array([1, 0, 1, 1], np.uint8))
    assert split.images is pixels
    assert split.labels.dtype == np.int32
    assert len(split) == 4
    np.testing.assert_array_equal(split.indices_of(1), [0, 2, 3])
    np.testing.assert_array_equal(split.indices_of(7), [])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_become_float32(dtype):
    split = Split(np.full((1, 8, 8, 1), 0.25, dtype), [0])
    assert split.images.dtype == np.float32
    assert (split.images == 0.25).all()


def test_data_know_their_sizes():
    split = Split(images(2), [0, 1])
    whole = data(split, split, ["ant", "bee"])
    assert whole.image_shape == (8, 8, 1)
    assert whole.classes == 2
    assert whole.class_names == ("ant", "bee")


class Counted(Standardize):
    """Notes how many images each call was of."""

    counts: list[int] = []

    def __call__(self, images):
        self.counts.append(len(images))
        return super().__call__(images)


def test_only_images_that_are_read_are_normalised():
    split = Split(images(100), np.arange(100) % 2)
    normalized = data(
        split, split, normalization=Counted((0.5,), (0.25,))
    ).normalized_train
    assert Counted.counts == [] and normalized.shape == (100, 8, 8, 1)
    few = normalized[[3, 8]]
    assert Counted.counts == [2] and few.dtype == np.float32
    np.testing.assert_array_equal(few, GREY(split.images)[[3, 8]])


@pytest.mark.parametrize(
    "shape",
    [(4, 64), (4, 8, 8), (0, 8, 8, 1), (4, 8, 8, 0), (4, 8, 8, 2)],
)
def test_layouts_that_are_no_images_are_refused(shape):
    with pytest.raises(ValueError, match=r"height, width, channels.*shape \("):
        Split(np.zeros(shape, np.uint8), np.zeros(shape[0], int))


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_first_is_refused(channels):
    with pytest.raises(ValueError, match="channels last.*np.moveaxis"):
        Split(images(shape=(channels, 8, 8)), [0, 1, 0, 1])


@pytest.mark.parametrize("dtype", [np.int32, np.uint16, bool, complex])
def test_other_pixel_types_are_refused(dtype):
    with pytest.raises(ValueError, match="must be uint8, or floating"):
        Split(images(dtype=dtype), [0, 1, 0, 1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_must_be_finite(value):
    pixels = images(dtype=np.float32)
    pixels[2, 3, 3] = value
    with pytest.raises(ValueError, match="finite. Received: 1 NaN or inf"):
        Split(pixels, [0, 1, 0, 1])


@pytest.mark.parametrize("value", [-0.1, 1.5, 255.0])
def test_float_pixels_must_lie_in_the_unit_range(value):
    pixels = images(dtype=np.float32)
    pixels[0] = value
    with pytest.raises(ValueError, match=r"\[0, 1\].*Divide pixels by 255"):
        Split(pixels, [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 0], r"one per image \(4\). Received: shape \(3,\). Give"),
        ([[0, 1]] * 4, r"shape \(4, 2\). .*one-hot rows take `labels.argmax"),
        (["a", "b", "a", "b"], "dtype <U1. Number the classes from 0; `class_"),
        ([[0], [1], [0], [1]], r"Received: shape \(4, 1\)"),
        ([0.0, 1.0, 0.0, 1.0], "must be integers. Received: dtype float64"),
        ([False, True, False, True], "must be integers. Received: dtype bool"),
        ([0, -1, 0, 1], "numbered from 0. Received: -1 to 1"),
        ([0, 2**32, 0, 1], "numbered from 0. Received: 0 to 4294967296"),
    ],
)
def test_labels_must_be_class_numbers(labels, message):
    with pytest.raises(ValueError, match=message):
        Split(images(), labels)


@pytest.mark.parametrize("name", ["train", "test"])
def test_labels_must_have_names(name):
    splits = {key: Split(images(3), [0, 1, 1]) for key in ("train", "test")}
    splits[name] = Split(images(3), [0, 1, 2])
    with pytest.raises(ValueError, match=rf"\[0, 2\).*: 2 in the {name} split"):
        data(**splits)


def test_missing_classes_are_named():
    train = Split(images(2), [0, 2])
    names = ("ant", "bee", "cat", "dog")
    with pytest.raises(ValueError, match="no image of 'bee', 'dog' in 'insec"):
        data(train, train, names)


def test_the_test_split_may_lack_a_class(caplog):
    train = Split(images(3), [0, 1, 2])
    lacking = data(train, Split(images(2), [0, 2]), ("ant", "bee", "cat"))
    assert (lacking.classes, lacking.tested_classes) == (3, 2)
    assert "has NO image of 'bee': accuracies are over 2 of 3" in caplog.text
    caplog.clear()
    assert data(train, train, ("ant", "bee", "cat")).tested_classes == 3
    assert not caplog.text


def test_one_class_is_not_scored():
    both, one = Split(images(2), [0, 1]), Split(images(2), [0, 0])
    with pytest.raises(ValueError, match=r"at least two.*\['ant'\] in 'insec"):
        data(one, one, ("ant",))
    with pytest.raises(ValueError, match="of at least two .* none of 'bee' in"):
        data(both, one)
    assert data(both, None).classes == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (" bee", "' bee'"),
        ("bee\u00a0", "'bee"),
        ("", "''"),
        ("be\ne", r"'be\\ne'"),
        ("be\u2028e", "'be"),
        ("be\x07e", "'be"),
        ("be\udce9", "'be"),
        ("b" * 201, "'bbb"),
        ("ant", "'ant' more than once"),
        (3, "3"),
    ],
)
def test_names_of_classes_are_lines(name, message):
    split = Split(images(2), [0, 1])
    with pytest.raises(ValueError, match=f"lines.*{message}.*Rename the"):
        data(split, split, ("ant", name))


@pytest.mark.parametrize(
    "name", ["bee/wasp", "蜂", "a b", "می\u200cخواهم", "0"]
)
def test_odd_names_that_are_lines_are_taken(name):
    split = Split(images(2), [0, 1])
    assert data(split, split, ("ant", name)).class_names[1] == name


@pytest.mark.parametrize("name", ["in\nsects", " insects", "", "in\udce9"])
def test_names_of_data_sets_are_lines(name):
    split = Split(images(2), [0, 1])
    with pytest.raises(ValueError, match="`dataset` must .*another name"):
        ImageData(name, split, split, ("ant", "bee"), GREY)


def test_splits_must_have_one_shape():
    train = Split(images(2), [0, 1])
    test = Split(images(2, (8, 9, 1)), [0, 1])
    with pytest.raises(ValueError, match=r"\(8, 8, 1\) and \(8, 9, 1\)"):
        data(train, test)


def test_normalization_must_fit_the_channels():
    split = Split(images(2, (8, 8, 3)), [0, 1])
    with pytest.raises(ValueError, match="per channel. Received: 1 for"):
        data(split, split)


def test_what_lies_just_outside_is_told_in_full(generator):
    """Rounded, it would lie inside."""
    images = generator.random((2, 4, 4, 1), np.float32)
    images[0, 0, 0, 0] = np.nextafter(np.float32(1), np.float32(2))
    with pytest.raises(ValueError, match=r"to 1\.0000001\. Divide"):
        Split(images, np.arange(2))
