"""What a frequency memory is told: which coefficients it keeps."""

import dataclasses
from typing import ClassVar

from fred_tf import budget
from fred_tf.parameterizations import rounding
from fred_tf.parameterizations.frequency_mask import MASK_RULES
from fred_tf.parameterizations.labels import MemorySettings
from fred_tf.settings import check_least, check_one_of, later
from fred_tf.transforms import TRANSFORMS, Transform
from fred_tf.transforms.dct import NORMS

MASK_STATISTICS = ("initial_images", "whole_class")
CHANNELS = ("separate", "joint")


@dataclasses.dataclass(frozen=True)
class FrequencySettings(MemorySettings):
    """Settings of `Frequency`.

    Attributes:
        coefficients_per_channel: kept entries, between 1 and the number of
            positions in a channel; with joint channels their mean.
        kept_share: the same as a share of the positions, above 0 and at most
            1, for images of any size; 0 where the number above is given.
        transform: whose coefficients are stored, a name in `TRANSFORMS`.
        norm: of the transform `dct`, see there.
        channels: `"separate"`, as in the paper, or `"joint"`, see `Frequency`.
        mask_rule: what is kept: the highest `"explained_variance"` ratio, as
            in the paper, the highest `"energy"`, the lowest or highest of all
            frequencies (`"low_frequency"`, `"high_frequency"`), or
            `"random"` positions, drawn for each class.
        mask_statistics: `"initial_images"` scores the drawn images only, as
            the official masks do; `"whole_class"` every real image of the
            class, which is steadier where few are drawn.
        bits: images are decoded from values rounded to so many bits, 2 to 8,
            and gradients pass through the rounding (see `rounding.py`), for
            exports of that width; 0 rounds nothing.
    """

    name: ClassVar[str] = "frequency"
    coefficients_per_channel: int = 64
    transform: str = "dct"
    norm: str = "none"
    channels: str = "separate"
    mask_rule: str = "explained_variance"
    mask_statistics: str = "initial_images"
    bits: int = 0
    kept_share: float = later(0.0)

    def __post_init__(self):
        super().__post_init__()
        rounding.check_bits(self.bits)
        check_least("kept_share", self.kept_share, 0, 1)
        count = self.coefficients_per_channel
        check_least("coefficients_per_channel", count, 1)
        check_one_of("transform", self.transform, TRANSFORMS)
        check_one_of("norm", self.norm, NORMS)
        check_one_of("channels", self.channels, CHANNELS)
        check_one_of("mask_rule", self.mask_rule, MASK_RULES)
        check_one_of("mask_statistics", self.mask_statistics, MASK_STATISTICS)
        transform = self.make_transform()
        if self.mask_rule.endswith("frequency") and not (
            transform.has_frequencies
        ):
            raise ValueError(
                f"The `transform` {self.transform!r} has no frequencies and "
                "needs another `mask_rule`, e.g. 'explained_variance'. "
                f"Received: {self.mask_rule!r}."
            )
        if self.channels == "joint" and not transform.any_length:
            able = [name for name, t in TRANSFORMS.items() if t().any_length]
            raise ValueError(
                "`channels` 'joint' transforms the axis of the channels, too, "
                f"which needs one of {able}. Received: `transform` "
                f"{self.transform!r}."
            )

    def sized(self, image_shape):
        if not self.kept_share:
            return self
        count = max(1, round(self.kept_share * budget.positions(image_shape)))
        return dataclasses.replace(
            self, coefficients_per_channel=count, kept_share=0.0
        )

    @property
    def needs_variance(self) -> bool:
        """Whether masks need two instances of a class."""
        return (
            self.mask_rule == "explained_variance"
            and self.mask_statistics == "initial_images"
        )

    def make_transform(self) -> Transform:
        """Returns the transform that these settings name."""
        return TRANSFORMS[self.transform]().with_norm(self.norm)
