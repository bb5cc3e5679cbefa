"""What is known of common data sets before any of their data is read."""

import dataclasses

from fred_tf.normalizations import Standardize


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """Sizes and normalisation constants of a data set.

    Attributes:
        name: what `datasets.load` calls it.
        image_shape: `(height, width, channels)`.
        classes: number of classes.
        mean: per channel, of the training split in [0, 1] units.
        deviation: per channel, of the training split in [0, 1] units.
    """

    name: str
    image_shape: tuple[int, int, int]
    classes: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @property
    def normalization(self) -> Standardize:
        """Standardisation with the constants above."""
        return Standardize(self.mean, self.deviation)


# Constants as in the code of FreD (Shin et al. 2023, arXiv 2311.08819), so
# that its step sizes apply. Some are not quite what the training split gives:
# CIFAR-10's deviations average over batches (exact: .2470 .2435 .2616).
_SPECS = (
    DatasetSpec("mnist", (28, 28, 1), 10, (0.1307,), (0.3081,)),
    DatasetSpec("fashion_mnist", (28, 28, 1), 10, (0.2861,), (0.3530,)),
    DatasetSpec(
        "svhn_cropped",
        (32, 32, 3),
        10,
        (0.4377, 0.4438, 0.4728),
        (0.1980, 0.2010, 0.1970),
    ),
    DatasetSpec(
        "cifar10",
        (32, 32, 3),
        10,
        (0.4914, 0.4822, 0.4465),
        (0.2023, 0.1994, 0.2010),
    ),
    # As in the gradient- and distribution-matching code; the trajectory-
    # matching code uses CIFAR-10's constants here.
    DatasetSpec(
        "cifar100",
        (32, 32, 3),
        100,
        (0.5071, 0.4866, 0.4409),
        (0.2673, 0.2564, 0.2762),
    ),
    # Ours: computed from the training split of `datasets.digits`.
    DatasetSpec("digits", (8, 8, 1), 10, (0.3054,), (0.3763,)),
)

KNOWN = {spec.name: spec for spec in _SPECS}
