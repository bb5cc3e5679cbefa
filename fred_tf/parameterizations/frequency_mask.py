"""Which frequencies a class keeps."""

import numpy as np

from fred_tf.transforms import Transform


def explained_variance_ratio(coefficients: np.ndarray) -> np.ndarray:
    """Returns the share of the variance that lies along each frequency.

    With F the coefficients averaged over channels, centred over instances,
    and Cov their unbiased covariance, the ratio of dimension d is

        eta_d = e_d^T Cov e_d / trace(Cov) = Var(F_d) / sum_d' Var(F_d')

    (Shin et al. 2023, section 3; arXiv 2311.08819). Only the diagonal of the
    covariance matters, so it is never formed. The ratio depends on how the
    transform is scaled: the official masks use the unnormalised DCT.

    Args:
        coefficients: `[instances, ..., channels]` of one class.

    Returns:
        float64 `[...]`, summing to 1; zeros if nothing varies.

    Raises:
        ValueError: fewer than two instances, whose variance is undefined.
    """
    if len(coefficients) < 2:
        raise ValueError(
            "The explained variance ratio needs at least 2 instances of a "
            f"class. Received: {len(coefficients)}. Keep fewer "
            "`coefficients_per_channel` so that the budget holds more "
            "instances, keep all of them, or raise `ipc`."
        )
    values = np.asarray(coefficients, np.float64).mean(-1)
    variance = values.var(0, ddof=1)
    total = variance.sum()
    return variance / total if total > 0 else variance


def energy_share(coefficients: np.ndarray) -> np.ndarray:
    """Returns the share of the mean energy that lies along each frequency.

    As `explained_variance_ratio`, but about zero instead of about the mean:
    E[F_d^2] / sum_d' E[F_d'^2]. It also keeps frequencies in which the images
    of a class agree, which matter where a class has a common shape. Ours.

    Args:
        coefficients: `[instances, ..., channels]` of one class.

    Returns:
        float64 `[...]`, summing to 1; zeros if all coefficients are 0.
    """
    values = np.asarray(coefficients, np.float64).mean(-1)
    energy = (values**2).mean(0)
    total = energy.sum()
    return energy / total if total > 0 else energy


def _explained_variance(coefficients, transform, generator):
    return explained_variance_ratio(coefficients)


def _energy(coefficients, transform, generator):
    return energy_share(coefficients)


def _low_frequency(coefficients, transform, generator):
    return -transform.frequencies(coefficients.shape[1:-1])


def _high_frequency(coefficients, transform, generator):
    return transform.frequencies(coefficients.shape[1:-1])


def _random(coefficients, transform, generator):
    return generator.random(coefficients.shape[1:-1])


# Scores of all positions, highest kept. The last three look at no image: the
# lowest frequencies are those of the zig-zag order, diagonal by diagonal; a
# diagonal that is kept in part begins with the lowest row, always.
MASK_RULES = {
    "explained_variance": _explained_variance,
    "energy": _energy,
    "low_frequency": _low_frequency,
    "high_frequency": _high_frequency,
    "random": _random,
}


def choose_mask(
    rule: str,
    count: int,
    coefficients: np.ndarray,
    transform: Transform,
    generator: np.random.Generator,
) -> np.ndarray:
    """Returns the flat positions that a class keeps, ascending, `[count]`.

    Args:
        rule: a name in `MASK_RULES`.
        count: positions to keep, the same for every channel.
        coefficients: `[instances, ..., channels]` of the class.
        transform: what made them.
        generator: for the rule `random`.

    Raises:
        ValueError: the rule asks for frequencies and pixels have none, or for
            variances of fewer than two instances.
    """
    return top_frequencies(
        MASK_RULES[rule](coefficients, transform, generator), count
    )


def top_frequencies(score: np.ndarray, count: int) -> np.ndarray:
    """Returns the flat indices of the `count` highest scores, ascending.

    Ties go to the lower index, which is the lower frequency along the first
    axis.
    """
    order = np.argsort(-score.ravel(), kind="stable")
    return np.sort(order[:count]).astype(np.int32)
