"""Handwritten digits that come with scikit-learn: no download, no files."""

import numpy as np
from sklearn.datasets import load_digits

from fred_tf.datasets.image_data import Split

TEST_EVERY = 5


def read() -> tuple[Split, Split, tuple[str, ...]]:
    """Returns train split, test split and class names of the digits.

    The 1,797 images `[8, 8, 1]` count the ink in blocks of 4 * 4 pixels, 0 to
    16 (Alpaydin & Kaynak 1998, UCI machine learning repository); here they
    are divided by 16. Within each class every fifth image, from the first on,
    is a test image: 1,433 training and 364 test images in the source's order.
    """
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    is_test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        is_test[np.flatnonzero(labels == label)[::TEST_EVERY]] = True
    return (
        Split(images[~is_test], labels[~is_test]),
        Split(images[is_test], labels[is_test]),
        tuple(map(str, range(10))),
    )
