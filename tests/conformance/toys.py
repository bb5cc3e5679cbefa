"""Members that use every part of the contracts, as later ones will."""

import dataclasses
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from fred_tf import seeds
from fred_tf.coresets import chosen_rows
from fred_tf.objectives.class_batch_objective import (
    ClassBatchObjective,
    ClassBatchSettings,
)
from fred_tf.optimizers import LAMB, Adam, Group
from fred_tf.parameterizations.labels import MemorySettings
from fred_tf.parameterizations.parameterization import Parameterization


@dataclasses.dataclass(frozen=True)
class LabelledSettings(MemorySettings):
    """Settings of `Labelled`."""

    name: ClassVar[str] = "labelled"
    labels: str = "probabilities"
    label_scale: float = 3.0
    label_learning_rate: float = 0.05


@keras.saving.register_keras_serializable("fred_tf")
class Labelled(Parameterization):
    """Pixels from -1 to 1, made by a shared mixture, with learned labels.

    Three groups: pixels by SGD with the memory's step, the mixture of channels
    by LAMB, labels by Adam. Pixels are clamped after each step.
    """

    Settings = LabelledSettings
    title = "labelled pixels"

    def __init__(
        self, image_shape, classes, instances_per_class, settings=None, **kwargs
    ):
        super().__init__(
            image_shape, classes, instances_per_class, settings, **kwargs
        )
        channels = self.image_shape[-1]
        shapes = {
            "pixels": (self.instances, *self.image_shape),
            "mixture": (channels, channels),
        }
        self.pixels, self.mixture = (
            self.add_weight(name=name, shape=shape, initializer="zeros")
            for name, shape in shapes.items()
        )

    @classmethod
    def instances_within(cls, settings, image_shape, classes, ipc):
        return max(1, ipc - 1)  # Labels and the mixture take room, too.

    def adapt(self, images, labels, seed, choose=None):
        chosen = chosen_rows(
            choose, labels, self.instances_per_class, self.classes, seed
        )
        self.pixels.assign(np.clip(images[chosen], -1, 1))
        self.mixture.assign(np.eye(self.image_shape[-1]))

    def groups(self, optimizer):
        return [
            Group("pixels", [self.pixels], optimizer),
            Group("mixture", [self.mixture], LAMB(), 0.01),
            *self.label_groups(Adam()),
        ]

    def constrain(self, memory):
        labels, pixels, mixture = memory
        return [labels, tf.clip_by_value(pixels, -1.0, 1.0), mixture]

    def call(self, indices):
        pixels = tf.gather(tf.convert_to_tensor(self.pixels), indices)
        return pixels @ tf.convert_to_tensor(self.mixture)


@dataclasses.dataclass(frozen=True)
class PoolMatchingSettings(ClassBatchSettings):
    """Settings of `PoolMatching`."""

    name: ClassVar[str] = "pool_matching"
    real_batch_per_class: int = 8
    pool: int = 3


class PoolMatching(ClassBatchObjective):
    """Mean features under networks of a pool, divided by a running loss.

    The state: networks of different ages, each trained by Adam of its own on
    the synthetic set and drawn anew when it is old; the running scale; and the
    mean of the last real images, which weighs the next loss. A temperature is
    learned beside the images, by Adam, and kept positive.
    """

    Settings = PoolMatchingSettings
    label_kinds = ("probabilities",)
    weight_names = ("temperature",)
    advances_on_reference = True

    def __init__(self, network, augmentation, source, settings=None, **kwargs):
        super().__init__(network, augmentation, source, settings, **kwargs)
        self.temperature = self.add_weight(
            name="temperature", shape=(), initializer="ones"
        )
        size, pool = self.network.size, self.settings.pool
        shapes = {
            "thetas": (pool, size),
            "first": (pool, size),
            "second": (pool, size),
            "counts": (pool,),
            "scale": (),
            "real_mean": (),
        }
        for name, shape in shapes.items():
            setattr(self, name, self.add_state(name, shape))

    def groups(self, momentum):
        return [Group("temperature", [self.temperature], Adam(), 0.01)]

    def constrain(self, weights):
        return [tf.maximum(weights[0], 0.1)]

    def _fresh(self, seed):
        return self.network.flatten(self.network.initialize(seed))

    def initial_state(self, seed):
        stream = tf.constant(seeds.named(seed, "pool"))
        pool, size = self.settings.pool, self.network.size
        thetas = [self._fresh(seeds.fold(stream, i)) for i in range(pool)]
        none = tf.zeros([pool, size])
        # Of different ages from the first step on.
        return [
            tf.stack(thetas),
            none,
            none,
            tf.range(pool, dtype=tf.float32),
            tf.constant(1.0),
            tf.constant(0.0),
        ]

    def call(self, images, labels, reference, seed):
        drawn = tf.random.stateless_uniform(
            [], seeds.fold(seed, 9), 0, self.settings.pool, tf.int32
        )
        theta = tf.convert_to_tensor(self.thetas)[drawn]
        parameters = self.network.unflatten(tf.cast(theta, images.dtype))
        real = tf.cast(reference["images"], images.dtype)
        classes = real.shape[0]
        flat = tf.reshape(real, [-1, *real.shape[2:]])
        theirs = self.network.embed(parameters, flat)
        theirs = tf.reshape(theirs, [classes, -1, theirs.shape[-1]])
        ours = self.network.embed(parameters, images)
        share = tf.math.divide_no_nan(labels, tf.reduce_sum(labels, 0))
        apart = tf.reduce_mean(theirs, 1) - tf.matmul(
            share, ours, transpose_a=True
        )
        loss = tf.reduce_sum(apart**2) / tf.convert_to_tensor(self.scale)
        temperature = tf.convert_to_tensor(self.temperature)
        weight = 1 + tf.abs(tf.convert_to_tensor(self.real_mean))
        return weight * loss * temperature + 1 / temperature

    def advance(self, images, labels, loss, seed, reference):
        thetas, first, second, counts, scale, _ = map(
            tf.convert_to_tensor, self.non_trainable_variables
        )
        images, labels = tf.stop_gradient(images), tf.stop_gradient(labels)
        states = []
        for i in range(self.settings.pool):
            theta = thetas[i]
            with tf.GradientTape() as tape:
                tape.watch(theta)
                logits = self.network.logits(
                    self.network.unflatten(theta), images
                )
                entropy = tf.reduce_mean(
                    tf.nn.softmax_cross_entropy_with_logits(labels, logits)
                )
            slots = [[first[i]], [second[i]], [counts[i]]]
            (trained,), (m, v, (count,)) = Adam().step(
                [theta], slots, [tape.gradient(entropy, theta)], 1e-3
            )
            old = count >= self.settings.pool
            fresh = self._fresh(seeds.fold(seed, i))
            states.append(
                (
                    tf.where(old, fresh, trained),
                    tf.where(old, tf.zeros_like(theta), m[0]),
                    tf.where(old, tf.zeros_like(theta), v[0]),
                    tf.where(old, tf.zeros_like(count), count),
                )
            )
        scale = 0.9 * scale + 0.1 * tf.maximum(loss, 0.1)
        real_mean = tf.reduce_mean(reference["images"])
        return [*map(tf.stack, zip(*states)), scale, real_mean]
