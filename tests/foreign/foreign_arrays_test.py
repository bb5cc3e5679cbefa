"""Arrays of others become the set that they say they are, or are refused."""

import numpy as np
import pytest
import scipy.special

import fred_tf
from fred_tf.foreign import ForeignArrays, foreign_set
from fred_tf.normalizations import Standardize


@pytest.fixture(scope="module")
def ten(digits):
    """An image of each class, in [0, 1], and their classes."""
    rows = [digits.train.indices_of(label)[0] for label in range(10)]
    return digits.train.images[rows], digits.train.labels[rows].astype(np.int64)


def test_bytes_unit_and_normalised_values_are_the_same_set(ten, digits):
    images, labels = ten
    pixels = np.round(255 * images)
    unit = (pixels / 255).astype(np.float32)
    expected = digits.normalization(unit)
    for values, said in (
        (pixels.astype(np.uint8), {}),
        (pixels.astype(np.float64), {"values": "bytes"}),
        (unit, {"values": "unit"}),
        (expected, {"values": "normalized"}),
        (unit[..., 0], {"values": "unit"}),
        (np.moveaxis(unit, -1, 1), {"values": "unit", "channels_first": True}),
    ):
        made = foreign_set((values, labels[:, None]), digits, **said)
        np.testing.assert_allclose(made.images, expected, atol=1e-5)
        np.testing.assert_array_equal(made.labels, labels)
        assert made.normalization == digits.normalization
        assert made.floats_stored == 640 and made.soft_labels is None
        assert made.class_names == digits.class_names


def test_other_constants_are_those_of_test_images_too(ten, digits):
    images, labels = ten
    theirs = Standardize((0.1,), (0.2,))
    made = foreign_set(
        ((images - 0.1) / 0.2, labels),
        digits,
        values="normalized",
        mean=[0.1],
        deviation=[0.2],
    )
    assert made.normalization == theirs
    np.testing.assert_allclose(made.pixels(), images, atol=1e-6)
    with pytest.raises(ValueError, match="'normalized'. Received: 'unit'"):
        ForeignArrays(images, labels, values="unit", mean=[0.1])
    with pytest.raises(ValueError, match="one mean and deviation per channel"):
        foreign_set(
            ten, digits, values="normalized", mean=[0, 0], deviation=[1, 1]
        )


