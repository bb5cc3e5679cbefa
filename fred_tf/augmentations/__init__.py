"""Differentiable changes of images that two batches can share."""

from fred_tf.augmentations.cutmix import check_mixed, mixed
from fred_tf.augmentations.siamese import (
    OPERATIONS,
    SiameseAugmentation,
    suited,
)

__all__ = [
    "OPERATIONS",
    "SiameseAugmentation",
    "check_mixed",
    "mixed",
    "suited",
]
