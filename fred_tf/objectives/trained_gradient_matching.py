"""Gradient matching against networks that are trained on real images: IDC."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation, check_mixed, suited
from fred_tf.datasets.class_batches import ANY
from fred_tf.objectives.gradient_matching import (
    GradientMatching,
    GradientMatchingSettings,
)
from fred_tf.paper import Paper
from fred_tf.settings import MOST_PASSES, check_least, check_share
from fred_tf.training.network_training import NetworkTraining

# What counts, beside what its base refuses, only where a network serves several
# steps. Presets set it, so it is no fault of who lets networks serve one.
_OF_TRAINING = (
    "network_images",
    "network_momentum",
    "network_weight_decay",
    "network_augmentation",
    "network_cutmix",
)


@dataclasses.dataclass(frozen=True)
class TrainedGradientMatchingSettings(GradientMatchingSettings):
    """Settings of `TrainedGradientMatching`; see also its base.

    Attributes:
        synthetic_batch_per_class: synthetic images of each class that a step
            looks at, at most.
        network_images: real images of any class that a network is trained on
            between two steps; all there are, if these are fewer.
        network_momentum: momentum of that training.
        network_weight_decay: its L2 coefficient.
        network_augmentation: its augmentation, per image.
        network_cutmix: share of its batches that are mixed, in [0, 1].
    """

    name: ClassVar[str] = "trained_gradient_matching"
    real_batch_per_class: int = 64
    distance: str = "squared"
    matched: str = "features"
    network_steps: int = 100
    network_batch: int = 64
    synthetic_batch_per_class: int = 128
    network_images: int = 2000
    network_momentum: float = 0.9
    network_weight_decay: float = 5e-4
    network_augmentation: str = "color+crop"
    network_cutmix: float = 0.5

    def __post_init__(self):
        super().__post_init__()
        for name in ("synthetic_batch_per_class", "network_images"):
            check_least(name, getattr(self, name), 1, MOST_PASSES)
        check_share("network_momentum", self.network_momentum, "a decay")
        check_least("network_weight_decay", self.network_weight_decay, 0, 1)
        check_least("network_cutmix", self.network_cutmix, 0, 1)
        SiameseAugmentation(self.network_augmentation)  # Refuses unknown ones.

    def remarks(self, config):
        usual = type(self)()
        idle = [
            f"`{name}` {getattr(self, name)}"
            for name in _OF_TRAINING
            if getattr(self, name) != getattr(usual, name)
        ]
        if self.network_steps > 1 or not idle:
            return super().remarks(config)
        return [
            "Networks are not trained where each serves one step "
            f"(`network_steps` 1). Count for nothing: {', '.join(idle)}."
        ]

    def sized(self, image_shape):
        own = suited(self.network_augmentation, image_shape)
        return dataclasses.replace(self, network_augmentation=own)


class TrainedGradientMatching(GradientMatching):
    """Matches gradients of a network that learns from the real images.

    The objective of IDC (Kim et al. 2022, arXiv 2205.14959): that of its base,
    with the sum of squared or absolute differences as the distance, of the
    weights before the classifier alone. A network serves `network_steps`
    steps; after each but the last of them it is trained for `network_epochs`
    epochs on `network_images` real images, drawn anew, by SGD whose velocity
    is kept as long as the network.

    A step looks at `synthetic_batch_per_class` images of a class, drawn anew,
    where there are more.

    Raises:
        ValueError: a class has fewer images than `real_batch_per_class`, the
            network has batch statistics, or images of one class are mixed.
    """

    Settings = TrainedGradientMatchingSettings
    settings: TrainedGradientMatchingSettings
    advances_on_reference = True
    title = "gradient matching of trained networks"
    short_name = "IDC"
    paper = Paper(
        "kim2022condensation",
        "Kim, Jang-Hyun and Kim, Jinuk and Oh, Seong Joon and Yun, Sangdoo and "
        "Song, Hwanjun and Jeong, Joonhyun and Ha, Jung-Woo and Song, Hyun Oh",
        "Dataset Condensation via Efficient Synthetic-Data Parameterization",
        "ICML",
        2022,
        "2205.14959",
    )

    def __init__(self, network, augmentation, source, settings=None, **kwargs):
        super().__init__(network, augmentation, source, settings, **kwargs)
        own = self.settings
        classes = network.network.classes
        check_mixed("objective.network_cutmix", own.network_cutmix, classes)
        if own.network_steps > 1:
            there = int(source.counts.sum())
            self.images_of_any_class = min(own.network_images, there)
        self.network_training = NetworkTraining(
            network,
            SiameseAugmentation(own.network_augmentation),
            own.network_batch,
            own.network_momentum,
            own.network_weight_decay,
            cutmix=own.network_cutmix,
        )
        self.velocity = self.add_state("velocity", (network.size,))

    @classmethod
    def called_with(cls, augmentation):
        return cls.called_briefly()

    def used(self, instances, seed):
        seen = super().used(instances, seed)
        classes, most = (
            len(self.source.counts),
            self.settings.synthetic_batch_per_class,
        )
        each = seen.shape[0] // classes
        if each <= most:
            return seen
        # The call folds in the classes.
        numbers = tf.random.stateless_uniform(
            [classes, each], seeds.fold(seed, classes)
        )
        places = tf.math.top_k(numbers, most, sorted=False).indices
        places = tf.reshape(places + each * tf.range(classes)[:, None], [-1])
        return tf.gather(seen, places)

    def fresh(self, seed):
        theta, served = super().fresh(seed)
        return [theta, served, tf.zeros_like(theta)]

    def trained(self, images, labels, reference, seed):
        return self.after_epochs(
            tf.convert_to_tensor(self.theta),
            tf.convert_to_tensor(self.velocity),
            *(reference[name] for name in ANY),
            seed,
        )
