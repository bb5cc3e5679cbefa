"""A part of the training images stands for the test images."""

import dataclasses
import shutil

import numpy as np
import pytest

from fred_tf import datasets, scoring
from fred_tf.coresets import random_set
from fred_tf.datasets import DataFacts
from fred_tf.datasets.names import held_share
from fred_tf.datasets.preparation import Preparation
from fred_tf.forms import making
from tests.datasets import photos


def test_holdout_takes_the_last_of_each_class(digits):
    held = datasets.load("digits", holdout=0.1)
    assert held.name == "digits, holdout 0.1"
    assert len(held.train) + len(held.test) == len(digits.train)
    for label in range(10):
        rows = digits.train.indices_of(label)
        count = round(0.1 * len(rows))
        np.testing.assert_array_equal(
            held.test.images[held.test.indices_of(label)],
            digits.train.images[rows[-count:]],
        )
        assert len(held.train.indices_of(label)) == len(rows) - count


def test_accuracies_say_that_they_are_on_what_is_held_out(digits):
    """Of records, which are those of earlier versions, by the name."""
    for share in (0.1, 0.00001 + 0.1):
        facts = datasets.load("digits", holdout=share).facts
        assert facts.tested_on == "held-out training images"
        stated = facts.to_json()
        assert "tested_on" not in stated
        assert DataFacts.from_json(stated) == facts
        for told in (facts.description(), stated):
            assert making.tested_on({"data": told}) == facts.tested_on
    assert digits.facts.tested_on == "test"
    assert making.tested_on({"data": digits.facts.description()}) == "test"


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_holdout_leaves_both_sides_something(share):
    with pytest.raises(ValueError, match=f"`holdout`.*Received: {share} of"):
        datasets.load("digits", holdout=share)


@pytest.mark.parametrize(
    ("own", "scored", "is_told"),
    [(0.0, 0.5, True), (0.2, 0.5, True), (0.5, 0.5, False), (0.5, 0.2, False)],
)
def test_a_set_scored_on_what_it_was_made_of_is_warned_of(
    own, scored, is_told, caplog
):
    """Whoever scores it: all routes ask whether the data fit the set."""
    chosen = random_set(datasets.load("digits", holdout=own), 1, 0)
    scoring.fitted_on(datasets.load("digits", holdout=scored), chosen)
    assert ("distilled from: its accuracy" in caplog.text) == is_told


@pytest.mark.parametrize(
    ("own", "scored", "is_grown", "is_told"),
    [
        (0.0, 0.0, False, False),
        (0.0, 0.0, True, True),
        (0.5, 0.0, False, True),
        (0.5, 0.5, False, False),
        (0.5, 0.5, True, True),
        (0.5, 0.2, False, False),
    ],
)
def test_a_set_scored_on_what_is_drawn_anew_is_warned_of(
    tmp_path, caplog, own, scored, is_grown, is_told
):
    """Of a folder that has grown another fifth is held back, or held out."""
    photos.take(tmp_path, 6)

    def loaded(share):
        return datasets.load(
            f"folder:{tmp_path}",
            holdout=share,
            preparation=Preparation(image_size=8),
        )

    data = loaded(own)
    details = {"data": data.facts.description()}
    chosen = dataclasses.replace(random_set(data, 1, 0), details=details)
    if is_grown:
        shutil.copy(tmp_path / "dog/1.PNG", tmp_path / "dog/00.png")
    scoring.fitted_on(loaded(scored), chosen)
    assert ("it may have seen some" in caplog.text) == is_told


def test_the_share_of_a_name_is_a_number():
    """Of names that may be anybody's."""
    assert held_share("digits, holdout 1e-05") == 0.00001
    assert held_share("folder:a, holdout 0-1.2") == 0.0
    assert held_share("digits") == 0.0
