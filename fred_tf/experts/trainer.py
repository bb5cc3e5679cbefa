"""Trains networks on real data and records the way they took."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.image_data import ImageData
from fred_tf.experts.store import ExpertStore
from fred_tf.experts.trajectory_array import DTYPES
from fred_tf.networks import Functional
from fred_tf.settings import (
    MOST_PASSES,
    MOST_RATE,
    Settings,
    argument,
    check_least,
    check_one_of,
    check_positive,
    check_share,
    later,
)
from fred_tf.training.network_training import NetworkTraining, accuracy

# Before the augmentation, where a store describes how experts were trained.
STANDARDIZED = "standardized, "


@dataclasses.dataclass(frozen=True)
class ExpertSettings(Settings):
    """How experts are trained, and how their trajectories are stored.

    Attributes:
        count: experts wanted in all.
        epochs: epochs of each.
        batch_size: images a step.
        learning_rate: constant step size of SGD.
        momentum: of SGD; 0 in the source.
        dtype: in which parameters are stored, see `trajectory_array`.
        stored_epochs: epochs whose parameters are stored, from the first on;
            0 means all. Epochs that no student starts from or aims at only
            take room.
        standardized_batches: whether each batch is brought to mean 0 and
            deviation 1 by itself, as in HaBa's code, see
            `network_training.standardized`.
    """

    count: int = 100
    epochs: int = 50
    batch_size: int = 256
    learning_rate: float = 0.01
    momentum: float = 0.0
    dtype: str = "float32"
    stored_epochs: int = 0
    standardized_batches: bool = later(False)

    def __post_init__(self):
        for name in ("count", "epochs", "batch_size"):
            check_least(f"experts.{name}", getattr(self, name), 1, MOST_PASSES)
        check_positive("experts.learning_rate", self.learning_rate, MOST_RATE)
        check_share("experts.momentum", self.momentum, "a decay")
        check_one_of("experts.dtype", self.dtype, DTYPES)
        if not 0 <= self.stored_epochs <= self.epochs:
            raise ValueError(
                "`experts.stored_epochs` must be between 0, which means all, "
                f"and `experts.epochs` ({self.epochs}). Received: "
                f"{self.stored_epochs}. Lower it or train longer experts."
            )

    @property
    def epochs_on_disk(self) -> int:
        """Epochs that a stored trajectory covers."""
        return self.stored_epochs or self.epochs


def checked_worker(worker: tuple[int, int]) -> tuple[int, int]:
    """Returns the index of a worker, and how many there are.

    Raises:
        ValueError: it is no such pair, or the index is none of theirs.
    """
    try:
        index, workers = (argument("worker", part, int) for part in worker)
        within = 0 <= index < workers
    except (TypeError, ValueError):
        within = False
    if not within:
        raise ValueError(
            "`worker` must be two whole numbers: an index, from 0 on, and how "
            f"many workers there are, which is more. Received: {worker!r}. Who "
            "works alone is (0, 1)."
        )
    return index, workers


@dataclasses.dataclass(frozen=True)
class ExpertTrainer:
    """Trains one expert after another and appends them to a store.

    An expert is a network trained on the real training split with SGD; its
    trajectory is its parameters before training and after each epoch that the
    store keeps, `[stored epochs + 1, parameters]` (Cazenavette et al. 2022,
    section 3, arXiv 2203.11932). Expert i depends on the seed and on i alone,
    so a stopped run continues with the next expert, more can be added later,
    and it does not matter which process trains which.

    Attributes:
        network: the architecture.
        augmentation: applied to every batch, per image.
        data: the real data.
        settings: see `ExpertSettings`.
        seed: the run's integer seed.
    """

    Settings: ClassVar[type[Settings]] = ExpertSettings

    network: Functional
    augmentation: SiameseAugmentation
    data: ImageData
    settings: ExpertSettings
    seed: int

    def train(
        self,
        store: ExpertStore,
        count: int,
        on_epoch: Callable[[int, int, float | None], None] | None = None,
        worker: tuple[int, int] = (0, 1),
    ) -> None:
        """Adds what is missing of the experts 0 to `count` - 1.

        Several workers may share the work through one folder: worker i of n
        trains the experts i, i + n, i + 2 n, ... What the store holds at the
        end does not depend on how many there were.

        Args:
            store: where trajectories go; each is on disk before the next
                expert starts.
            count: experts wanted in all.
            on_epoch: called with expert, epoch and, after the last epoch, the
                test accuracy.
            worker: index of this process, and how many there are.

        Raises:
            ValueError: the store keeps more epochs than experts are trained,
                or `worker` is none.
            RuntimeError: another process is this worker.
        """
        epochs = self.settings.epochs
        if store.epochs > epochs:
            raise ValueError(
                f"Experts must be trained for the {store.epochs} epochs that "
                f"{store.path} stores. Received: `epochs` {epochs}. Raise "
                "it or choose another store."
            )
        index, workers = checked_worker(worker)
        share = range(index, count, workers)
        training = self.training()
        with store.lock(index):
            store.reload()
            while missing := store.missing(share):
                trajectory, facts = self._train_one(
                    training, missing[0], store.epochs, on_epoch
                )
                test = self.data.facts.test
                if store.data and store.data.get("test") != test:
                    facts["test"] = test  # Not what the store says.
                store.append(trajectory, facts, missing[0])

    def training(self) -> NetworkTraining:
        """Returns what trains each expert, on images as they are stored."""
        return NetworkTraining(
            self.network,
            self.augmentation,
            self.settings.batch_size,
            self.settings.momentum,
            normalization=self.data.normalization,
            standardized=self.settings.standardized_batches,
        )

    def _train_one(
        self, training: NetworkTraining, expert: int, stored: int, on_epoch
    ) -> tuple[np.ndarray, dict[str, Any]]:
        train, test = self.data.train, self.data.test
        state = training.start(seeds.named(self.seed, "expert", expert))
        order_seed = seeds.named(self.seed, "expert order", expert)
        trajectory = np.empty((stored + 1, self.network.size), np.float32)
        trajectory[0] = self.network.flatten(state[0]).numpy()
        score = None
        for epoch in range(self.settings.epochs):
            state = training.passes(
                state,
                train.images,
                train.labels,
                order_seed,
                epoch,
                1,
                self.settings.learning_rate,
            )
            if epoch < stored:
                trajectory[epoch + 1] = self.network.flatten(state[0]).numpy()
            if epoch + 1 == self.settings.epochs and test is not None:
                score = accuracy(
                    self.network,
                    state,
                    test.images,
                    test.labels,
                    self.data.normalization,
                    by_batch=self.settings.standardized_batches,
                )
            if on_epoch is not None:
                on_epoch(expert, epoch + 1, score)
        return trajectory, {"test_accuracy": score}
