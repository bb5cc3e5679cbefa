"""Twenty real digits, and an export of them in three files."""

import shutil

import numpy as np
import pytest
from sklearn.datasets import load_digits

from fred_tf.forms.images import Images
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet

SHARDS = 3


@pytest.fixture(scope="package")
def synthetic_set() -> SyntheticSet:
    """The first one has values that are easily lost."""
    data = load_digits()
    pixels = (data.images[:20, ..., None] / 16).astype(np.float32)
    standardize = Standardize.fit(pixels)
    images = standardize(pixels)
    images[0, 0, :4, 0] = [-0.0, 1e-45, 3e38, -1 / 3]
    return SyntheticSet(
        images=images,
        labels=data.target[:20],
        class_names=tuple(f"digit {i}, né $x_{i}$" for i in range(10)),
        normalization=standardize,
        dataset="3D-digits",
        floats_stored=640,
        student_learning_rate=0.1 + 0.2,
        details={"objective": "trajectory_matching", "steps": [1, 2.5, None]},
    )


@pytest.fixture(scope="package")
def exported(synthetic_set, tmp_path_factory):
    # Names that trip careless path handling.
    parent = tmp_path_factory.mktemp("two words ü")
    return Images().write(synthetic_set, None, parent / "digits", SHARDS)


@pytest.fixture
def folder(exported, tmp_path):
    """A copy to damage, and a proof that exports can be moved."""
    return shutil.copytree(exported, tmp_path / "moved")


@pytest.fixture(scope="session")
def shards_of():
    return lambda folder: sorted(folder.glob("*.tfrecord-*"))
