"""The contract of a kernel of images."""

import abc
from collections.abc import Sequence
from typing import ClassVar

import tensorflow as tf

from fred_tf.settings import Member, Settings

PRECISIONS = ("float64", "float32")


class Kernel(Member, abc.ABC):
    """How alike images are: symmetric, positive semi-definite.

    ```python
    kernel = KERNELS["random_features"]((32, 32, 3))
    support = kernel.represent(synthetic, seed)
    inner = kernel.between(support)  # [m, m]
    cross = kernel.between(kernel.represent(real, seed), support)  # [n, m]
    ```

    Both methods are pure functions of tensors, compile under XLA, and are
    differentiable in the images: without NaN, though images be equal. A member
    is one file: the class, and its `Settings`.

    Attributes:
        random: whether it depends on the seed. Then two images are compared
            under one seed, and there is a new kernel for each.

    Args:
        image_shape: `[*sizes, channels]`.
        settings: the member's own; its defaults if None.

    Raises:
        ValueError: it takes no images of this shape.
    """

    random: ClassVar[bool] = False

    def __init__(
        self, image_shape: Sequence[int], settings: Settings | None = None
    ):
        self.image_shape = tuple(map(int, image_shape))
        self.settings = settings or self.Settings()

    @abc.abstractmethod
    def represent(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns what is compared, once for each image.

        Args:
            images: float `[n, *image_shape]`, normalised.
            seed: int32 `[2]`, from which everything random follows.

        Returns:
            `[n, values]`.
        """

    @abc.abstractmethod
    def between(
        self, left: tf.Tensor, right: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the kernel of all pairs, `[left, right]`.

        Args:
            left: from `represent`.
            right: likewise; None for `left` itself.
        """
