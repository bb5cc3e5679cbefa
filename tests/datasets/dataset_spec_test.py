import re

import numpy as np
import pytest

from fred_tf.datasets import digits
from fred_tf.datasets.dataset_spec import KNOWN


@pytest.mark.parametrize("name", KNOWN)
def test_rows_are_whole(name):
    spec = KNOWN[name]
    assert spec.name == name
    assert len(spec.image_shape) == 3
    assert spec.classes >= 2
    channels = spec.image_shape[-1]
    assert len(spec.mean) == len(spec.deviation) == channels
    # Nothing in [0, 1] deviates by more than 0.5.
    assert all(0 < value < 1 for value in spec.mean)
    assert all(0 < value <= 0.5 for value in spec.deviation)
    # Both go into sentences and into BibTeX, where "@" begins an entry.
    assert re.search(r"[A-Z]\w+ (19|20)\d\d, [A-Z]", spec.citation)
    assert spec.license
    # Of those that hubs know; `other` and `unknown` are among them.
    assert re.fullmatch(r"[a-z][a-z0-9.-]+", spec.license_id)
    assert "@" not in spec.citation
    assert not spec.citation.endswith(".") and not spec.license.endswith(".")


def test_normalization_has_the_constants_of_the_row():
    spec = KNOWN["cifar10"]
    white = spec.normalization(np.ones((1, 32, 32, 3), np.float32))
    np.testing.assert_allclose(
        white[0, 0, 0],
        (1 - np.array([0.4914, 0.4822, 0.4465])) / [0.2023, 0.1994, 0.2010],
        rtol=1e-6,
    )


def test_digits_row_agrees_with_its_training_split():
    train, _, class_names = digits.read()
    spec = KNOWN["digits"]
    assert train.images.shape[1:] == spec.image_shape
    assert len(class_names) == spec.classes
    images = train.images.astype(np.float64)
    assert spec.mean == (round(images.mean(), 4),)
    assert spec.deviation == (round(images.std(), 4),)
