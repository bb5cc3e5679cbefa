"""What is known of common data sets before any of their data is read."""

import dataclasses
import re
from collections.abc import Sequence

from fred_tf.datasets import names
from fred_tf.normalizations import Standardize


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """Sizes, normalisation constants and origin of a data set.

    Attributes:
        name: what `datasets.load` calls it.
        image_shape: `(height, width, channels)`.
        classes: number of classes.
        mean: per channel, of the training split in [0, 1] units.
        deviation: per channel, of the training split in [0, 1] units.
        citation: authors, year and title of what describes the set.
        license: what is known of its terms, to end a sentence with.
        license_id: what hubs of data sets call these terms.
    """

    name: str
    image_shape: tuple[int, int, int]
    classes: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    citation: str
    license: str
    license_id: str

    @property
    def normalization(self) -> Standardize:
        """Standardisation with the constants above."""
        return Standardize(self.mean, self.deviation)


# As https://www.cs.toronto.edu/~kriz/cifar.html has it.
_CIFAR = {
    "citation": (
        "Krizhevsky 2009, Learning multiple layers of features from tiny images"
    ),
    "license": (
        "its authors state no licence, and ask those who use it to cite their "
        "report"
    ),
    "license_id": "unknown",
}

# Constants as in the code of FreD (Shin et al. 2023, arXiv 2311.08819), so
# that its step sizes apply. Some are not quite what the training split gives:
# CIFAR-10's deviations average over batches (exact: .2470 .2435 .2616).
_SPECS = (
    DatasetSpec(
        "mnist",
        (28, 28, 1),
        10,
        (0.1307,),
        (0.3081,),
        "LeCun, Cortes & Burges 2010, MNIST handwritten digit database",
        # Hosts differ: a card on Hugging Face says MIT.
        "Creative Commons Attribution-ShareAlike 3.0, according to Keras and "
        "other hosts",
        "cc-by-sa-3.0",
    ),
    DatasetSpec(
        "fashion_mnist",
        (28, 28, 1),
        10,
        (0.2861,),
        (0.3530,),
        "Xiao, Rasul & Vollgraf 2017, Fashion-MNIST: a novel image dataset "
        "for benchmarking machine learning algorithms (arXiv 1708.07747)",
        "MIT, copyright Zalando SE",
        "mit",
    ),
    DatasetSpec(
        "svhn_cropped",
        (32, 32, 3),
        10,
        (0.4377, 0.4438, 0.4728),
        (0.1980, 0.2010, 0.1970),
        "Netzer, Wang, Coates, Bissacco, Wu & Ng 2011, Reading digits in "
        "natural images with unsupervised feature learning",
        "for non-commercial use only, say its authors",
        "other",
    ),
    DatasetSpec(
        "cifar10",
        (32, 32, 3),
        10,
        (0.4914, 0.4822, 0.4465),
        (0.2023, 0.1994, 0.2010),
        **_CIFAR,
    ),
    # As in the gradient- and distribution-matching code; the trajectory-
    # matching code uses CIFAR-10's constants here.
    DatasetSpec(
        "cifar100",
        (32, 32, 3),
        100,
        (0.5071, 0.4866, 0.4409),
        (0.2673, 0.2564, 0.2762),
        **_CIFAR,
    ),
    # Ours: computed from the training split of `datasets.digits`.
    DatasetSpec(
        "digits",
        (8, 8, 1),
        10,
        (0.3054,),
        (0.3763,),
        "Alpaydin & Kaynak 1998, Optical recognition of handwritten digits, "
        "UCI machine learning repository",
        "Creative Commons Attribution 4.0, by the UCI repository",
        "cc-by-4.0",
    ),
)

KNOWN = {spec.name: spec for spec in _SPECS}


# Classes of CIFAR-10, and the sets whose labels count in this order, of which
# TensorFlow Datasets has the names only of the first.
_OF_CIFAR10 = "cifar10", "cifar10_1", "cifar10_corrupted"
_CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog"),
    *("horse", "ship", "truck"),
)


def base_name(name: str) -> str:
    """Returns `name` of a TensorFlow Datasets `name[/config][:version]`.

    Whether or not a part of it is held out.
    """
    return re.split("[/:]", names.without_holdout(name))[0]


def classes_of(name: str, stated: Sequence[str]) -> tuple[str, ...]:
    """Returns what the classes of a data set are called.

    Args:
        name: the data set, as TensorFlow Datasets writes it.
        stated: what it calls them itself. Numbers are no names: those of sets
            of CIFAR-10's classes stand for these.
    """
    numbers = [str(number) for number in range(len(_CIFAR10))]
    if base_name(name) in _OF_CIFAR10 and list(stated) == numbers:
        return _CIFAR10
    return tuple(stated)
