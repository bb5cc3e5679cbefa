"""KIP: images from which kernel regression tells real ones."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import tensorflow as tf

from fred_tf.kernels import KERNELS, FullyConnected, Kernel, RandomFeatures
from fred_tf.kernels.regression import (
    centered,
    platt_loss,
    predict,
    solve,
    squared_loss,
)
from fred_tf.objectives.class_batch_objective import (
    ClassBatchObjective,
    ClassBatchSettings,
)
from fred_tf.optimizers import Adam, Group
from fred_tf.settings import (
    check_least,
    check_one_of,
)

LOSSES = ("squared", "platt")
# Of the scale of Platt's loss, as RFAD.
_SCALE_RATE = 0.01


@dataclasses.dataclass(frozen=True)
class KernelRidgeSettings(ClassBatchSettings):
    """Settings of `KernelRidge`; the defaults are those of KIP's notebook.

    Attributes:
        real_batch_per_class: real images of each class in a reference.
        kernel: a name in `KERNELS`.
        kind: of `fully_connected`, `"ntk"` or `"nngp"`.
        depth: hidden layers of `fully_connected`; blocks of `random_features`,
            of which RFAD has 3.
        width: channels of a random network; of no account for others.
        networks: random networks that a step draws, likewise.
        regularization: ridge over the mean diagonal; RFAD takes 5e-3.
        loss: `"squared"`, or `"platt"`, which RFAD prefers.
    """

    name: ClassVar[str] = "kernel_ridge"
    real_batch_per_class: int = 500
    kernel: str = "fully_connected"
    kind: str = "ntk"
    depth: int = 1
    width: int = 256
    networks: int = 8
    regularization: float = 1e-6
    loss: str = "squared"

    def __post_init__(self):
        super().__post_init__()
        check_one_of("objective.kernel", self.kernel, KERNELS)
        check_least("regularization", self.regularization, 0, 1000)
        check_one_of("objective.loss", self.loss, LOSSES)
        # Of both kernels, whichever is chosen.
        FullyConnected.Settings(kind=self.kind, depth=self.depth)
        RandomFeatures.Settings(networks=self.networks, width=self.width)

    def make_kernel(self, image_shape: Sequence[int]) -> Kernel:
        """Returns the kernel that these settings name.

        Raises:
            ValueError: it takes no images of this shape.
        """
        if self.kernel == FullyConnected.Settings.name:
            closed = FullyConnected.Settings(kind=self.kind, depth=self.depth)
            return FullyConnected(image_shape, closed)
        drawn = RandomFeatures.Settings(
            networks=self.networks, width=self.width, depth=self.depth
        )
        return RandomFeatures(image_shape, drawn)


class KernelRidge(ClassBatchObjective):
    """Lowers the error of kernel ridge regression on real images.

        L = 1/2 mean | k(t, s) (K_ss + l tr(K_ss) / m I)^-1 Y - y_t |^2

    with s the m synthetic images, t a batch of real ones, as many of each
    class, K the kernel of networks of infinite width, and y_t the one-hot class
    less 1 / classes (Nguyen et al. 2021, eq. 5, arXiv 2011.00050). Y is the
    same of the synthetic images, or learned: `parameterization.labels`
    `"scores"`. With random features the kernel is drawn anew for every
    reference (RFAD; Loo et al. 2022, arXiv 2210.12067), and Platt's loss is the
    cross-entropy of the predictions times e^k, with k learned from 0.

    No network is matched and nothing is augmented: `network` and
    `augmentation` of a run are those of its evaluation. All is solved in
    float64. A kernel that becomes singular on the way makes a loss of NaN, and
    so ends the run by one line.

    Raises:
        ValueError: a class has fewer images than `real_batch_per_class`, or
            the kernel takes no such images.
    """

    Settings = KernelRidgeSettings
    settings: KernelRidgeSettings
    short_name = "KIP"
    label_kinds = ("scores",)
    weight_names = ("log_scale",)
    paper = FullyConnected.paper

    def __init__(self, network, augmentation, source, settings=None, **kwargs):
        super().__init__(network, augmentation, source, settings, **kwargs)
        self.kernel = self.settings.make_kernel(network.network.image_shape)
        self.log_scale = self.add_weight(
            name="log_scale", shape=(), initializer="zeros"
        )

    def groups(self, momentum):
        return [Group("log_scale", [self.log_scale], Adam(), _SCALE_RATE)]

    def check_start(self, decode):
        images, labels = decode()
        classes = self.network.network.classes
        support = self.kernel.represent(images, tf.constant([0, 0]))
        solve(
            self.kernel.between(support),
            regression_targets(labels, classes),
            self.settings.regularization,
        )

    def call(self, images, labels, reference, seed):
        real = reference["images"]
        classes, per_class, *shape = real.shape
        real_labels = tf.repeat(tf.range(classes), per_class)
        support = self.kernel.represent(images, seed)
        others = self.kernel.represent(
            tf.cast(tf.reshape(real, [-1, *shape]), images.dtype), seed
        )
        solution = solve(
            self.kernel.between(support),
            regression_targets(labels, classes),
            self.settings.regularization,
        )
        predictions = predict(
            self.kernel.between(tf.stop_gradient(others), support),
            solution.weights,
        )
        if self.settings.loss == "platt":
            loss = platt_loss(
                predictions, real_labels, tf.convert_to_tensor(self.log_scale)
            )
        else:
            loss = squared_loss(predictions, centered(real_labels, classes))
        return sound_or_nan(loss, solution.sound, images.dtype)


def regression_targets(labels: tf.Tensor, classes: int) -> tf.Tensor:
    """Returns what is regressed on, float64 `[n, classes]`.

    Args:
        labels: classes `[n]`, or learned scores `[n, classes]`.
        classes: how many there are.
    """
    labels = tf.convert_to_tensor(labels)
    if labels.dtype.is_floating:
        return tf.cast(labels, tf.float64)
    return centered(labels, classes)


def sound_or_nan(
    loss: tf.Tensor, sound: tf.Tensor, dtype: tf.DType
) -> tf.Tensor:
    """Returns a loss; NaN where the regression behind it has no solution."""
    loss = tf.cast(loss, dtype)
    return tf.where(sound, loss, tf.constant(float("nan"), dtype))
