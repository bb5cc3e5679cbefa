"""A part of the training images stands for the test images."""

import numpy as np
import pytest

from fred_tf import datasets


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


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_holdout_leaves_both_sides_something(share):
    with pytest.raises(ValueError, match=f"`holdout`.*Received: {share} of"):
        datasets.load("digits", holdout=share)
