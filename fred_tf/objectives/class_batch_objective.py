"""Objectives whose references are batches of real images by class."""

import dataclasses

from fred_tf.networks import Functional
from fred_tf.objectives.objective import Objective
from fred_tf.settings import MOST_PASSES, Settings, check_least


@dataclasses.dataclass(frozen=True)
class ClassBatchSettings(Settings):
    """Settings that all of them have.

    Attributes:
        real_batch_per_class: real images of each class in a reference.
    """

    real_batch_per_class: int = 256

    def __post_init__(self):
        check_least(
            "real_batch_per_class", self.real_batch_per_class, 1, MOST_PASSES
        )

    def shrunk(self, images):
        count = min(self.real_batch_per_class, images)
        return dataclasses.replace(self, real_batch_per_class=count)


class ClassBatchObjective(Objective):
    """An objective that looks at as many real images of each class.

    A reference is `{"images": [classes, real_batch_per_class, ...]}`, drawn by
    `ClassBatches`, with `images_of_any_class` beside them. Members derive their
    settings from `ClassBatchSettings`.

    Raises:
        ValueError: a class has fewer images than `real_batch_per_class`.
    """

    settings: ClassBatchSettings
    images_of_any_class: int = 0

    def __init__(self, network, augmentation, source, settings=None, **kwargs):
        super().__init__(network, augmentation, source, settings, **kwargs)
        source.check(self.settings.real_batch_per_class)

    def references(self, seed, numbers):
        return self.source.stream(
            seed,
            numbers,
            self.settings.real_batch_per_class,
            self.images_of_any_class,
        )

    def recipe(self):
        recipe = {
            "kind": "class_batches",
            "classes": len(self.source.counts),
            "per_class": self.settings.real_batch_per_class,
        }
        if self.images_of_any_class:
            recipe["of_any"] = self.images_of_any_class
        return recipe


def check_without_statistics(network: Functional, what: str) -> None:
    """Refuses batch norms where each class is a batch of its own.

    Args:
        network: the architecture that is matched.
        what: the method, to begin a sentence with.

    Raises:
        ValueError: the network has batch statistics.
    """
    network.refuse_statistics(
        what,
        "real and synthetic batches of one class would each be normalised by "
        "their own",
    )
