"""Herding: images whose mean feature follows the class mean."""

import numpy as np


def herd(features: np.ndarray, count: int) -> np.ndarray:
    """Chooses rows whose running mean stays closest to the mean of all.

    Greedily, with mu the mean of the features f_i and S the sum of those
    chosen, the k-th choice (from 1) is the row not chosen before that minimises
    || k mu - S - f_i || (Welling 2009; Rebuffi et al. 2017, algorithm 4,
    arXiv 1611.07725). The first k of a longer choice are the choice of k.

    Args:
        features: `[n, d]` of one class.
        count: rows to choose, at most n.

    Returns:
        Their indices in the order chosen, int64 `[count]`; ties go to the
        lower one.
    """
    features = np.asarray(features, np.float64)
    mean, chosen_sum = features.mean(0), np.zeros(features.shape[1])
    left = np.ones(len(features), bool)
    indices = np.empty(count, np.int64)
    for k in range(count):
        target = (k + 1) * mean - chosen_sum
        # Not expanded to a matrix product, which may round equal rows apart.
        distance = ((features - target) ** 2).sum(1)
        indices[k] = np.argmin(np.where(left, distance, np.inf))
        left[indices[k]] = False
        chosen_sum += features[indices[k]]
    return indices