def test_soft_labels_are_what_they_are_said_to_be(ten, digits, generator):
    images, labels = ten
    logits = generator.normal(size=(10, 10)) + 5 * np.eye(10)[labels]
    unit = {"values": "unit"}
    soft = scipy.special.softmax(logits, -1)
    for numbers, said, kind in (
        (soft, {}, "probabilities"),
        (logits, {"soft_labels": "logits"}, "probabilities"),
        (logits, {"soft_labels": "scores"}, "scores"),
        (np.eye(10, dtype=int)[labels], {}, "probabilities"),
    ):
        made = foreign_set((images, numbers), digits, **unit, **said)
        assert made.kind_of_soft_labels == kind
        np.testing.assert_array_equal(made.labels, labels)
        assert made.floats_stored == 640 + 100
        if numbers is logits:
            expected = logits if kind == "scores" else soft
            np.testing.assert_allclose(made.soft_labels, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "said", "message"),
    [
        ({}, {}, "must be said: `values` 'unit'.*--values=unit"),
        ({"images": np.uint8}, {"values": "unit"}, "Images of uint8"),
        ({"images": np.int32}, {"values": "unit"}, "dtype int32"),
        ({}, {"values": "pixels"}, "must be one of"),
        ({"images": lambda x: 255 * x}, {"values": "unit"}, "what their"),
        ({}, {"values": "bytes"}, "what their `values` say"),
        ({"images": lambda x: 65535 * x}, {"values": "bytes"}, "or scale them"),
        (
            {"images": lambda x: np.where(x > 0, 255 * x, -5e3)},
            {"values": "bytes"},
            "for -5e.03 to 255",
        ),
        ({"images": lambda x: x / 0}, {"values": "unit"}, "640 NaN"),
        ({"images": lambda x: x[:, 0, 0]}, {"values": "unit"}, "height"),
        ({"images": lambda x: x[:0]}, {"values": "unit"}, "shape"),
        ({"images": lambda x: x[:5]}, {"values": "unit"}, "each image .5."),
        ({"labels": np.float32}, {"values": "unit"}, "astype"),
        ({"labels": lambda x: x + 1}, {"values": "unit"}, "from 1 to 10"),
        ({"labels": lambda x: x // 2}, {"values": "unit"}, "5 classes from"),
        ({"labels": lambda x: np.eye(10)[x] - 0.1}, {"values": "unit"}, "logi"),
        (
            {"labels": lambda x: np.eye(11)[x]},
            {"values": "unit"},
            r"must be \[n, 10\]",
        ),
        ({}, {"values": "unit", "soft_labels": "logits"}, "rows of numbers"),
        (
            {"images": lambda x: np.moveaxis(x, -1, 1)},
            {"values": "unit"},
            "--channels_first",
        ),
        (
            {"images": lambda x: x[:, :7]},
            {"values": "unit"},
            r"Images must be \[8, 8, 1\].*\[7, 8, 1\]",
        ),
        (
            {"images": lambda x: x[..., 0]},
            {"values": "unit", "channels_first": True},
            "axis for channels",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_cannot_be_meant_is_refused(change, said, message, ten, digits):
    arrays = {"images": ten[0], "labels": ten[1]}
    for name, how in change.items():
        arrays[name] = (
            arrays[name].astype(how)
            if isinstance(how, type)
            else how(arrays[name])
        )
    with pytest.raises(ValueError, match=message):
        foreign_set((arrays["images"], arrays["labels"]), digits, **said)


def test_what_is_of_another_kind_is_told_in_a_line(ten, digits):
    images, labels = ten
    with pytest.raises(TypeError, match="a pair of images .*Rec.*: ndarray"):
        foreign_set(images, digits, values="unit")
    said = {"values": "normalized", "deviation": [1]}
    for mean in (0.5, "half", [None]):
        with pytest.raises(TypeError, match="`mean` must be a list with a num"):
            foreign_set((images, labels), digits, mean=mean, **said)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_arrays_come_as_a_pair(count, ten, digits):
    given = (*ten, ten[1])[:count]
    with pytest.raises(ValueError, match=f"a pair of images.*{count} of tuple"):
        foreign_set(given, digits, values="unit")


@pytest.mark.parametrize(
    "names", [("images", "labels"), ("x", "y"), ("data", "targets")]
)
def test_a_file_is_read_by_the_usual_names(names, ten, digits, tmp_path):
    path = tmp_path / "theirs.npz"
    np.savez(path, **dict(zip(names, ten)), epoch=3)
    made = fred_tf.foreign_set(path, digits, values="unit")
    np.testing.assert_array_equal(made.labels, ten[1])
    assert made.details["source"] == "theirs.npz"
    assert "pixels in [0, 1] units" in made.details["meaning"]


def test_files_without_one_pair_are_refused(ten, tmp_path):
    path = tmp_path / "theirs.npz"
    images, labels = ten
    for arrays in (
        {"images": images},
        {"images": images, "labels": labels, "x": images, "y": labels},
    ):
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match="one of the pairs images and lab"):
            ForeignArrays.read(path, values="unit")
    for name in ("nowhere.npz", "theirs.h5"):
        with pytest.raises((FileNotFoundError, ValueError), match=name):
            ForeignArrays.read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl"])
def test_a_pickle_is_refused_with_the_line_that_converts_it(suffix, tmp_path):
    path = tmp_path / f"images_best{suffix}"
    path.write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(ValueError, match="weights_only=True") as error:
        ForeignArrays.read(path)
    line = str(error.value).split('python -c "')[1].split('"')[0]
    compile(line, "line", "exec")
    assert "\n" not in str(error.value) and "images_best.npz" in line
