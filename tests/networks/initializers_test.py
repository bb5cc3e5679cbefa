"""Networks of layers that Keras initialises: each weight follows the seed."""

import dataclasses
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.networks import Functional
from fred_tf.networks.network import Network
from fred_tf.networks.pooling import LAST
from fred_tf.settings import Settings

layers = keras.layers


@dataclasses.dataclass(frozen=True)
class NoSettings(Settings):
    name: ClassVar[str] = "mine"


def network(*before):
    """Returns a network of these layers, flattened at their end."""

    class Mine(Network):
        Settings = NoSettings

        def make_layers(self, image_shape):
            return [*before, layers.Flatten(**LAST)]

    return Mine((8, 8, 2), 3)


LAYERS = {
    "usual": lambda: [layers.Conv2D(4, 3, **LAST), layers.Dense(8)],
    "he": lambda: [layers.Dense(8, kernel_initializer="he_normal")],
    "orthogonal": lambda: [layers.Dense(8, kernel_initializer="orthogonal")],
    "truncated": lambda: [
        layers.Dense(8, bias_initializer="truncated_normal"),
        layers.PReLU(alpha_initializer="random_uniform"),
    ],
    "separable": lambda: [
        layers.SeparableConv2D(4, 3, **LAST),
        layers.DepthwiseConv2D(3, **LAST),
    ],
    "norm": lambda: [layers.BatchNormalization(gamma_initializer="he_normal")],
}


@pytest.mark.parametrize("name", LAYERS)
def test_what_keras_draws_follows_the_seed_alone(name):
    first, again = (Functional(network(*LAYERS[name]())) for _ in range(2))
    drawn = first.initialize(seeds.named(0, "a"))
    graph = tf.function(again.initialize)(tf.constant(seeds.named(0, "a")))
    other = first.initialize(seeds.named(0, "b"))
    weights = first.network.trainable_variables
    assert sum(bool(np.ptp(a)) for a in drawn) > 2
    for weight, a, b, c in zip(weights, drawn, graph, other):
        np.testing.assert_array_equal(a, b)
        assert bool(np.any(a != c)) == bool(np.ptp(a)), weight.path
        if np.size(a) > 200:  # As far spread as Keras draws them.
            assert np.std(a) == pytest.approx(np.std(weight), rel=0.3)


def test_weights_of_one_shape_differ():
    pair = [layers.Dense(2), layers.Dense(2)]
    one, _, two, *_ = Functional(network(*pair)).initialize(seeds.named(0, "a"))
    assert np.all(one != two)


class Mine(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return tf.ones(shape)


def frozen():
    layer = layers.Dense(4)
    layer.trainable = False
    return layer


@pytest.mark.parametrize(
    ("layer", "received"),
    [
        (
            lambda: layers.Dense(4, kernel_initializer=Mine()),
            "Mine for `kernel",
        ),
        (
            lambda: layers.Dense(
                4, bias_initializer=keras.initializers.RandomNormal(seed=3)
            ),
            "RandomNormal with `seed` 3 for `bias` of Dense",
        ),
        (lambda: layers.Dropout(0.5), "of Dropout 'dropout"),
        (frozen, "`kernel` of Dense"),
    ],
    ids=["own", "seeded", "dropout", "frozen"],
)
def test_what_does_not_follow_a_seed_is_refused_by_name(layer, received):
    with pytest.raises(ValueError, match=received):
        network(layer())
