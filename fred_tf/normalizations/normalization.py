"""The contract of a normalisation, and the range that images come in."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import tensorflow as tf

from fred_tf.disk import claims

# In units of pixels, which lie in [0, 1]: far beyond any that is meant.
_MOST = 1e9


class UnfittedError(ValueError):
    """A normalisation of a record lacks what the training images give it.

    Attributes:
        said: what an export that needs it says of itself; empty of others.
    """

    said: Mapping[str, Any] = MappingProxyType({})


class Normalization(abc.ABC):
    """Maps images in [0, 1] to what networks see, and back.

    A member is a frozen dataclass whose fields are numbers or tuples of them:
    equal ones are equal, hash alike, and are rebuilt from their config.

    Attributes:
        name: its key in `NORMALIZATIONS`.
        doing: what is made of pixels in [0, 1] units, in words that `of the
            metadata` or nothing follows.
        undoing: what pixels are made by, likewise.
        whole: whether each value depends on all of the image, so that mapping
            one costs as many products as it has values, squared.
    """

    name: ClassVar[str]
    whole: ClassVar[bool] = False
    doing: ClassVar[str] = (
        "what `fred_tf.NORMALIZATIONS` makes of a pixel by `normalization`"
    )
    undoing: ClassVar[str] = (
        "what `fred_tf.NORMALIZATIONS` undoes to an image by `normalization`"
    )

    @classmethod
    @abc.abstractmethod
    def fit(cls, images: np.ndarray) -> Self:
        """Returns the normalisation that suits training images.

        Args:
            images: `[n, ..., channels]`, uint8 or float in [0, 1].
        """

    @abc.abstractmethod
    def __call__(self, images: np.ndarray | tf.Tensor) -> Any:
        """Returns normalised float32 images, like `images` in kind."""

    @abc.abstractmethod
    def undo(self, images: np.ndarray | tf.Tensor) -> Any:
        """Returns images in [0, 1] units; distilled pixels may leave [0, 1]."""

    @property
    def is_fitted(self) -> bool:
        """Whether it can be applied; one of a record may need `fitted`."""
        return True

    def fitted(self, images: np.ndarray) -> Self:
        """Returns it with all that it takes to be applied.

        Args:
            images: the training images that it was fitted on.

        Raises:
            ValueError: it was fitted on others.
        """
        return self

    def check(self, image_shape: Sequence[int]) -> None:
        """Raises ValueError unless it suits images of this shape; any may."""
        return None

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Rebuilds it from its fields as JSON values, whoever wrote them.

        Raises:
            ValueError: a value is no finite number or list of them.
        """
        return cls(
            **{
                key: tuple(claims.numbers(fields, key, -_MOST, _MOST))
                if isinstance(value, list)
                else claims.number(fields, key, -_MOST, _MOST)
                for key, value in fields.items()
            }
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the name and the fields, fit for JSON."""
        fields = dataclasses.asdict(self)  # type: ignore[call-overload]
        return {
            "name": self.name,
            **{
                key: list(value) if isinstance(value, tuple) else value
                for key, value in fields.items()
            },
        }


def unit_range(images: np.ndarray | tf.Tensor) -> np.ndarray | tf.Tensor:
    """Returns images as float32 in [0, 1]: uint8 is divided by 255."""
    if isinstance(images, tf.Tensor):
        scale = 1 / 255 if images.dtype == tf.uint8 else 1.0
        return tf.cast(images, tf.float32) * scale
    scaled = images.astype(np.float32)
    # In place: whole training splits pass through.
    scaled *= np.float32(1 / 255 if images.dtype == np.uint8 else 1.0)
    return scaled
