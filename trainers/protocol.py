"""The protocol that accuracies come from, in words for people.

Papers report accuracies of sets that were made and scored in as many ways. A
number means something beside what networks were trained how, on which set, and
scored on what: all of it is here, as it was used.
"""

from collections.abc import Mapping

import numpy as np

from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.foreign import KerasNetwork
from fred_tf.presets import fitting
from fred_tf.scoring import network_seed
from fred_tf.settings import Settings
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training import in_words


def told(
    wanted: Mapping[str, Config],
    decoded: SyntheticSet,
    data: ImageData,
    rate: float,
    foreign: KerasNetwork | None = None,
) -> str:
    """Returns the protocol of some evaluations, a line for each part.

    Args:
        wanted: the settings of each, by network; they differ in that alone.
        decoded: the set.
        data: what scored it.
        rate: step size that networks started with.
        foreign: what was trained in the place of the settings' network.
    """
    shape = data.image_shape
    config = fitting.sized(next(iter(wanted.values())), shape)
    own = config.evaluation
    parts = {"set": _set(decoded)}
    if meaning := decoded.details.get("meaning"):
        parts["taken for"] = str(meaning)
    if own.by == "networks":
        parts["networks"] = "; ".join(
            f"{own.networks} of {name} "
            + _network(foreign or other.network.sized(shape))
            for name, other in wanted.items()
        )
        parts["training"] = in_words.training(own, rate, decoded.views)
        parts["loss"] = own.loss_for(decoded.kind_of_soft_labels)
        usual = config.augmentation
        parts["augmentation"] = in_words.augmentation(own, usual)
        how = config.convolutions, "" if foreign else config.norm_layout
        if computed := in_words.arithmetic(*how):
            parts["computed with"] = computed
    else:
        parts["scored by"] = f"kernel regression, `evaluation.by` {own.by}"
    parts["normalization"] = ", ".join(
        f"{name} {value}"
        for name, value in decoded.normalization.get_config().items()
    )
    numbers = [str(network_seed(config, n)) for n in range(own.networks)]
    parts["seeds"] = f"{', '.join(numbers)}, which follow from {config.seed}"
    parts["scored on"] = (
        f"{len(data.scored):,} images of {data.name}, {data.tested_on}, once "
        "at the end"
    )
    return "\n".join(["Protocol:", *(f"  {k}: {v}" for k, v in parts.items())])


def _set(decoded: SyntheticSet) -> str:
    counts = np.bincount(decoded.labels, minlength=decoded.classes)
    each = f"{counts.min()} to {counts.max()}"
    if counts.min() == counts.max():
        each = str(counts.min())
    labels = decoded.kind_of_soft_labels or "classes"
    return (
        f"{len(decoded.labels):,} images {list(decoded.images.shape[1:])}, "
        f"{each} of each of {decoded.classes} classes, "
        f"{decoded.floats_stored:,} floats; labels: {labels}"
    )


def _network(of: Settings | KerasNetwork) -> str:
    told = of.to_json() if isinstance(of, Settings) else of.description
    return in_words.network(told)
