"""What a distilled set holds, and what it refuses to hold."""

import dataclasses

import numpy as np
import pytest

from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet

NAMES = ("zero", "one", "two")
SOFT = np.float64([[0.2, 0.3, 0.5], [1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]])


@pytest.fixture
def synthetic_set(digits) -> SyntheticSet:
    """Four real digits of three classes."""
    rows = np.flatnonzero(digits.train.labels < 3)[:4]
    return SyntheticSet(
        digits.normalization(digits.train.images[rows]),
        digits.train.labels[rows],
        NAMES,
        digits.normalization,
        "digits",
        floats_stored=256,
    )


def test_values_come_in_one_type(digits):
    made = SyntheticSet(
        [[[[0.5]]], [[[1.5]]]],
        np.uint8([2, 0]),
        list(NAMES),
        Standardize((0.5,), (0.25,)),
        "lists",
        2,
        soft_labels=SOFT[:2],
    )
    assert (made.images.dtype, made.images.shape) == (np.float32, (2, 1, 1, 1))
    assert made.labels.dtype == np.int32
    assert made.soft_labels.dtype == np.float32
    assert made.class_names == NAMES and made.classes == 3
    np.testing.assert_allclose(made.pixels().ravel(), [0.625, 0.875])


def test_pixels_are_the_images_before_normalisation(synthetic_set, digits):
    rows = np.flatnonzero(digits.train.labels < 3)[:4]
    np.testing.assert_allclose(
        synthetic_set.pixels(), digits.train.images[rows], atol=1e-6
    )


def test_soft_labels_are_trained_on_in_place_of_labels(synthetic_set):
    assert synthetic_set.targets is synthetic_set.labels
    softened = dataclasses.replace(synthetic_set, soft_labels=SOFT)
    np.testing.assert_allclose(softened.targets, SOFT)
    np.testing.assert_array_equal(softened.labels, synthetic_set.labels)


def test_hard_labels_are_the_likeliest_classes(synthetic_set):
    assert synthetic_set.with_hard_labels() is synthetic_set
    for labels, kind in ((SOFT, "probabilities"), (SOFT - 0.5, "scores")):
        softened = dataclasses.replace(
            synthetic_set, soft_labels=labels, label_kind=kind
        )
        hard = softened.with_hard_labels()
        assert hard.kind_of_soft_labels is None
        np.testing.assert_array_equal(hard.targets, [2, 0, 0, 2])
        assert hard.label_kind == synthetic_set.label_kind


@pytest.mark.parametrize(("of_second", "views"), [([0, 3, 1], 2), (SOFT[1], 1)])
def test_views_of_other_classes_stand_for_themselves(
    synthetic_set, of_second, views
):
    """Those of learned labels may come to other classes."""
    soft = np.stack([[0, 4, 0], of_second, SOFT[0], SOFT[3]])
    softened = dataclasses.replace(
        synthetic_set,
        labels=np.array([1, 1, 2, 2]),
        soft_labels=soft,
        label_kind="scores",
        views=2,
    )
    hard = softened.with_hard_labels()
    assert hard.views == views
    np.testing.assert_array_equal(hard.labels, soft.argmax(-1))


def test_nothing_is_known_of_what_was_not_said(synthetic_set):
    assert synthetic_set.student_learning_rate is None
    assert synthetic_set.soft_labels is None
    assert synthetic_set.details == {}


def test_images_of_any_number_of_axes(synthetic_set):
    voxels = synthetic_set.images.reshape(4, 4, 4, 4, 1)
    volume = dataclasses.replace(synthetic_set, images=voxels)
    assert volume.pixels().shape == (4, 4, 4, 4, 1)


def test_a_normalization_is_no_name(synthetic_set):
    with pytest.raises(TypeError, match="`normalization` must be a `Normal"):
        dataclasses.replace(synthetic_set, normalization="standardize")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((4, 8))}, r"one. Received: \(4, 8\) and \(4,\)"),
        ({"images": np.zeros((0, 8, 8, 1)), "labels": []}, "at least one"),
        ({"labels": np.arange(3)}, r"Received: \(4, 8, 8, 1\) and \(3,\)"),
        ({"labels": np.zeros((4, 1), int)}, r"and \(4, 1\)"),
        ({"labels": np.zeros(4)}, "must be integers. Received: dtype float64"),
        ({"labels": [0, 1, 2, 3]}, r"\[0, 3\).* Received: 0 to 3"),
        ({"labels": [0, 1, 2, -1]}, "Received: -1 to 2"),
        ({"soft_labels": SOFT[:3]}, r"\[4, 3\].* Received: \(3, 3\)"),
        ({"soft_labels": SOFT[:, :2]}, r"\[4, 3\].* Received: \(4, 2\)"),
        ({"soft_labels": 2 * SOFT}, "probabilities .* that sum to 1"),
        ({"soft_labels": SOFT * [2, 1, 1] - [0, 0, 0.2]}, "probabilities"),
        ({"labels": [0, 1, 2, 2**32]}, "Received: 0 to 4294967296"),
        ({"normalization": Standardize((0,) * 3, (1,) * 3)}, "Received: 3 for"),
        ({"views": 3}, "Received: 3 for 4 images. Give a divisor"),
        ({"views": 0}, "Received: 0 for 4 images"),
        ({"labels": [0, 0, 1, 2], "views": 2}, "all of one class.* 2 for 4"),
        ({"student_learning_rate": float("inf")}, "must be finite. Rec.*inf"),
        ({"images": np.full((4, 8, 8, 1), np.nan)}, "256 NaN or infinite"),
    ],
)
def test_what_does_not_fit_is_refused(synthetic_set, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(synthetic_set, **changes)


@pytest.mark.parametrize(
    "name",
    ["", " 9", "9 ", "a\nb", "a\rb", "\x1b[2J", "a\x85b", "a\u2028b", "\ud800"]
    + ["one", 7, None, "long" * 51],
)
def test_names_that_no_file_gives_back_are_refused(synthetic_set, name):
    """A directory of classes may hold any bytes but / and 0."""
    names = ("zero", "one", name)
    with pytest.raises(ValueError, match="`class_names` must be distinct sin"):
        dataclasses.replace(synthetic_set, class_names=names)


def test_names_in_any_script_are_kept(synthetic_set):
    names = ("né", "数字 3", 'a/b, "c"')
    named = dataclasses.replace(synthetic_set, class_names=names)
    assert named.class_names == names


def test_one_infinite_value_is_enough(synthetic_set):
    images = synthetic_set.images.copy()
    images[2, 3, 4, 0] = np.inf
    with pytest.raises(ValueError, match="Received 1 NaN or infinite values"):
        dataclasses.replace(synthetic_set, images=images)
