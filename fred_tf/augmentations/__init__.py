"""Differentiable changes of images that two batches can share."""

from fred_tf.augmentations.siamese import OPERATIONS, SiameseAugmentation

__all__ = ["OPERATIONS", "SiameseAugmentation"]
