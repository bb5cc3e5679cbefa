"""How weights start: PyTorch's default, spelled out, He's, and Keras' own."""

import abc
import copy
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# Of Keras: what draws, by a seed that it holds, and what is always the same.
_DRAWN = (
    keras.initializers.VarianceScaling,
    keras.initializers.RandomNormal,
    keras.initializers.RandomUniform,
    keras.initializers.TruncatedNormal,
    keras.initializers.Orthogonal,
)
_CONSTANT = (
    keras.initializers.Zeros,
    keras.initializers.Ones,
    keras.initializers.Constant,
    keras.initializers.Identity,
)
# A layer keeps what `kernel` starts by in `kernel_initializer`, or here.
_KEPT_IN = {
    "kernel": "depthwise_initializer",
    "depthwise_kernel": "depthwise_initializer",
    "pointwise_kernel": "pointwise_initializer",
}
# Where a layer does not say it.
_AFFINE = {"gamma": "ones", "beta": "zeros"}
# What a fresh network has at 0 and 1, and nothing else that is not trained.
_STATISTICS = ("moving_mean", "moving_variance")


class Stateless(keras.initializers.Initializer, abc.ABC):
    """An initialiser that can draw for a given seed, too."""

    @abc.abstractmethod
    def draw(self, shape: tuple[int, ...], seed: Any) -> tf.Tensor:
        """Returns the values for one stateless seed, float32 `shape`."""


@keras.saving.register_keras_serializable("fred_tf")
class FanInUniform(Stateless):
    """Draws from U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

    This is PyTorch's default for the weights *and* biases of convolutions and
    dense layers, for which published step sizes are tuned; Keras would start
    from Glorot-uniform weights and zero biases. A bias takes the fan-in of its
    layer's kernel, so the layer's author states it.

    Args:
        fan_in: inputs of one output unit (kernel positions * channels).
    """

    def __init__(self, fan_in: int):
        self.fan_in = int(fan_in)
        self._seed = keras.random.SeedGenerator()

    def __call__(self, shape, dtype=None):
        bound = 1 / math.sqrt(self.fan_in)
        return keras.random.uniform(
            shape, -bound, bound, dtype=dtype, seed=self._seed
        )

    def draw(self, shape, seed):
        bound = 1 / math.sqrt(self.fan_in)
        return tf.random.stateless_uniform(shape, seed, -bound, bound)

    def get_config(self) -> dict[str, Any]:
        return {"fan_in": self.fan_in}


@keras.saving.register_keras_serializable("fred_tf")
class FanOutNormal(Stateless):
    """Draws from N(0, 2 / fan_out) (He et al. 2015, arXiv 1502.01852).

    Args:
        fan_out: outputs of one input unit (kernel positions * filters).
    """

    def __init__(self, fan_out: int):
        self.fan_out = int(fan_out)
        self._seed = keras.random.SeedGenerator()

    @property
    def _deviation(self) -> float:
        return math.sqrt(2 / self.fan_out)

    def __call__(self, shape, dtype=None):
        return keras.random.normal(
            shape, 0.0, self._deviation, dtype=dtype, seed=self._seed
        )

    def draw(self, shape, seed):
        return tf.random.stateless_normal(shape, seed, 0.0, self._deviation)

    def get_config(self) -> dict[str, Any]:
        return {"fan_out": self.fan_out}


def fan_in_initializers(
    *receptive_field: int,
) -> dict[str, keras.initializers.Initializer]:
    """Returns the kernel and bias initialisers of one layer.

    Args:
        *receptive_field: what multiplies to the fan-in, e.g. `3, 3, 128` for
            a 3x3 convolution of 128 channels or `2048` for a dense layer.
    """
    fan_in = int(np.prod(receptive_field))
    return {
        "kernel_initializer": FanInUniform(fan_in),
        "bias_initializer": FanInUniform(fan_in),
    }


class _Given(keras.random.SeedGenerator):
    """The seed that an initialiser of Keras asks for; of a graph, perhaps."""

    def __init__(self, seed: tf.Tensor):
        self._given = seed  # Without the variable that Keras counts on.

    def next(self, ordered: bool = True) -> tf.Tensor:
        return self._given


def draw(
    initializer: keras.initializers.Initializer,
    shape: tuple[int, ...],
    seed: tf.Tensor,
) -> tf.Tensor:
    """Returns what one of `of_network` gives for a seed, float32 `shape`."""
    if isinstance(initializer, Stateless):
        return initializer.draw(shape, seed)
    if isinstance(initializer, _DRAWN):
        initializer = copy.copy(initializer)
        initializer.seed = _Given(seed)
    return tf.convert_to_tensor(initializer(shape, "float32"))


def of_network(
    network: keras.Model,
) -> list[keras.initializers.Initializer]:
    """Returns the initialiser of each trainable variable, in model order.

    Raises:
        ValueError: fresh networks would not follow from their seed: a layer
            draws by a state of its own or is frozen, or a weight starts by
            other than a `Stateless` or Keras' own without a `seed`.
    """
    # Layers within a layer come after it: the last one is the owner.
    owner = {
        id(variable): layer
        for layer in network._flatten_layers()
        for variable in layer.variables
    }
    for variable in network.non_trainable_variables:
        if variable.name not in _STATISTICS:
            raise ValueError(
                "What a network does not train must be moving means and "
                "variances; all else would be zeros in a fresh one. Received: "
                f"`{variable.name}` of {_called(owner[id(variable)])}. Leave "
                "out layers that draw, such as Dropout, and frozen ones."
            )
    return [_of(owner[id(w)], w.name) for w in network.trainable_variables]


def _of(layer: keras.layers.Layer, name: str) -> keras.initializers.Initializer:
    """Returns the initialiser of a weight of a layer, if it follows a seed."""
    given = getattr(layer, f"{name}_initializer", None)
    given = given or getattr(layer, _KEPT_IN.get(name, ""), None)
    initializer = keras.initializers.get(given or _AFFINE.get(name))
    kinds = (Stateless, *_DRAWN, *_CONSTANT)
    own_seed = isinstance(initializer, _DRAWN) and initializer.get_config()
    if not isinstance(initializer, kinds) or (own_seed and own_seed["seed"]):
        received = type(initializer).__name__
        if own_seed:
            received += f" with `seed` {own_seed['seed']}"
        raise ValueError(
            "Fresh networks draw each weight by the seed that they are given: "
            "its layer must state an initialiser of Keras without a `seed`, or "
            f"a `Stateless`. Received: {received} for `{name}` of "
            f"{_called(layer)}. Give it another in `{name}_initializer`."
        )
    return initializer


def _called(layer: keras.layers.Layer) -> str:
    return f"{type(layer).__name__} {layer.name!r}"
