"""IDC's multi-formation: canvases that are cut into patches and enlarged."""

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from fred_tf import budget
from fred_tf.coresets import chosen_rows
from fred_tf.objectives import TrainedGradientMatching
from fred_tf.parameterizations import formations
from fred_tf.parameterizations.labels import MemorySettings
from fred_tf.parameterizations.parameterization import Parameterization
from fred_tf.settings import check_least, check_one_of, later


@dataclasses.dataclass(frozen=True)
class MultiFormationSettings(MemorySettings):
    """Settings of `MultiFormation`.

    Attributes:
        factor: patches along an axis, at least 1.
        decode: `"single"`, `"multi"` or `"bound"`.
        canvases: of a class; 0 for as many as the budget holds.
    """

    name: ClassVar[str] = "idc"
    meaning = (*MemorySettings.meaning, "factor", "decode")
    begins_as_real_images: ClassVar[bool] = False
    factor: int = 2
    decode: str = "single"
    canvases: int = later(0)

    def __post_init__(self):
        super().__post_init__()
        check_least("factor", self.factor, 1, 1000)
        check_one_of("decode", self.decode, formations.DECODES)
        check_least("canvases", self.canvases, 0)


@keras.saving.register_keras_serializable("fred_tf")
class MultiFormation(Parameterization):
    """Stores `ipc` canvases per class; each patch of one becomes an image.

    The formation of factor k cuts a canvas into k patches along every axis and
    enlarges each to the whole size, bilinearly between pixel centres (Kim et
    al. 2022, section 4.1, arXiv 2205.14959). `"single"` uses the formation of
    `factor` alone, `"multi"` those of 1 to `factor` for every canvas. `"bound"`
    gives each canvas one formation so that a class has at most 128 images: as
    many of the first canvases as fit are cut by `factor`, as many of the rest
    as still fit by the next smaller one, and so on; what is left stays whole.
    So with factor 2 up to 32 canvases are all cut into four, of 50 canvases 26
    are, and 128 or more stay as they are. (The authors' code fills the bound
    less: of n canvases it cuts (128 - n) / k^2, of 32 only 24.) Instances are
    ordered by canvas, then formation, then patch, the last axis fastest.

    A canvas whose size k does not divide is padded with mid-grey, as published:
    its last patches show some. `adapt` logs that, and a patch of nothing else
    is refused.

    `adapt` tiles a canvas with different real images, each shrunk to a patch
    by its nearest pixels, and notes the range of every channel of the real
    images: canvases are clipped to it after each update (in the source, to
    [0, 1], whenever a network is drawn), and mid-grey is its middle.

    Args:
        image_shape: `[height, width, channels]`, or more spatial axes.
        classes: number of classes.
        instances_per_class: decoded images per class.
        settings: see `MultiFormationSettings`.

    Raises:
        ValueError: `factor` exceeds an axis, leaves a patch nothing but
            padding, does not go with `instances_per_class`, or cuts so large
            images into too many.
    """

    Settings = MultiFormationSettings
    settings: MultiFormationSettings
    title = "IDC"
    paper = TrainedGradientMatching.paper

    def __init__(
        self, image_shape, classes, instances_per_class, settings=None, **kwargs
    ):
        super().__init__(
            image_shape, classes, instances_per_class, settings, **kwargs
        )
        spatial, channels = self.image_shape[:-1], self.image_shape[-1]
        decode, factor = self.settings.decode, self.settings.factor
        formations.check_factor(spatial, decode, factor)
        how = decode, factor, len(spatial)
        wanted = self.instances_per_class
        count = self.settings.canvases
        if count > wanted or count and formations.images(*how, count) != wanted:
            raise ValueError(
                f"`canvases` {count:,} of a class must become as many images "
                f"as it has. Received: `instances_per_class` {wanted}."
            )
        count = count or formations.fewest_canvases(*how, wanted)
        self.canvases_per_class = count
        self.canvases = self.add_weight(
            name="canvases",
            shape=(self.classes * count, *self.image_shape),
            initializer="zeros",
        )
        self.low, self.high = (
            self.add_weight(
                name=name,
                shape=(channels,),
                initializer="zeros",
                trainable=False,
            )
            for name in ("low", "high")
        )
        self._canvas, self._row = formations.places(*how, count)
        self._matrices = formations.matrices(decode, factor, spatial, count)

    @classmethod
    def within_budget(cls, settings, image_shape, classes, ipc):
        if settings.decode == "bound":  # Images do not tell canvases.
            count = _canvases(settings, image_shape, classes, ipc)
            settings = dataclasses.replace(settings, canvases=count)
        return super().within_budget(settings, image_shape, classes, ipc)

    @classmethod
    def instances_within(cls, settings, image_shape, classes, ipc):
        return formations.images(
            settings.decode,
            settings.factor,
            len(image_shape) - 1,
            _canvases(settings, image_shape, classes, ipc),
        )

    @classmethod
    def real_images(cls, settings, image_shape, classes, ipc):
        canvases = _canvases(settings, image_shape, classes, ipc)
        return canvases * settings.factor ** (len(image_shape) - 1)

    @classmethod
    def shrunk(cls, settings, image_shape, classes, ipc, images):
        """Cuts canvases into fewer patches."""
        axes, least = len(image_shape) - 1, max(settings.canvases, 1)
        asked = min(settings.factor, *image_shape[:-1])
        for factor in range(asked, 1, -1):
            fewer = dataclasses.replace(settings, factor=factor)
            if least * factor**axes > images:
                continue
            try:
                if cls.real_images(fewer, image_shape, classes, ipc) <= images:
                    return fewer
            except ValueError:  # What is asked for is refused in its place.
                if factor == asked:
                    return fewer
        return dataclasses.replace(settings, factor=1)

    def adapt(self, images, labels, seed, choose=None):
        factor, spatial = self.settings.factor, self.image_shape[:-1]
        tiles = factor ** len(spatial)
        self._tell_padding()
        wanted = self.canvases_per_class * tiles
        rows = chosen_rows(choose, labels, wanted, self.classes, seed)
        # Canvas pixel i shows image i // patch, at pixel (i mod patch).
        canvases = np.empty(self.canvases.shape, np.float32)
        for tile, position in enumerate(
            formations.positions(factor, len(spatial))
        ):
            shown = images[rows[tile::tiles]]
            target = [slice(None)]
            for axis, (size, place) in enumerate(zip(spatial, position), 1):
                patch = -(-size // factor)
                begin, end = place * patch, min((place + 1) * patch, size)
                source = np.arange(max(end - begin, 0)) * size // patch
                shown = np.take(shown, source, axis)
                target.append(slice(begin, max(begin, end)))
            canvases[tuple(target)] = shown
        axes = tuple(range(images.ndim - 1))
        self.canvases.assign(canvases)
        self.low.assign(images.min(axes))
        self.high.assign(images.max(axes))

    def _tell_padding(self) -> None:
        """Logs which factors do not divide a canvas."""
        spatial, settings = self.image_shape[:-1], self.settings
        if odd := formations.padded(
            spatial, settings.decode, settings.factor, self.canvases_per_class
        ):
            logging.warning(
                "Canvases of %s are padded with mid-grey where they are cut by "
                "`factor` %s, which does not divide them.",
                " x ".join(map(str, spatial)),
                " and ".join(map(str, odd)),
            )

    def constrain(self, memory):
        low, high = map(tf.convert_to_tensor, (self.low, self.high))
        *labels, canvases = memory
        return [*labels, tf.clip_by_value(canvases, low, high)]

    def call(self, indices):
        indices = tf.cast(indices, tf.int32)
        canvases = tf.convert_to_tensor(self.canvases)
        middle = (
            tf.convert_to_tensor(self.low) + tf.convert_to_tensor(self.high)
        ) / 2
        # Padding is mid-grey: measured from there, it adds nothing.
        label, place = (
            indices // self.instances_per_class,
            indices % self.instances_per_class,
        )
        own = label * self.canvases_per_class + tf.gather(self._canvas, place)
        x = tf.gather(canvases, own) - middle
        row = tf.gather(self._row, place)
        for matrices in self._matrices:
            matrix = tf.gather(tf.cast(matrices, x.dtype), row)
            # Resizes axis 1 and moves it to the end, as in `DCT`.
            x = tf.einsum("nij,nj...->n...i", matrix, x)
        rank = len(self.image_shape) + 1
        return tf.transpose(x, [0, *range(2, rank), 1]) + middle


def _canvases(
    settings: MultiFormationSettings,
    image_shape: Sequence[int],
    classes: int,
    ipc: int,
) -> int:
    """Returns the canvases of a class that a budget holds, or are asked for.

    Raises:
        ValueError: it does not hold so many, or not a single one, or images
            cannot be cut so.
    """
    decode, factor = settings.decode, settings.factor
    formations.check_factor(image_shape[:-1], decode, factor)
    label = settings.label_floats(classes)
    available = budget.floats_per_class(image_shape, ipc, label)
    axes, pixels = len(image_shape) - 1, math.prod(image_shape)

    def images(canvases: int) -> int:
        return formations.images(decode, factor, axes, canvases)

    least = max(settings.canvases, 1)
    needed = least * pixels + images(least) * label
    if needed > available:
        held = "a canvas" if least == 1 else f"`canvases` {least:,}"
        way_out = "Raise `ipc`" + ", or lower `canvases`" * (least > 1)
        if label:
            held += f" and the learned labels of {images(least):,} images"
            way_out += ", or take `parameterization.labels` 'fixed'"
        raise ValueError(
            f"The budget of `ipc` {ipc} ({available:,} floats per class) must "
            f"hold {held} ({needed:,}). {way_out}."
        )
    if settings.canvases:
        return least
    if decode != "bound":
        return available // needed
    return next(
        count
        for count in range(ipc, 0, -1)
        if count * pixels + images(count) * label <= available
    )
