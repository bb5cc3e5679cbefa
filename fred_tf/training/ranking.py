"""DD-Ranking: how good a set is beyond its size and the augmentation.

Scores of Li et al. 2025 (DD-Ranking, section 3): accuracies are fractions, all
of the same network and protocol. The accuracies of sets, too, are those with
hard labels: the label-robust score is about what a set is without soft ones,
and random images, to which it is compared, have no others.
"""

import math


def label_robust_score(
    distilled: float, random: float, full: float, weight: float = 0.5
) -> float:
    """Returns LRS in per cent, 100 for the best conceivable set.

    With IOR = distilled - random and HLR = full - distilled,

        a = weight * IOR - (1 - weight) * HLR
        LRS = 100 * (e^a - e^-1) / (e - e^-1)

    Args:
        distilled: accuracy in [0, 1] of networks trained on the set, with hard
            labels.
        random: of those trained on real images of the same ipc, drawn at
            random: as many as take the room of the set.
        full: of those trained on the whole training split.
        weight: in [0, 1].

    Raises:
        ValueError: an accuracy is no fraction.
    """
    _check(distilled=distilled, random=random, full=full)
    improvement, recovery = distilled - random, full - distilled
    return _scaled(weight * improvement - (1 - weight) * recovery)


def augmentation_robust_score(
    distilled: float,
    random: float,
    distilled_plain: float,
    random_plain: float,
    weight: float = 0.5,
) -> float:
    """Returns ARS in per cent.

    As LRS, with b = weight * (distilled - random) + (1 - weight) *
    (distilled_plain - random_plain) in the place of a.

    Args:
        distilled: accuracy in [0, 1] of the set, trained with augmentation.
        random: of real images of the same ipc, with augmentation.
        distilled_plain: of the set, without.
        random_plain: of the real images, without.
        weight: in [0, 1].

    Raises:
        ValueError: an accuracy is no fraction.
    """
    _check(
        distilled=distilled,
        random=random,
        distilled_plain=distilled_plain,
        random_plain=random_plain,
    )
    return _scaled(
        weight * (distilled - random)
        + (1 - weight) * (distilled_plain - random_plain)
    )


def _scaled(x: float) -> float:
    return 100 * (math.exp(x) - math.exp(-1)) / (math.e - math.exp(-1))


def _check(**accuracies: float) -> None:
    for name, value in accuracies.items():
        if not 0 <= value <= 1:
            raise ValueError(
                f"`{name}` must be an accuracy in [0, 1], not in per cent. "
                f"Received: {value}."
            )
