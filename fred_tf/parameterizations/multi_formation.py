"""IDC's multi-formation: canvases that are cut into patches and enlarged."""

import dataclasses
import math
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from fred_tf import budget
from fred_tf.coresets.random_selection import select_random
from fred_tf.paper import Paper
from fred_tf.parameterizations.labels import MemorySettings
from fred_tf.parameterizations.parameterization import Parameterization
from fred_tf.settings import check_least, check_one_of

DECODES = ("single", "multi")
# Numbers in the matrices that enlarge patches, at most: 1 GiB.
_MOST = 2**27


@dataclasses.dataclass(frozen=True)
class MultiFormationSettings(MemorySettings):
    """Settings of `MultiFormation`.

    Attributes:
        factor: patches along an axis, at least 1.
        decode: `"single"` or `"multi"`.
    """

    name: ClassVar[str] = "idc"
    factor: int = 2
    decode: str = "single"

    def __post_init__(self):
        super().__post_init__()
        check_least("factor", self.factor, 1, 1000)
        check_one_of("decode", self.decode, DECODES)


@keras.saving.register_keras_serializable("fred_tf")
class MultiFormation(Parameterization):
    """Stores `ipc` canvases per class; each patch of one becomes an image.

    The formation of factor k cuts a canvas into k patches along every axis and
    enlarges each to the whole size, bilinearly between pixel centres (Kim et
    al. 2022, section 4.1, arXiv 2205.14959). `"single"` uses the formation of
    `factor` alone, `"multi"` those of 1 to `factor`. Instances are ordered by
    canvas, then formation, then patch, the last axis fastest. A canvas whose
    size k does not divide is padded with mid-grey.

    `adapt` tiles a canvas with different real images, each shrunk to a patch
    by its nearest pixels, and notes the range of every channel of the real
    images: as in the source, canvases are clipped to it after each update,
    and mid-grey is its middle.

    Args:
        image_shape: `[height, width, channels]`, or more spatial axes.
        classes: number of classes.
        instances_per_class: decoded images per class.
        settings: see `MultiFormationSettings`.

    Raises:
        ValueError: `factor` exceeds an axis, or does not go with
            `instances_per_class`, or cuts so large images into too many.
    """

    Settings = MultiFormationSettings
    settings: MultiFormationSettings
    title = "IDC"
    paper = Paper(
        "kim2022condensation",
        "Kim, Jang-Hyun and Kim, Jinuk and Oh, Seong Joon and Yun, Sangdoo and "
        "Song, Hwanjun and Jeong, Joonhyun and Ha, Jung-Woo and Song, Hyun Oh",
        "Dataset Condensation via Efficient Synthetic-Data Parameterization",
        "ICML",
        2022,
        "2205.14959",
    )

    def __init__(
        self, image_shape, classes, instances_per_class, settings=None, **kwargs
    ):
        super().__init__(
            image_shape, classes, instances_per_class, settings, **kwargs
        )
        factor, decode = self.settings.factor, self.settings.decode
        spatial, channels = self.image_shape[:-1], self.image_shape[-1]
        self.patches = _patches(spatial, factor, decode)
        if self.instances_per_class % self.patches:
            raise ValueError(
                "`instances_per_class` must be a multiple of the patches of a "
                f"canvas ({self.patches}). Received: {instances_per_class}."
            )
        if self.patches * sum(size**2 for size in spatial) > _MOST:
            raise ValueError(
                f"`factor` {factor} makes {self.patches:,} patches of images "
                f"{list(spatial)}, and their matrices must have at most "
                f"{_MOST:,} numbers. Lower it."
            )
        self.canvases = self.add_weight(
            name="canvases",
            shape=(self.instances // self.patches, *self.image_shape),
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
        formations = {"single": [factor], "multi": range(1, 1 + factor)}
        # By axis, what each patch is made of: [patch, size, size].
        self._matrices = [
            np.concatenate(
                [
                    _enlarge(size, k)[_positions(k, len(spatial))[:, axis]]
                    for k in formations[decode]
                ]
            )
            for axis, size in enumerate(spatial)
        ]

    @classmethod
    def instances_within(cls, settings, image_shape, classes, ipc):
        patches = _patches(image_shape[:-1], settings.factor, settings.decode)
        label = settings.label_floats(classes)
        each = math.prod(image_shape) + patches * label
        budget_of_class = budget.floats_per_class(image_shape, ipc, label)
        canvases = budget_of_class // each
        if canvases < 1:
            raise ValueError(
                f"The budget of `ipc` {ipc} ({budget_of_class:,} floats per "
                f"class) must hold a canvas and the learned labels of its "
                f"{patches} images ({each:,}). Raise `ipc`, or take "
                "`parameterization.labels` 'fixed'."
            )
        return canvases * patches

    @classmethod
    def real_images(cls, settings, image_shape, classes, ipc):
        return ipc * settings.factor ** (len(image_shape) - 1)

    @classmethod
    def shrunk(cls, settings, image_shape, ipc, images):
        """Cuts canvases into fewer patches."""
        axes, shortest = len(image_shape) - 1, min(image_shape[:-1])
        factor = min(settings.factor, shortest)
        while factor > 1 and ipc * factor**axes > images:
            factor -= 1
        return dataclasses.replace(settings, factor=factor)

    def adapt(self, images, labels, seed):
        factor, spatial = self.settings.factor, self.image_shape[:-1]
        tiles = factor ** len(spatial)
        canvases = self.canvases.shape[0] // self.classes
        rows = select_random(labels, canvases * tiles, self.classes, seed)
        # Canvas pixel i shows image i // patch, at pixel (i mod patch).
        canvases = np.empty(self.canvases.shape, np.float32)
        for tile, position in enumerate(_positions(factor, len(spatial))):
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
        x = tf.gather(canvases, indices // self.patches) - middle
        for matrices in self._matrices:
            matrix = tf.gather(
                tf.cast(matrices, x.dtype), indices % self.patches
            )
            # Resizes axis 1 and moves it to the end, as in `DCT`.
            x = tf.einsum("nij,nj...->n...i", matrix, x)
        rank = len(self.image_shape) + 1
        return tf.transpose(x, [0, *range(2, rank), 1]) + middle


def _patches(spatial, factor: int, decode: str) -> int:
    """Returns the images of a canvas."""
    if factor > min(spatial):
        raise ValueError(
            f"`factor` must not exceed the shortest axis ({min(spatial)}). "
            f"Received: {factor}."
        )
    formations = [factor] if decode == "single" else range(1, factor + 1)
    return sum(k ** len(spatial) for k in formations)


def _positions(factor: int, axes: int) -> np.ndarray:
    """Returns the place of each patch along each axis, `[patch, axes]`."""
    return np.indices([factor] * axes).reshape(axes, -1).T


def _enlarge(size: int, factor: int) -> np.ndarray:
    """Returns the matrices that enlarge the patches of one axis.

    Output pixel j looks at (j + 1/2) / factor - 1/2 of its patch, clamped to
    its pixels, and takes the two nearest (bilinear, corners not aligned).

    Returns:
        `[factor, size, size]`: patch, output pixel, canvas pixel. What lies
        in the padding is left out.
    """
    patch = math.ceil(size / factor)
    source = (np.arange(size) + 0.5) * patch / size - 0.5
    source = np.clip(source, 0, patch - 1)
    below = np.floor(source).astype(int)
    above = np.minimum(below + 1, patch - 1)
    matrices = np.zeros((factor, size, factor * patch))
    rows = np.arange(size)
    for place in range(factor):
        begin = place * patch
        matrices[place, rows, begin + below] += 1 - (source - below)
        matrices[place, rows, begin + above] += source - below
    return matrices[:, :, :size]
