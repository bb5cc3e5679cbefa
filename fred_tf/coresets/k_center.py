"""K-center: images that leave no other far away."""

import numpy as np


def k_center(features: np.ndarray, count: int) -> np.ndarray:
    """Chooses rows so that each row is close to one of them.

    Starts with the row closest to the mean and adds, greedily, the row that is
    farthest from those chosen; the largest distance left is at most twice the
    least that any `count` rows leave, whatever the start (Gonzalez 1985; for
    coresets, Sener & Savarese 2018, algorithm 1, arXiv 1708.00489). The first
    k of a longer choice are the choice of k. Arguments and result as of `herd`.
    """
    features = np.asarray(features, np.float64)

    def squared_distances(point: np.ndarray) -> np.ndarray:
        return ((features - point) ** 2).sum(1)

    indices = [int(np.argmin(squared_distances(features.mean(0))))]
    nearest = squared_distances(features[indices[0]])
    while len(indices) < count:
        # Equal images are at distance 0: none is chosen twice.
        nearest[indices] = -1
        indices.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, squared_distances(features[indices[-1]]))
    return np.array(indices, np.int64)
