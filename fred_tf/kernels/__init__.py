"""Kernels of images, and ridge regression with them."""

from fred_tf.kernels.fully_connected import FullyConnected
from fred_tf.kernels.kernel import Kernel
from fred_tf.kernels.kernel_evaluator import KernelEvaluator
from fred_tf.kernels.random_features import RandomFeatures

KERNELS: dict[str, type[Kernel]] = {
    member.Settings.name: member for member in (FullyConnected, RandomFeatures)
}

__all__ = [
    "KERNELS",
    "FullyConnected",
    "Kernel",
    "KernelEvaluator",
    "RandomFeatures",
]
