"""Channel-wise standardisation of images and its exact undo."""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from fred_tf.normalizations.normalization import Normalization, unit_range

# About channels that are constant over the training split, by how many of them
# are not: images have 1, 3 or more channels.
_REMOVE = "Remove channels that are constant over the training split."
_WAYS_OUT = {
    0: "All training images are alike: give others.",
    2: "Two channels vary, and no image has two: keep one, or their mean, as "
    "grey images.",
}


@dataclasses.dataclass(frozen=True)
class Standardize(Normalization):
    """Maps images in [0, 1] to (x - mean) / deviation, channel by channel.

    ```python
    standardize = Standardize((0.1307,), (0.3081,))
    pixels = standardize.undo(standardize(images))  # images again
    ```

    Attributes:
        mean: one number per channel, in [0, 1] units.
        deviation: one positive number per channel, in [0, 1] units.

    Raises:
        ValueError: lengths differ, or a deviation is not positive and finite.
    """

    name: ClassVar[str] = "standardize"
    doing: ClassVar[str] = "(pixel - mean) / deviation, both in `normalization`"
    undoing: ClassVar[str] = "image * deviation + mean, both in `normalization`"
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self):
        object.__setattr__(self, "mean", tuple(map(float, self.mean)))
        object.__setattr__(self, "deviation", tuple(map(float, self.deviation)))
        if len(self.mean) != len(self.deviation):
            raise ValueError(
                "`mean` and `deviation` must have one value per channel each. "
                f"Received: {self.mean} and {self.deviation}."
            )
        # As they are used: float32 makes 1e-50 0, and 1e50 infinite.
        with np.errstate(over="ignore", under="ignore"):
            mean, deviation = np.float32(self.mean), np.float32(self.deviation)
        numbers = np.append(mean, deviation)
        if not np.isfinite(numbers).all() or min(deviation, default=0) <= 0:
            vary = int((deviation > 0).sum())
            raise ValueError(
                "`mean` must be finite and `deviation` positive in every "
                f"channel. Received: {self.mean} and {self.deviation}. "
                f"{_WAYS_OUT.get(vary, _REMOVE)}"
            )

    @classmethod
    def fit(cls, images: np.ndarray) -> "Standardize":
        """Computes the constants of `images` `[n, ..., channels]`.

        Channels are averaged in float64 over every other axis, in blocks.
        """
        axes = tuple(range(images.ndim - 1))
        count, channels = 0, images.shape[-1]
        total, square = np.zeros(channels), np.zeros(channels)
        for start in range(0, len(images), 4096):
            block = unit_range(images[start : start + 4096]).astype(np.float64)
            count += block.size // block.shape[-1]
            total += block.sum(axes)
            square += (block**2).sum(axes)
        mean = total / count
        deviation = np.sqrt(np.maximum(square / count - mean**2, 0.0))
        # Of a constant channel, rounding may leave 1e-8.
        deviation[images.min(axes) == images.max(axes)] = 0.0
        return cls(tuple(mean), tuple(deviation))

    def __call__(self, images: np.ndarray | tf.Tensor):
        """Returns standardised float32 images, like `images` in kind."""
        images = unit_range(images)
        # Of an array, unit_range has made a copy.
        images -= np.asarray(self.mean, np.float32)
        images /= np.asarray(self.deviation, np.float32)
        return images

    def undo(self, images: np.ndarray | tf.Tensor):
        """Returns images in [0, 1] units; distilled pixels may leave [0, 1]."""
        deviation = np.asarray(self.deviation, np.float32)
        return images * deviation + np.asarray(self.mean, np.float32)

    def check(self, image_shape):
        if len(self.mean) != image_shape[-1]:
            raise ValueError(
                "`normalization` must have one mean and deviation per channel. "
                f"Received: {len(self.mean)} for images {tuple(image_shape)}."
            )
