"""Fully connected networks of infinite width with ReLU, in closed form."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import tensorflow as tf

from fred_tf.kernels.kernel import PRECISIONS, Kernel
from fred_tf.paper import Paper
from fred_tf.settings import (
    Settings,
    check_least,
    check_one_of,
    check_positive,
)

KINDS = ("ntk", "nngp")


@dataclasses.dataclass(frozen=True)
class FullyConnectedSettings(Settings):
    """Settings of `FullyConnected`; the defaults are those of KIP's notebook.

    Attributes:
        kind: `"ntk"`, the tangent kernel: networks trained by gradient
            descent; or `"nngp"`: networks whose last layer alone is.
        depth: hidden layers.
        weight_variance: of every weight, times its layer's fan-in.
        bias_variance: of every bias.
        precision: `"float64"` or `"float32"`.
    """

    name: ClassVar[str] = "fully_connected"
    kind: str = "ntk"
    depth: int = 1
    weight_variance: float = 2.0
    bias_variance: float = 0.01
    precision: str = "float64"

    def __post_init__(self):
        check_one_of("kind", self.kind, KINDS)
        check_least("depth", self.depth, 1)
        check_positive("weight_variance", self.weight_variance)
        check_least("bias_variance", self.bias_variance, 0)
        check_one_of("precision", self.precision, PRECISIONS)


class FullyConnected(Kernel):
    """The kernel of networks of `depth` hidden layers with ReLU.

    With s and b the variances of weights and biases, x of d values,

        S_0 = s <x, x'> / d + b,    T_0 = S_0,    and for each hidden layer
        S <- s/2 r k1(u) + b,    T <- (that S) + s/2 T k0(u),
        r = sqrt(S(x, x) S(x', x')),    u = S(x, x') / r,
        k0(u) = 1 - arccos(u) / pi,
        k1(u) = u k0(u) + sqrt(1 - u^2) / pi

    where S is the NNGP (Cho & Saul 2009; Lee et al. 2018, arXiv 1711.00165)
    and T the NTK (Jacot et al. 2018, 1806.07572), in the NTK parameterisation:
    what neural-tangents calls `Dense(W_std=sqrt(s), b_std=sqrt(b))`, `Relu()`
    and so on, the last layer like the others.

    k0 has no derivative at u = 1, where two images are equal or one is a
    multiple of the other. There it counts as 0, which is right along the
    diagonal: an image stays equal to itself.
    """

    Settings = FullyConnectedSettings
    settings: FullyConnectedSettings
    paper = Paper(
        "nguyen2021dataset",
        "Nguyen, Timothy and Chen, Zhourong and Lee, Jaehoon",
        "Dataset Meta-Learning from Kernel Ridge-Regression",
        "ICLR",
        2021,
        "2011.00050",
    )

    def represent(self, images, seed):
        images = tf.ensure_shape(images, [None, *self.image_shape])
        rows = tf.reshape(images, [-1, math.prod(self.image_shape)])
        return tf.cast(rows, self.settings.precision)

    def between(self, left, right=None):
        settings = self.settings
        s, b = settings.weight_variance, settings.bias_variance
        sides = (left, left if right is None else right)
        scale = s / int(left.shape[1])
        nngp = ntk = scale * tf.matmul(*sides, transpose_b=True) + b
        # S(x, x) of both sides.
        squares = [scale * tf.reduce_sum(x * x, 1) + b for x in sides]
        for _ in range(settings.depth):
            r = _root(squares[0])[:, None] * _root(squares[1])
            k0, k1 = _kappas(nngp / r)
            nngp = s / 2 * r * k1 + b
            ntk = nngp + s / 2 * ntk * k0
            squares = [s / 2 * square + b for square in squares]
        return {"nngp": nngp, "ntk": ntk}[settings.kind]


def _root(square: tf.Tensor) -> tf.Tensor:
    """Returns a root; that of an image of zeros has a finite derivative."""
    # Its square must not underflow: r is a product of two.
    least = np.finfo(square.dtype.as_numpy_dtype).tiny ** 0.5
    return tf.sqrt(tf.maximum(square, tf.cast(least, square.dtype)))


@tf.custom_gradient
def _kappas(u: tf.Tensor):
    """Returns k0(u) and k1(u); within rounding of -1 and 1, u counts as these.

    The derivative of k1 is k0, that of k0 is 1 / (pi sqrt(1 - u^2)). Automatic
    ones multiply 0 by infinity at 1.
    """
    gap = 1 - u * u
    parallel = gap <= 64 * np.finfo(u.dtype.as_numpy_dtype).eps
    u = tf.where(parallel, tf.sign(u), u)
    root = tf.sqrt(tf.where(parallel, tf.ones_like(gap), gap))
    k0 = 1 - tf.acos(u) / np.pi
    k1 = u * k0 + tf.where(parallel, tf.zeros_like(root), root) / np.pi

    def gradient(of_k0, of_k1):
        slope = 1 / (np.pi * root)
        slope = tf.where(parallel, tf.zeros_like(slope), slope)
        return of_k0 * slope + of_k1 * k0

    return (k0, k1), gradient
