"""What every network promises."""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import keras

from fred_tf.networks.initializers import fan_in_initializers, of_network
from fred_tf.networks.instance_norm import InstanceNorm, merge
from fred_tf.settings import Member, Settings


class Network(keras.Model, Member, abc.ABC):
    """Layers one after the other, then a dense classifier.

    A member is one file: the class with its `make_layers`, and its `Settings`.

    Calling returns logits `[batch, classes]`; `embed` returns what goes into
    the classifier, `[batch, features]`, and `maps` also what each of the
    `activations` gives, before it is pooled. Weights start as in PyTorch, where
    published step sizes come from, unless a member says otherwise. Whatever the
    global settings of Keras are, layers are float32, unless `dtype` says
    otherwise, with the channels last.

    Args:
        image_shape: `[*sizes, channels]`.
        classes: number of classes.
        settings: the member's own; its defaults if None.

    Raises:
        ValueError: the image is too small, or has other axes; or a layer has
            the channels first, or weights that do not follow from a seed, see
            `initializers.of_network`.
    """

    activations: ClassVar[tuple[type[keras.layers.Layer], ...]] = (
        keras.layers.ReLU,
        keras.layers.LeakyReLU,
        keras.layers.Activation,
    )

    def __init__(
        self,
        image_shape: Sequence[int],
        classes: int,
        settings: Settings | None = None,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.image_shape = tuple(map(int, image_shape))
        self.classes = int(classes)
        self.settings = (settings or self.Settings()).sized(self.image_shape)
        self.steps = merge(self.make_layers(self.image_shape))
        for layer in self._flatten_layers(include_self=False):
            layer.dtype_policy = self.dtype_policy
            if getattr(layer, "data_format", None) == "channels_first":
                raise ValueError(
                    "Layers of a network have the channels last. Received: "
                    f"{type(layer).__name__} with channels first. Give it "
                    "`data_format` 'channels_last'."
                )
        x = keras.KerasTensor((None, *image_shape))
        for layer in self.steps:
            x = layer(x)
        self.classifier = keras.layers.Dense(
            classes, dtype=self.dtype_policy, **fan_in_initializers(x.shape[-1])
        )
        self.classifier(x)
        of_network(self)
        self.built = True

    @abc.abstractmethod
    def make_layers(
        self, image_shape: tuple[int, ...]
    ) -> list[keras.layers.Layer]:
        """Returns the layers from images to flat features, by the settings."""

    def embed(self, images, training: bool = False):
        """Returns the features before the classifier, `[batch, features]`."""
        # Through the call, where Keras hands `training` down to every layer.
        return self(images, training=training, features=True)

    def maps(self, images, training: bool = False):
        """Returns what each activation gives, and the features at the end."""
        return self(images, training=training, maps=True)

    @property
    def activated(self) -> list[keras.layers.Layer]:
        """Layers that are activations, or end with one."""
        return [
            step
            for step in self.steps
            if isinstance(step, self.activations)
            or (isinstance(step, InstanceNorm) and step.rectify)
        ]

    def call(
        self,
        images,
        training: bool = False,
        features: bool = False,
        maps: bool = False,
    ):
        x, seen = images, []
        activated = self.activated if maps else []
        for step in self.steps:
            if step not in activated:
                x = step(x)
            elif isinstance(step, InstanceNorm) and step.pool:
                seen.append(step(x, pooled=False))
                x = step.pooling(seen[-1])
            else:
                x = step(x)
                seen.append(x)
        if maps:
            return [*seen, x]
        return x if features else self.classifier(x)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "classes": self.classes,
            "settings": self.settings.to_json(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        settings = cls.Settings.from_json(config["settings"])
        return cls(**{**config, "settings": settings})


def check_sizes(
    network: str,
    image_shape: Sequence[int],
    least: int,
    way_out: str,
    axes: int = 2,
    border: int = 0,
) -> tuple[int, ...]:
    """Returns `image_shape` as integers if a network can take it.

    Args:
        network: the class, for the message.
        image_shape: `[*sizes, channels]`.
        least: pixels that each size must reach, the border included.
        way_out: the end of the message.
        axes: how many sizes there are.
        border: see `border`.

    Raises:
        ValueError: there are more or fewer sizes, or one is too small.
    """
    shape = tuple(map(int, image_shape))
    if len(shape) != axes + 1:
        names = ("depth", "height", "width", "channels")[-axes - 1 :]
        raise ValueError(
            f"`image_shape` of {network} must be [{', '.join(names)}]. "
            f"Received: {shape}. {_OTHER_AXES.get(len(shape), '')}".rstrip()
        )
    least -= 2 * border
    if min(shape[:-1]) < least:
        raise ValueError(
            f"{network} needs images of at least {least} pixels a side. "
            f"Received: {' x '.join(map(str, shape[:-1]))}. {way_out}"
        )
    return shape


# By how many entries `image_shape` has.
_OTHER_AXES = {
    3: "Images fit every network but `convnet3d`.",
    4: "Voxels fit `convnet3d` and `mlp`.",
}


def border(image_shape: Sequence[int]) -> int:
    """Returns how many zeros the first convolution adds on every side.

    They come on top of its usual padding. Images of one channel have 2, which
    makes 28x28 as large as 32x32; others have none.
    """
    return 2 if image_shape[-1] == 1 else 0
