"""The network whose features say which real images are chosen.

The first expert's, after its last stored epoch, or one that is trained on the
whole training split.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import logging

from fred_tf import assembly, progress, seeds
from fred_tf import config as config_lib
from fred_tf.coresets import class_features
from fred_tf.datasets import ImageData
from fred_tf.disk import files
from fred_tf.experts import of_run
from fred_tf.experts.store import ExpertStore
from fred_tf.networks import Functional
from fred_tf.training.network_training import (
    NetworkTraining,
    State,
    accuracy,
    standardized,
)

# Of the network that is trained here, as in the evaluation of a set.
TRAINING = {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
EPOCHS = 10


def features(
    config: config_lib.Config,
    data: ImageData,
    experts: files.Path | ExpertStore | None,
    epochs: int,
) -> tuple[Callable[[int], np.ndarray], float | None]:
    """Returns a function from a class to its features, and the accuracy.

    Args:
        config: its `network`, `convolutions`, `augmentation`, `evaluation` and
            `seed` count.
        data: the real data.
        experts: a store, or its folder, whose first expert is the network;
            None trains one.
        epochs: of the one that is trained.

    Returns:
        The function, and the accuracy; None where the data have no test images.

    Raises:
        FileNotFoundError: there is no expert store at `experts`.
        ValueError: the experts are of another network or data set, or have no
            features of their own.
    """
    network = assembly.network(config, data.image_shape, data.classes)
    # As HaBa's experts see images; a network that is trained here does not.
    by_batch = bool(experts) and config.experts.standardized_batches
    if experts:
        network.refuse_statistics(
            "An expert",
            "it is stored without them",
            ", or leave out --expert_dir",
        )
        description = assembly.expert_description(config, data.facts)
        store = of_run.opened(experts, description)
        last = store.trajectory(0)[-1].astype("float32")
        parameters = network.unflatten(last)
        state: State = parameters, [], network.initial_statistics()
    else:
        state = _trained(network, config, data, epochs)
    score = None
    if (test := data.test) is not None:
        score = accuracy(
            network,
            state,
            test.images,
            test.labels,
            data.normalization,
            by_batch=by_batch,
        )
        logging.info("The network that embeds has test accuracy %.4f.", score)
    parameters, _, statistics = state

    def of_class(label: int) -> np.ndarray:
        return class_features(
            network,
            parameters,
            statistics,
            data,
            label,
            seen_as=standardized if by_batch else tf.identity,
        )

    return of_class, score


def _trained(
    network: Functional,
    config: config_lib.Config,
    data: ImageData,
    epochs: int,
) -> State:
    """Returns a fresh network after training on the whole training split."""
    training = NetworkTraining(
        network,
        assembly.augmentation(config),
        config.evaluation.batch_size,
        TRAINING["momentum"],
        TRAINING["weight_decay"],
        data.normalization,
    )
    state = training.start(seeds.named(config.seed, "feature network"))
    order = seeds.named(config.seed, "feature network order")
    for epoch in progress.each(range(epochs), "epoch", epochs):
        state = training.passes(
            state,
            data.train.images,
            data.train.labels,
            order,
            epoch,
            1,
            TRAINING["learning_rate"],
        )
    return state
