"""The unit of most networks: convolution, normalisation, activation."""

from collections.abc import Callable

import keras

from fred_tf.networks import processor
from fred_tf.networks.initializers import fan_in_initializers
from fred_tf.networks.norms import NORMS
from fred_tf.networks.pooling import LAST

_CONVOLUTIONS = {2: keras.layers.Conv2D, 3: keras.layers.Conv3D}
_PADDINGS = {2: keras.layers.ZeroPadding2D, 3: keras.layers.ZeroPadding3D}

ACTIVATIONS: dict[str, Callable[[], keras.layers.Layer]] = {
    "relu": keras.layers.ReLU,
    "leaky_relu": lambda: keras.layers.LeakyReLU(negative_slope=0.01),
    "sigmoid": lambda: keras.layers.Activation("sigmoid"),
    "swish": lambda: keras.layers.Activation("swish"),
}

# What convolutions can multiply.
CONVOLUTIONS = ("float32", "bfloat16")


def convolution(
    channels: int,
    filters: int,
    size: int = 3,
    norm: str = "none",
    activation: str = "relu",
    *,
    border: int = 0,
    axes: int = 2,
    bias: bool = True,
    kernel: keras.initializers.Initializer | None = None,
) -> list[keras.layers.Layer]:
    """Returns the layers of one unit, which keeps the image's sizes.

    Args:
        channels: of the input.
        filters: channels of the output.
        size: of the kernel along every axis, odd.
        norm: one of `NORMS`.
        activation: one of `ACTIVATIONS`.
        border: zeros added on every side beyond those that keep the sizes.
        axes: 2 for images, 3 for voxels.
        bias: whether the convolution has one.
        kernel: how it starts; as in PyTorch if None.
    """
    starts = fan_in_initializers(*[size] * axes, channels)
    if kernel is not None:
        starts["kernel_initializer"] = kernel
    padding = "same"
    if border and axes == 3:
        # TensorFlow 2.21 on CPUs (oneDNN) makes one op of a pad and a Conv3D
        # after it, and forgets the padding of "same": sizes come out smaller
        # than the graph says. All zeros by the pad, it is right.
        border, padding = border + size // 2, "valid"
    return [
        *([_PADDINGS[axes](border, **LAST)] if border else []),
        _CONVOLUTIONS[axes](
            filters,
            size,
            padding=padding,
            use_bias=bias,
            **LAST,
            **starts,
        ),
        NORMS[norm](),
        ACTIVATIONS[activation](),
    ]


def convolve_in(network: keras.Model, dtype: str) -> None:
    """Sets what the convolutions of a network multiply.

    With `bfloat16` their inputs, kernels and outputs are rounded to 8 bits of
    mantissa, going forward and back; sums are float32, as are parameters and
    all other layers. Processors with AMX and GPUs with tensor cores multiply
    such numbers many times faster; `python -m benchmarks.evaluation_step`
    measures what is left of it in a step of training. Others are warned of.

    Args:
        network: built in float32, which is what `float32` leaves it in.
        dtype: one of `CONVOLUTIONS`.
    """
    if dtype == "float32":
        return
    processor.warn_if_slow()
    for layer in network._flatten_layers(include_self=False):
        if any(isinstance(layer, kind) for kind in _CONVOLUTIONS.values()):
            layer.dtype_policy = f"mixed_{dtype}"
