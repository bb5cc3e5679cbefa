"""Differentiable siamese augmentation: operations drawn per batch."""

import dataclasses
import difflib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import color, cutout, geometry
from fred_tf.augmentations.branches import Branch, one_of
from fred_tf.paper import Paper


class Operation(NamedTuple):
    """A family of transformations.

    Attributes:
        draw: (seed, count, (height, width)) to keyword arguments of `apply`,
            for `count` images, or for all images alike if it is 1.
        apply: (images, **arguments) to images of the same shape and dtype,
            differentiable in the images.
    """

    draw: Callable[..., dict[str, Any]]
    apply: Callable[..., tf.Tensor]


# Brightness and contrast change what of a volume is solid.
_OF_PICTURES = ("color",)

OPERATIONS = {
    "color": Operation(color.draw_color, color.adjust_color),
    "crop": Operation(geometry.draw_translation, geometry.translate),
    "cutout": Operation(cutout.draw_cutout, cutout.cutout),
    "flip": Operation(geometry.draw_flip, geometry.flip),
    "scale": Operation(geometry.draw_scaling, geometry.affine_warp),
    "rotate": Operation(geometry.draw_rotation, geometry.affine_warp),
}


@dataclasses.dataclass(frozen=True)
class SiameseAugmentation:
    """Applies an operation of each part of a strategy, drawn at every call.

    A strategy is parts joined by "+", which are applied in this order; a part
    is operations joined by "_", of which a call draws one, all equally likely.
    So "color_crop_flip" does one of three things, as Zhao and Bilen do (2021,
    arXiv 2102.08259, in the mode that their code calls "single"), and
    "color+crop+flip" all three (their "multiple"). Kim et al. (2022, arXiv
    2205.14959) always mirror, colour and cut, and draw one of the others:
    "flip+color+crop_scale_rotate+cutout".

    Same seed, same draw. With `shared=True` all images of a call get the same
    parameters, which do not depend on the batch size, so that real and
    synthetic batches of different sizes are transformed identically:

    ```python
    augment = SiameseAugmentation()
    real = augment(real, seed, shared=True)  # [256, 32, 32, 3]
    synthetic = augment(synthetic, seed, shared=True)  # [64, 32, 32, 3]
    ```

    By default every image has its own parameters; what is drawn of a part is
    still one per call. (The authors' code draws parameters for every image and,
    if siamese, broadcasts those of the first; here they are drawn once.)

    Volumes are augmented as the pictures that lie one behind the other in them:
    all slices of a volume are moved, cut, mirrored, scaled and turned alike.
    `color` has no meaning for them, and is refused; `suited` leaves it out.

    A seed gives other numbers under `jit_compile=True` than without: calls
    that are to agree must be compiled alike.

    Attributes:
        strategy: names in `OPERATIONS` joined by "_" and "+", see above, or
            "none" for no change.

    Raises:
        ValueError: a name is unknown or occurs twice.
    """

    strategy: str = "color_crop_cutout_flip_scale_rotate"

    paper: ClassVar[Paper] = Paper(
        "zhao2021siamese",
        "Zhao, Bo and Bilen, Hakan",
        "Dataset Condensation with Differentiable Siamese Augmentation",
        "ICML",
        2021,
        "2102.08259",
    )

    def __post_init__(self):
        for position, name in enumerate(self.names):
            if name not in OPERATIONS:
                near = difflib.get_close_matches(name, [*OPERATIONS, "none"], 1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise ValueError(
                    f"An augmentation joins names of {list(OPERATIONS)} by "
                    f"'_' or '+', or is 'none'. Received: {name!r} in "
                    f"{self.strategy!r}.{hint}"
                )
            if name in self.names[:position]:
                raise ValueError(
                    "An augmentation names each operation once. Received: "
                    f"{name!r} twice in {self.strategy!r}."
                )

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """Names of the operations by part, none for the strategy "none"."""
        if self.strategy == "none":
            return ()
        return tuple(
            tuple(part.split("_")) for part in self.strategy.split("+")
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the operations of all parts."""
        return tuple(name for part in self.parts for name in part)

    def suited(self, image_shape: Sequence[int]) -> "SiameseAugmentation":
        """Returns this without the operations that are not of such images.

        Args:
            image_shape: `[height, width, channels]`, or more spatial axes.
        """
        if len(image_shape) == 3:
            return self
        left = (
            "_".join(name for name in part if name not in _OF_PICTURES)
            for part in self.parts
        )
        return SiameseAugmentation("+".join(filter(None, left)) or "none")

    def __call__(
        self, images: tf.Tensor, seed: tf.Tensor, shared: bool = False
    ) -> tf.Tensor:
        """Returns augmented images, differentiable in `images`.

        Args:
            images: float `[batch, height, width, channels]`, of volumes with
                a depth before the height; only the batch size may be unknown
                while tracing.
            seed: int32 `[2]`.
            shared: whether all images get the same parameters.

        Returns:
            Like `images` in shape and dtype.

        Raises:
            ValueError: `images` has another rank or an unknown size, or are
                volumes and an operation is not of them.
            TypeError: `images` is not floating.
        """
        images = tf.convert_to_tensor(images)
        if not self.names:
            return images
        if images.shape.rank == 5:
            return self._of_volumes(images, seed, shared)
        if images.shape.rank != 4 or None in images.shape[1:]:
            raise ValueError(
                "`images` must be [batch, height, width, channels] with known "
                f"height, width and channels. Received: {images.shape}. Set "
                "them with `tf.ensure_shape`."
            )
        if not images.dtype.is_floating:
            raise TypeError(
                "`images` must be floating, as most operations average pixels. "
                f"Received: {images.dtype.name}. Normalise them first."
            )
        parts, augmented = self.parts, images
        for position, part in enumerate(parts):
            own = seed if len(parts) == 1 else seeds.fold(seed, position)
            augmented = _one_of(part, augmented, own, shared)
        # At the end alone: what is lowered for packs takes none in between.
        return tf.ensure_shape(augmented, images.shape)

    def _of_volumes(
        self, volumes: tf.Tensor, seed: tf.Tensor, shared: bool
    ) -> tf.Tensor:
        """Augments `[batch, depth, height, width, channels]`, see the class."""
        if odd := [name for name in self.names if name in _OF_PICTURES]:
            raise ValueError(
                f"Volumes have no {' or '.join(odd)} to augment. Received: "
                f"{self.strategy!r}. Leave it out of the strategy."
            )
        _, depth, height, width, channels = volumes.shape
        # An operation treats channels alike: the slices become channels.
        slices = tf.transpose(volumes, [0, 2, 3, 1, 4])
        slices = tf.reshape(slices, [-1, height, width, depth * channels])
        slices = tf.reshape(
            self(slices, seed, shared), [-1, height, width, depth, channels]
        )
        return tf.ensure_shape(
            tf.transpose(slices, [0, 3, 1, 2, 4]), volumes.shape
        )


def suited(strategy: str, image_shape: Sequence[int]) -> str:
    """Returns a strategy without the operations that are not of such images.

    Args:
        strategy: see `SiameseAugmentation`; an empty one stays empty.
        image_shape: `[height, width, channels]`, or more spatial axes.
    """
    if not strategy:
        return strategy
    return SiameseAugmentation(strategy).suited(image_shape).strategy


def _one_of(
    names: Sequence[str], images: tf.Tensor, seed: tf.Tensor, shared: bool
) -> tf.Tensor:
    """Applies one of some operations to images `[n, height, width, c]`."""
    choice_seed, draw_seed = seeds.fold(seed, 0), seeds.fold(seed, 1)

    def branch(operation: Operation) -> Branch:
        def augment(images, seed):
            count, *sizes = images.shape[:3]
            if count is None:
                count = tf.shape(images)[0]
            count = 1 if shared else count
            return operation.apply(images, **operation.draw(seed, count, sizes))

        return augment

    branches = [branch(OPERATIONS[name]) for name in names]
    if len(branches) == 1:
        return branches[0](images, draw_seed)
    choice = tf.random.stateless_uniform(
        [], choice_seed, 0, len(branches), tf.int32
    )
    return one_of(choice, branches, images, draw_seed)
