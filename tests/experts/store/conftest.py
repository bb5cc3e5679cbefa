"""A store of two experts, which are softmax regressions on digits.

The digits are those of scikit-learn (UCI "Optical recognition of handwritten
digits", 8 x 8 grey images).
"""

import json

import numpy as np
import pytest
from sklearn import datasets

from fred_tf.disk import records
from fred_tf.experts.store import ExpertStore

_EPOCHS = 3


def _expert(seed: int) -> np.ndarray:
    """Returns the parameters of a softmax regression, float32 [4, 640]."""
    images, labels = datasets.load_digits(return_X_y=True)
    images, labels = images[:100] / 16, np.eye(10)[labels[:100]]
    weights = 0.01 * np.random.default_rng(seed).standard_normal((64, 10))
    trajectory = [weights]
    for _ in range(_EPOCHS):
        logits = np.exp(images @ weights)
        error = logits / logits.sum(1, keepdims=True) - labels
        weights = weights - 0.5 * images.T @ error / len(images)
        trajectory.append(weights)
    return np.reshape(trajectory, (4, 640)).astype(np.float32)


@pytest.fixture(scope="session")
def experts() -> list[np.ndarray]:
    """Three trajectories; the first two are in `store`."""
    return [_expert(seed) for seed in range(3)]


@pytest.fixture
def description() -> dict:
    return {
        "network": {"name": "softmax", "width": 1},
        "parameters": 640,
        "epochs": _EPOCHS,
        "training": {"learning_rate": 0.5, "batch_size": 100},
        "dtype": "float32",
        "seed": 0,
    }


@pytest.fixture
def data() -> dict:
    return {"name": "digits", "train": "abc", "test": "def"}


@pytest.fixture
def store(tmp_path, description, data, experts) -> ExpertStore:
    store = ExpertStore.create_or_open(tmp_path / "experts", description, data)
    for number in range(2):
        store.append(experts[number], {"accuracy": number / 2})
    return store


@pytest.fixture
def edit_manifest(store):
    """Changes and reseals the manifest of `store`: a function of a function."""
    path = store.path / "manifest.json"

    def edit(change):
        manifest = json.loads(path.read_text())
        change(manifest)
        path.write_text(json.dumps(records.seal(manifest)))

    return edit
