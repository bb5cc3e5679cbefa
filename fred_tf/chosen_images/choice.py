"""Which real images are a coreset, or what a memory begins with."""

import functools

from fred_tf.chosen_images import feature_network
from fred_tf.config import Config
from fred_tf.coresets import (
    CORESETS,
    RANDOM,
    Choice,
    select_by_features,
    select_random,
)
from fred_tf.datasets import ImageData
from fred_tf.disk import files
from fred_tf.distillation.distiller import Distiller
from fred_tf.experts.soft_labels import soft_labels
from fred_tf.experts.store import ExpertStore
from fred_tf.parameterizations.labels import EXPERTS, logits_of


def begin(
    empty: Distiller,
    config: Config,
    data: ImageData,
    experts: files.Path | ExpertStore | None = None,
) -> None:
    """Lets a distiller begin with the training images that its settings choose.

    Labels that experts give are of these images as they are: of what little
    a memory holds of them, experts think otherwise.

    Args:
        empty: the distiller.
        config: the run's; `parameterization.initial_images` and
            `initial_labels` count, and what `feature_network` looks at.
        data: the real data.
        experts: of the run, if its objective matches any; they embed.

    Raises:
        ValueError: see `Distiller.adapt` and `feature_network`.
    """
    method = config.parameterization.initial_images
    choose, _ = choice(config, data, method, experts)
    choose = functools.cache(choose)  # A coreset may take minutes.
    real, memory = data.normalized_train, empty.parameterization
    if config.parameterization.initial_labels == EXPERTS:
        assert memory.label_values is not None  # Settings see to it.
        shown = real[choose(memory.instances_per_class)]
        asked = empty.objective.network, empty.objective.source
        memory.label_values.assign(logits_of(soft_labels(*asked, shown)))
    empty.adapt(real, data.train.labels, choose)


def choice(
    config: Config,
    data: ImageData,
    method: str,
    experts: files.Path | ExpertStore | None = None,
    epochs: int = feature_network.EPOCHS,
) -> tuple[Choice, float | None]:
    """Returns how images are chosen, and how well the network is that looks.

    Args:
        config, data, experts, epochs: see `feature_network`.
        method: `random`, or a name in `CORESETS`.

    Returns:
        The choice, and the accuracy; None where no network looks, or the data
        have no test images.
    """
    if method == RANDOM:
        labels, about = data.train.labels, (data.classes, config.seed)
        names = data.class_names
        return lambda count: select_random(labels, count, *about, names), None
    embedded, score = feature_network.features(config, data, experts, epochs)
    chosen = CORESETS[method]
    return lambda n: select_by_features(chosen, embedded, data, n), score
