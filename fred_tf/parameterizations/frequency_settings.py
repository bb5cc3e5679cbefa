"""What a frequency memory is told: which coefficients it keeps."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from fred_tf import budget
from fred_tf.normalizations import Standardize
from fred_tf.parameterizations import rounding
from fred_tf.parameterizations.frequency_mask import MASK_RULES
from fred_tf.parameterizations.labels import MemorySettings
from fred_tf.settings import check_least, check_one_of, later
from fred_tf.transforms import TRANSFORMS, Transform
from fred_tf.transforms.dct import NORMS

MASK_STATISTICS = ("initial_images", "whole_class")
CHANNELS = ("separate", "joint")
ROUNDED = ("training", "export")
STEPS = ("alike", "by_colour")
# In orthonormal units, of which a coefficient has some at least.
MIN_STEP, MOST_STEP = 1e-3, 1e4


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
        step: images are decoded from values rounded to multiples of this step
            size, in orthonormal units (see `coding/quantizer.py`), and
            gradients pass through the rounding: what the export
            `coefficients_coded` holds; 0 rounds nothing.
        steps: `"alike"`: all coefficients have that step size; or
            `"by_colour"`: each colour its own multiple of it, see
            `coding/colours.py`.
        rounded: to `step` through the `"training"`, or by the `"export"`
            only, which within `budget_bytes` takes the levels that err least;
            `step` is then what images per class follow from.
        rate_weight: a step of the distiller lowers, besides its objective,
            this times the mean bits of a coefficient in that export.
        budget_bytes: as many images as this export is expected to hold in so
            many bytes, in the place of `ipc`; 0 leaves them to `ipc`.
    """

    name: ClassVar[str] = "frequency"
    meaning = (*MemorySettings.meaning, "transform", "norm", "channels")
    beginning = (*MemorySettings.beginning, "mask_rule", "mask_statistics")
    coefficients_per_channel: int = 64
    transform: str = "dct"
    norm: str = "none"
    channels: str = "separate"
    mask_rule: str = "explained_variance"
    mask_statistics: str = "initial_images"
    bits: int = 0
    kept_share: float = later(0.0)
    step: float = later(0.0)
    steps: str = later("alike")
    rounded: str = later("training")
    rate_weight: float = later(0.0)
    budget_bytes: int = later(0)

    def __post_init__(self):
        super().__post_init__()
        rounding.check_bits(self.bits)
        self._check_step()
        check_least("kept_share", self.kept_share, 0, 1)
        count = self.coefficients_per_channel
        check_least("coefficients_per_channel", count, 1)
        check_one_of("transform", self.transform, TRANSFORMS)
        check_one_of("norm", self.norm, NORMS)
        check_one_of("channels", self.channels, CHANNELS)
        check_one_of("mask_rule", self.mask_rule, MASK_RULES)
        check_one_of("mask_statistics", self.mask_statistics, MASK_STATISTICS)
        if self.mask_rule.endswith("frequency") and not (
            self.make_transform().has_frequencies
        ):
            raise ValueError(
                f"The `transform` {self.transform!r} has no frequencies and "
                "needs another `mask_rule`, e.g. 'explained_variance'. "
                f"Received: {self.mask_rule!r}."
            )
        if self.channels == "joint" and not self.make_transform().any_length:
            able = [name for name, t in TRANSFORMS.items() if t().any_length]
            raise ValueError(
                "`channels` 'joint' transforms the axis of the channels, too, "
                f"which needs one of {able}. Received: `transform` "
                f"{self.transform!r}."
            )

    def _check_step(self) -> None:
        """Refuses a step size, and what needs one, that cannot be."""
        check_one_of("parameterization.rounded", self.rounded, ROUNDED)
        check_one_of("parameterization.steps", self.steps, STEPS)
        least = MIN_STEP if self.step > 0 else 0
        check_least("parameterization.step", self.step, least, MOST_STEP)
        brought = "; `--budget_bytes` of the programs brings one"
        for name, hint in (("rate_weight", ""), ("budget_bytes", brought)):
            value = getattr(self, name)
            check_least(f"parameterization.{name}", value, 0)
            if value and not self.step:
                raise ValueError(
                    f"`parameterization.{name}` counts the bits of levels of "
                    f"one `parameterization.step`. Received: {name} {value} "
                    f"and step 0. Give a step, e.g. 4{hint}."
                )
        for name, usual, of in (
            ("rounded", ROUNDED[0], "when values are rounded to a"),
            ("steps", STEPS[0], "which coefficients share a"),
        ):
            value = getattr(self, name)
            if value != usual and not self.step:
                raise ValueError(
                    f"`parameterization.{name}` says {of} "
                    f"`parameterization.step`. Received: {value!r} and step 0. "
                    f"Give a step, e.g. 4, or leave `{name}` out."
                )
        if self.step and self.bits:
            raise ValueError(
                "Values are rounded to a `parameterization.step` or to "
                f"`parameterization.bits`. Received: step {self.step} and bits "
                f"{self.bits}. Leave one out."
            )

    def check_run(self, config, instances):
        if self.budget_bytes and config.normalization != Standardize.name:
            raise ValueError(
                "`parameterization.budget_bytes` holds all that decoding "
                "needs, and the matrix of a whitening would take more than it. "
                f"Received: `normalization` {config.normalization!r}. Take "
                f"{Standardize.name!r}, or `ipc`."
            )

    def sized(self, image_shape):
        if not self.kept_share:
            return self
        count = max(1, round(self.kept_share * budget.positions(image_shape)))
        return dataclasses.replace(
            self, coefficients_per_channel=count, kept_share=0.0
        )

    @property
    def trained_step(self) -> float:
        """The step that images are decoded through; 0 if there is none."""
        return self.step if self.rounded == "training" else 0.0

    @property
    def export_bytes(self):
        return self.budget_bytes if self.rounded == "export" else 0

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

    def check_axes(self, image_shape: Sequence[int]) -> None:
        """Refuses images that the transform does not take.

        Args:
            image_shape: `[height, width, channels]`, or more spatial axes.

        Raises:
            ValueError: see `Transform.check`.
        """
        spectrum = spectrum_shape(image_shape, self.channels)
        self.make_transform().check(spectrum[:-1])


def spectrum_shape(
    image_shape: Sequence[int], channels: str
) -> tuple[int, ...]:
    """Returns the shape of what is transformed: an image, or a volume of one.

    Args:
        image_shape: `[height, width, channels]`, or more spatial axes.
        channels: one of `CHANNELS`.

    Returns:
        The same; of joint channels with one more axis, of length 1.
    """
    return (*image_shape, 1) if channels == "joint" else tuple(image_shape)


def mask_size(
    image_shape: Sequence[int], channels: str, coefficients_per_channel: int
) -> int:
    """Returns how many positions of the spectrum a mask keeps."""
    shared = image_shape[-1] if channels == "joint" else 1
    return coefficients_per_channel * shared
