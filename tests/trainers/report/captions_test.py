"""Each sentence holds for the set that it is said of."""

import dataclasses

import numpy as np
import pytest

from fred_tf.normalizations import NORMALIZATIONS, Standardize
from fred_tf.parameterizations import Frequency
from fred_tf.parameterizations.frequency_mask import MASK_RULES
from fred_tf.synthetic_set import SyntheticSet
from trainers.report import captions


def a_set(per_class: int = 2, highest: float = 1.0, **fields) -> SyntheticSet:
    images = np.random.default_rng(0).random((2 * per_class, 4, 4, 1)) * highest
    labels = np.repeat([0, 1], per_class)
    own = Standardize((0.0,), (1.0,))
    return SyntheticSet(images, labels, ("a", "b"), own, "x", 9, **fields)


@pytest.mark.parametrize(
    "per_class, said",
    [
        (1, "The image of each class."),
        (5, "All images of each class."),
        (6, "The first 5 of 6 images of each class."),
    ],
)
def test_images_are_counted(per_class, said):
    assert captions.images(a_set(per_class), most=5) == said


def test_contrast_is_told_of_where_it_is_less():
    said = captions.images(a_set(highest=3), 5)
    assert said.endswith("real ones: all are drawn with less contrast.")
    one = a_set()
    one.images[0] *= 3
    assert "1 of them are drawn" in captions.images(one, 5)
    # What is not drawn is not counted.
    one = a_set(per_class=3)
    one.images[[2, 4]] *= 3
    assert "1 of them are drawn" in captions.images(one, 2)


def test_a_whitening_is_undone(digits):
    own = NORMALIZATIONS["zca"].fit(digits.train.images)
    images = own(digits.train.images[:20])
    labels = digits.train.labels[:20]
    names = digits.class_names
    whitened = SyntheticSet(images, labels, names, own, "digits", 9)
    assert "whitening is undone" in captions.images(whitened, 5)
    assert "whitening is undone" in captions.over_time(whitened)
    assert "whitening" not in captions.over_time(a_set())


def memory(shape=(4, 4, 3), **settings) -> Frequency:
    settings = {"coefficients_per_channel": 5, **settings}
    return Frequency(shape, 2, 2, Frequency.Settings(**settings))


def test_every_rule_of_masks_has_its_words():
    assert captions._RULES.keys() == MASK_RULES.keys()


@pytest.mark.parametrize(
    "made, chosen, said",
    [
        (
            memory(mask_rule="energy"),
            True,
            "What each class keeps: 5 of 16 frequencies, those that hold most "
            "energy of its real images. The same of every channel.",
        ),
        (
            memory((4, 4, 1), coefficients_per_channel=16),
            True,
            "What each class keeps: 16 of 16 frequencies.",
        ),
        (
            memory(channels="joint"),
            False,
            "What each class keeps: 15 of 48 frequencies. Channels are one "
            "more axis of the transform. The picture counts along the other "
            "axes: the darker, the more are kept.",
        ),
        (
            memory((4, 4, 1), transform="identity"),
            False,
            "What each class keeps: 5 of 16 positions.",
        ),
    ],
)
def test_masks_are_told_of_as_they_are(made, chosen, said):
    assert captions.masks(made, chosen) == said


def test_labels_are_what_they_are():
    soft = np.full((4, 2), 0.5, np.float32)
    said = captions.labels(a_set(soft_labels=soft))
    assert said.endswith("class's images: probabilities of all classes.")
    scores = dataclasses.replace(a_set(soft_labels=soft), label_kind="scores")
    assert "scores, to be regressed on" in captions.labels(scores)


def test_a_mean_is_told_of_where_it_is_drawn():
    assert captions.curve("loss", 1) == "Loss."
    said = "Loss: strong, the mean of 21 steps; faint, each."
    assert captions.curve("loss", 21) == said
