"""ConvNet-D: the network of nearly every distillation paper."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import ClassVar

import keras

from fred_tf.networks.initializers import fan_in_initializers
from fred_tf.networks.instance_norm import InstanceNorm
from fred_tf.settings import Settings, check_least

NORMS: dict[str, Callable[..., keras.layers.Layer]] = {
    "instance": InstanceNorm,
    # PyTorch's epsilon, and its momentum 0.1, which Keras counts as 0.9.
    "batch": functools.partial(
        keras.layers.BatchNormalization, momentum=0.9, epsilon=1e-5
    ),
    "group": functools.partial(
        keras.layers.GroupNormalization, groups=4, epsilon=1e-5
    ),
    "none": keras.layers.Identity,
}


@dataclasses.dataclass(frozen=True)
class ConvNetSettings(Settings):
    """Arguments of `ConvNet`."""

    name: ClassVar[str] = "convnet"
    width: int = 128
    depth: int = 3
    norm: str = "instance"

    def __post_init__(self):
        check_least("width", self.width, 1)
        check_least("depth", self.depth, 1)


@keras.saving.register_keras_serializable("fred_tf")
class ConvNet(keras.Model):
    """`depth` blocks of convolution, norm, ReLU and pooling, then a classifier.

    A block is a 3x3 convolution with bias, a normalisation, ReLU and 2x2
    average pooling (Gidaris & Komodakis 2018, as used by Zhao et al. 2021,
    arXiv 2006.05929, and everyone since). Images of one channel are padded by
    3 in the first convolution, so that 28x28 becomes 32x32. Average pooling
    has second derivatives, which trajectory matching needs.

    Calling returns logits `[batch, classes]`; `embed` the flat features
    before the classifier. With images of 32x32x3, 10 classes and the default
    sizes there are 320,010 parameters and 2,048 features.

    Args:
        image_shape: `[height, width, channels]`.
        classes: number of classes.
        width: channels of every block.
        depth: number of blocks, 1 to 6.
        norm: `"instance"`, `"batch"`, `"group"` (4 groups) or `"none"`.

    Raises:
        ValueError: an argument is out of its range, or the image is too small
            for `depth` poolings.
    """

    Settings = ConvNetSettings

    def __init__(
        self,
        image_shape: Sequence[int],
        classes: int,
        width: int = 128,
        depth: int = 3,
        norm: str = "instance",
        **kwargs,
    ):
        super().__init__(**kwargs)
        image_shape = tuple(map(int, image_shape))
        _check(image_shape, width, depth, norm)
        self.arguments = {
            "image_shape": list(image_shape),
            "classes": classes,
            "width": width,
            "depth": depth,
            "norm": norm,
        }
        height, breadth, channels = image_shape
        layers, dtype = keras.layers, self.dtype_policy
        self.steps = []
        if channels == 1:
            # On top of the convolution's own padding of 1.
            self.steps.append(layers.ZeroPadding2D(2, dtype=dtype))
            height, breadth = height + 4, breadth + 4
        for _ in range(depth):
            fan_in = fan_in_initializers(3, 3, channels)
            self.steps += [
                layers.Conv2D(width, 3, padding="same", dtype=dtype, **fan_in),
                NORMS[norm](dtype=dtype),
                layers.ReLU(dtype=dtype),
                layers.AveragePooling2D(2, dtype=dtype),
            ]
            channels, height, breadth = width, height // 2, breadth // 2
        self.steps.append(layers.Flatten(dtype=dtype))
        self.classifier = layers.Dense(
            classes,
            dtype=dtype,
            **fan_in_initializers(height, breadth, width),
        )
        self(keras.KerasTensor((None, *image_shape)))

    def embed(self, images, training: bool = False):
        """Returns the features before the classifier, `[batch, features]`."""
        x = images
        for step in self.steps:
            if isinstance(step, keras.layers.BatchNormalization):
                x = step(x, training=training)
            else:
                x = step(x)
        return x

    def call(self, images, training: bool = False):
        return self.classifier(self.embed(images, training))

    def get_config(self):
        return {**super().get_config(), **self.arguments}


def _check(image_shape, width: int, depth: int, norm: str) -> None:
    if len(image_shape) != 3:
        raise ValueError(
            "`image_shape` of a ConvNet must be [height, width, channels]. "
            f"Received: {image_shape}."
        )
    if not 1 <= depth <= 6:
        raise ValueError(
            f"`depth` of a ConvNet must be between 1 and 6. Received: {depth}."
        )
    if width < 1:
        raise ValueError(
            f"`width` of a ConvNet must be at least 1. Received: {width}."
        )
    if norm == "group" and width % 4:
        raise ValueError(
            '`width` must be a multiple of the 4 groups of `norm` "group". '
            f"Received: {width}."
        )
    if norm not in NORMS:
        raise ValueError(
            f"`norm` of a ConvNet must be one of {sorted(NORMS)}. "
            f"Received: {norm!r}."
        )
    padding = 4 if image_shape[-1] == 1 else 0
    if (min(image_shape[:2]) + padding) >> depth < 1:
        raise ValueError(
            f"A ConvNet of `depth` {depth} halves the image {depth} times and "
            f"needs at least {2**depth} pixels a side. Received: "
            f"{image_shape[0]} x {image_shape[1]}. Lower `depth`."
        )
