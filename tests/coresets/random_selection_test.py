import numpy as np
import pytest

from fred_tf import datasets
from fred_tf.coresets import random_set, select_random

LABELS = np.array([2, 0, 1, 1, 0, 2, 1, 0, 2, 0])


def test_indices_are_class_major_and_distinct():
    chosen = select_random(LABELS, 3, 3, seed=0)
    np.testing.assert_array_equal(LABELS[chosen], [0, 0, 0, 1, 1, 1, 2, 2, 2])
    assert len(set(chosen)) == 9


def test_the_choice_follows_from_the_seed():
    labels = np.zeros(1000, int)
    first = select_random(labels, 20, 1, seed=1)
    np.testing.assert_array_equal(first, select_random(labels, 20, 1, seed=1))
    assert set(first) != set(select_random(labels, 20, 1, seed=2))


def test_a_longer_draw_starts_with_the_shorter_one():
    few = select_random(LABELS, 2, 3, seed=5).reshape(3, 2)
    more = select_random(LABELS, 3, 3, seed=5).reshape(3, 3)
    np.testing.assert_array_equal(few, more[:, :2])


def test_a_class_does_not_depend_on_the_others():
    alone = select_random(np.where(LABELS == 1, 1, 0), 2, 2, seed=5)
    among = select_random(LABELS, 2, 3, seed=5)
    np.testing.assert_array_equal(alone[2:], among[2:4])


def test_every_image_is_equally_likely():
    labels = np.arange(20) % 2
    draws = 500
    chosen = [select_random(labels, 3, 2, seed) for seed in range(draws)]
    counts = np.bincount(np.concatenate(chosen), minlength=20)
    spread = np.sqrt(draws * 0.3 * 0.7)
    assert np.abs(counts - draws * 0.3).max() < 5 * spread


@pytest.mark.parametrize(
    ("names", "message"),
    [(None, "3 of class 1"), (("ant", "bee", "cat"), "3 of class 'bee'")],
)
def test_too_small_a_class_is_named(names, message):
    with pytest.raises(ValueError, match=rf"\(4\).*Received: {message}.*`ipc`"):
        select_random(LABELS, 4, 3, 0, names)


@pytest.mark.parametrize("per_class", [0, -1])
def test_nothing_is_not_a_choice(per_class):
    with pytest.raises(ValueError, match=f"at least 1. Received: {per_class}"):
        select_random(LABELS, per_class, 3, 0)


def test_random_set_holds_real_images():
    data = datasets.load("digits")
    chosen = random_set(data, 2, seed=3)
    np.testing.assert_array_equal(chosen.labels, np.repeat(np.arange(10), 2))
    assert chosen.floats_stored == 20 * 8 * 8
    assert chosen.dataset == "digits"
    assert chosen.class_names == data.class_names
    assert chosen.details == {"method": "random"}
    for image, label in zip(chosen.pixels(), chosen.labels):
        own = data.train.images[data.train.labels == label]
        assert np.abs(own - image).max((1, 2, 3)).min() < 1e-6


def test_random_set_needs_enough_images():
    data = datasets.load("digits")
    with pytest.raises(ValueError, match=r"\(1000\) images.*of class '0'"):
        random_set(data, 1000, seed=0)
