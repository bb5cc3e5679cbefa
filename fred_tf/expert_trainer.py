"""Trains networks on real data and records the way they took."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.image_data import ImageData
from fred_tf.expert_store import ExpertStore
from fred_tf.network_training import NetworkTraining, accuracy
from fred_tf.networks import Functional


@dataclasses.dataclass(frozen=True)
class ExpertTrainer:
    """Trains one expert after another and appends them to a store.

    An expert is a network trained on the real training split with SGD; its
    trajectory is its parameters before training and after each epoch, as one
    float32 array `[epochs + 1, parameters]` (Cazenavette et al. 2022, section
    3, arXiv 2203.11932). Expert i depends on the seed and on i alone, so a
    stopped run continues with the next expert, and more can be added later.

    Attributes:
        network: the architecture.
        augmentation: applied to every batch, per image.
        data: the real data.
        epochs: epochs of each expert.
        batch_size: images a step.
        learning_rate: constant step size.
        momentum: of SGD; 0 in the source.
        seed: the run's integer seed.
    """

    network: Functional
    augmentation: SiameseAugmentation
    data: ImageData
    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    seed: int

    def train(
        self,
        store: ExpertStore,
        count: int,
        on_epoch: Callable[[int, int, float | None], None] = (
            lambda expert, epoch, score: None
        ),
    ) -> None:
        """Adds experts until the store holds `count` of them.

        Args:
            store: where trajectories go; each is on disk before the next
                expert starts.
            count: experts wanted in all.
            on_epoch: called with expert, epoch and, after the last epoch, the
                test accuracy.
        """
        training = NetworkTraining(
            self.network,
            self.augmentation,
            self.batch_size,
            self.momentum,
            normalization=self.data.normalization,
        )
        with store.lock():
            while len(store) < count:
                trajectory, facts = self._train_one(
                    training, store.next_number, on_epoch
                )
                store.append(trajectory, facts)

    def _train_one(
        self, training: NetworkTraining, expert: int, on_epoch
    ) -> tuple[np.ndarray, dict[str, Any]]:
        train, test = self.data.train, self.data.test
        state = training.start(seeds.named(self.seed, "expert", expert))
        order_seed = seeds.named(self.seed, "expert order", expert)
        trajectory = np.empty((self.epochs + 1, self.network.size), np.float32)
        trajectory[0] = self.network.flatten(state[0]).numpy()
        score = None
        for epoch in range(self.epochs):
            state = training.passes(
                state,
                train.images,
                train.labels,
                order_seed,
                epoch,
                1,
                self.learning_rate,
            )
            trajectory[epoch + 1] = self.network.flatten(state[0]).numpy()
            if epoch + 1 == self.epochs:
                score = accuracy(
                    self.network,
                    state,
                    test.images,
                    test.labels,
                    self.data.normalization,
                )
            on_epoch(expert, epoch + 1, score)
        return trajectory, {"test_accuracy": score}
