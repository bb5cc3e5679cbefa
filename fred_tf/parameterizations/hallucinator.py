"""HaBa: bases, and hallucinators that each class shares."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from fred_tf import budget, seeds
from fred_tf.coresets import chosen_rows
from fred_tf.objectives.diversity import Diversity
from fred_tf.optimizers import Group
from fred_tf.paper import Paper
from fred_tf.parameterizations.labels import MemorySettings
from fred_tf.parameterizations.parameterization import Parameterization
from fred_tf.settings import MOST_RATE, check_least, check_one_of, later

DECODES = ("all", "pair", "one")
_KERNEL = 3


@dataclasses.dataclass(frozen=True)
class HallucinatorSettings(MemorySettings):
    """Settings of `Hallucinator`.

    Attributes:
        hallucinators: at least 2.
        basis_channels: channels of a basis; 1 keeps bases grey and buys more
            of them, 0 means as many as the image's.
        decode: `"all"`, `"pair"` or `"one"`.
        diversity_weight: weight of the loss that keeps hallucinators apart; 0
            leaves it out.
        hallucinator_learning_rate: step size of the hallucinators; 0 means
            that of the bases.
    """

    name: ClassVar[str] = "haba"
    begins_as_real_images: ClassVar[bool] = False
    hallucinators: int = 5
    basis_channels: int = 0
    decode: str = "all"
    diversity_weight: float = 0.1
    hallucinator_learning_rate: float = later(0.0)

    def __post_init__(self):
        super().__post_init__()
        check_least("hallucinators", self.hallucinators, 2, 1000)
        check_least("basis_channels", self.basis_channels, 0, 1000)
        check_one_of("decode", self.decode, DECODES)
        check_least("diversity_weight", self.diversity_weight, 0, 1e6)
        check_least(
            "hallucinator_learning_rate",
            self.hallucinator_learning_rate,
            0,
            MOST_RATE,
        )

    def seen_at_once(self, instances):
        views = {"all": self.hallucinators, "pair": 2, "one": 1}[self.decode]
        return instances // self.hallucinators * views


@keras.saving.register_keras_serializable("fred_tf")
class Hallucinator(Parameterization):
    """Every basis seen through every hallucinator is an image.

    A hallucinator is a 3x3 convolution, an elementwise affine map whose scale
    and shift are learned at every position, and a transposed 3x3 convolution
    back to the whole size (Liu et al. 2022, section 3.2, arXiv 2210.16774).
    All classes share the hallucinators; the budget counts them, which the
    source does not. Instances are ordered by basis, then hallucinator.

    Decoding is stochastic unless `decode` is `"all"`; exports hold all pairs.
    With `"pair"` a step sees each basis through two hallucinators, drawn anew.
    With `"one"`, as in the source, it sees the bases through one, which an
    objective draws for every step that it matches, trajectory matching for
    each of the student's (`Objective.views`). An objective is completed by the
    losses that keep hallucinators apart, see `Diversity`.

    Args:
        image_shape: `[height, width, channels]`.
        classes: number of classes.
        instances_per_class: bases per class times hallucinators.
        settings: see `HallucinatorSettings`.

    Raises:
        ValueError: `instances_per_class` is no multiple of `hallucinators`,
            or the image is smaller than 3 x 3 or has more spatial axes.
    """

    Settings = HallucinatorSettings
    settings: HallucinatorSettings
    title = "HaBa"
    paper = Paper(
        "liu2022factorization",
        "Liu, Songhua and Wang, Kai and Yang, Xingyi and Ye, Jingwen and "
        "Wang, Xinchao",
        "Dataset Distillation via Factorization",
        "NeurIPS",
        2022,
        "2210.16774",
    )

    def __init__(
        self, image_shape, classes, instances_per_class, settings=None, **kwargs
    ):
        super().__init__(
            image_shape, classes, instances_per_class, settings, **kwargs
        )
        self.hallucinators = hallucinators = self.settings.hallucinators
        channels = self.settings.basis_channels or self.image_shape[-1]
        if self.instances_per_class % hallucinators:
            raise ValueError(
                "`instances_per_class` must be a multiple of `hallucinators` "
                f"({hallucinators}). Received: {instances_per_class}."
            )
        inner = _inner_shape(self.image_shape)
        self.basis_count = self.instances // self.hallucinators
        self.bases = self.add_weight(
            name="bases",
            shape=(self.basis_count, *self.image_shape[:-1], channels),
            initializer="zeros",
        )
        # Of all hallucinators, along a new first axis.
        self.style = [
            self.add_weight(
                name=name,
                shape=(self.hallucinators, *shape),
                initializer="zeros",
            )
            for name, shape in _style_shapes(
                inner, self.image_shape[-1], channels
            ).items()
        ]

    @classmethod
    def instances_within(cls, settings, image_shape, classes, ipc):
        of = image_shape, classes, ipc
        floats, style, basis = _floats(settings, *of)
        bases = (floats - style) // basis
        if bases < 1:
            raise ValueError(
                f"The budget of `ipc` {ipc} ({floats:,} floats) must hold "
                f"`hallucinators` {settings.hallucinators} ({style:,} floats) "
                f"and a basis for each class ({basis:,}). "
                f"{_way_out(settings, *of)}"
            )
        return bases * settings.hallucinators

    @classmethod
    def real_images(cls, settings, image_shape, classes, ipc):
        instances = cls.instances_within(settings, image_shape, classes, ipc)
        return instances // settings.hallucinators

    def adapt(self, images, labels, seed, choose=None):
        per_class = self.basis_count // self.classes
        rows = chosen_rows(choose, labels, per_class, self.classes, seed)
        bases = np.asarray(images[rows], np.float32)
        channels = self.bases.shape[-1]
        if channels != self.image_shape[-1]:
            bases = bases.mean(-1, keepdims=True).repeat(channels, -1)
        self.bases.assign(bases)
        generator = np.random.default_rng(seeds.integer(seed, "hallucinators"))
        first = 1 / math.sqrt(_KERNEL**2 * channels)
        last = 1 / math.sqrt(_KERNEL**2 * self.image_shape[-1])
        # PyTorch's defaults, as in `FanInUniform`; a transposed convolution
        # counts its outputs. Scales start at 1, shifts at 0.
        for weight, bound in zip(
            self.style, (first, first, None, 0.0, last, last)
        ):
            weight.assign(
                np.ones(weight.shape)
                if bound is None
                else generator.uniform(-bound, bound, weight.shape)
            )

    @property
    def views(self):
        return self.hallucinators

    def groups(self, optimizer):
        rate = self.settings.hallucinator_learning_rate
        if not rate:
            return super().groups(optimizer)
        return [
            Group("memory", [self.bases], optimizer),
            Group("hallucinators", self.style, optimizer, rate),
            *self.label_groups(optimizer),
        ]

    def drawn(self, seed):
        if self.settings.decode != "pair":
            return super().drawn(seed)
        count, bases = self.hallucinators, self.basis_count
        first, more = (
            tf.random.stateless_uniform(
                [bases], seeds.fold(seed, 100 + i), 0, limit, tf.int32
            )
            for i, limit in enumerate((count, count - 1))
        )
        pairs = tf.stack([first, (first + 1 + more) % count], axis=1)
        pairs += count * tf.range(bases)[:, None]
        return tf.reshape(pairs, [2 * bases])

    def complete(self, objective):
        if self.settings.decode == "one":
            objective.views = self.hallucinators
        if not self.settings.diversity_weight:
            return objective
        return Diversity(
            objective,
            self.labels[:: self.hallucinators],
            self.settings.diversity_weight,
        )

    def call(self, indices):
        # Every pair is made, whatever is asked for: two convolutions of a few
        # channels cost nothing beside a network, and most steps ask for all.
        bases = tf.convert_to_tensor(self.bases)
        style = [tf.convert_to_tensor(weight) for weight in self.style]
        shape = [self.basis_count, *self.image_shape]
        images = []
        for number in range(self.hallucinators):
            kernel, bias, scale, shift, kernel_out, bias_out = (
                weight[number] for weight in style
            )
            x = tf.nn.conv2d(bases, kernel, 1, "VALID") + bias
            x = scale * x + shift
            x = tf.nn.conv2d_transpose(x, kernel_out, shape, 1, "VALID")
            images.append(x + bias_out)
        everything = tf.reshape(
            tf.stack(images, axis=1), [-1, *self.image_shape]
        )
        return tf.gather(everything, indices)


def _floats(
    settings: HallucinatorSettings,
    image_shape: Sequence[int],
    classes: int,
    ipc: int,
) -> tuple[int, int, int]:
    """Returns the floats of a budget, all hallucinators and a basis a class.

    A basis comes with the labels of its images.
    """
    channels, count = image_shape[-1], settings.hallucinators
    stored = settings.basis_channels or channels
    label = settings.label_floats(classes)
    inner = _inner_shape(image_shape)
    shapes = _style_shapes(inner, channels, stored).values()
    basis = math.prod(image_shape[:-1]) * stored + count * label
    return (
        classes * budget.floats_per_class(image_shape, ipc, label),
        count * sum(map(math.prod, shapes)),
        classes * basis,
    )


def _way_out(settings: HallucinatorSettings, *of: Any) -> str:
    """Returns which settings the budget holds, of those that are like these.

    Args:
        settings: too large for it.
        *of: as for `instances_within`.
    """

    def fits(**values: Any) -> bool:
        floats, style, basis = _floats(
            dataclasses.replace(settings, **values), *of
        )
        return style + basis <= floats

    fewer = range(settings.hallucinators - 1, 1, -1)
    most = next((count for count in fewer if fits(hallucinators=count)), 0)
    ways = [f"at most {most} `hallucinators`"] * bool(most)
    if fits(basis_channels=1):
        ways.append("`basis_channels` 1")
    elif not ways and fits(basis_channels=1, hallucinators=2):
        ways.append("`basis_channels` 1 with `hallucinators` 2")
    return (
        f"Take {', '.join(ways)}, or raise `ipc`." if ways else "Raise `ipc`."
    )


def _inner_shape(image_shape) -> tuple[int, int]:
    """Returns height and width between the two convolutions."""
    if len(image_shape) != 3 or min(image_shape[:2]) < _KERNEL:
        raise ValueError(
            "Hallucinators convolve images [height, width, channels] of at "
            f"least {_KERNEL} x {_KERNEL}. Received: {tuple(image_shape)}. "
            "Choose another `parameterization.name`."
        )
    return image_shape[0] - _KERNEL + 1, image_shape[1] - _KERNEL + 1


def _style_shapes(inner, channels: int, basis_channels: int) -> dict:
    """Returns the shapes of one hallucinator's weights, by name."""
    return {
        "kernel": (_KERNEL, _KERNEL, basis_channels, channels),
        "bias": (channels,),
        "scale": (*inner, channels),
        "shift": (*inner, channels),
        # As TensorFlow wants it: outputs before inputs.
        "transposed_kernel": (_KERNEL, _KERNEL, channels, channels),
        "transposed_bias": (channels,),
    }
