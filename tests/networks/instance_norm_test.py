import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf.networks import (
    LAYOUTS,
    InstanceNorm,
    ResNet18,
    lay_out,
)
from fred_tf.networks.instance_norm import merge, normalize
from fred_tf.networks.pooling import Pooling


def test_instance_norm_is_group_norm_with_one_channel_a_group(generator):
    x = tf.constant(generator.normal(2, 3, size=(4, 5, 6, 7)), tf.float32)
    ours = InstanceNorm()
    ours.build(x.shape)
    theirs = keras.layers.GroupNormalization(groups=-1, epsilon=1e-5)
    theirs.build(x.shape)
    weights = [generator.normal(size=7), generator.normal(size=7)]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


def plain(x, gamma, beta, rectify=False, pool=False):
    """The definition, left to autodiff."""
    axes = range(1, len(x.shape) - 1)
    mean = tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean((x - mean) ** 2, axes, keepdims=True)
    y = gamma * (x - mean) / tf.sqrt(variance + 1e-5) + beta
    y = tf.nn.relu(y) if rectify else y
    return Pooling("average", dtype=y.dtype)(y) if pool else y


def derivatives(function, x, gamma, beta):
    """First derivatives, and second ones of a nonlinear function of them."""
    sources = [x, gamma, beta]
    with tf.GradientTape() as outer:
        outer.watch(sources)
        with tf.GradientTape() as inner:
            inner.watch(sources)
            loss = tf.reduce_sum(tf.sin(function(x, gamma, beta)))
        first = inner.gradient(loss, sources)
        energy = tf.add_n([tf.reduce_sum(tf.cos(g)) for g in first])
    return [*first, *outer.gradient(energy, sources)]


SIZES = {
    "small": (4, 3, 5),
    "large": (16, 16, 64),
    "odd": (15, 13, 64),
    "voxels": (8, 8, 8, 16),
}


def cells():
    """All triples; quick is what does everything: of one size as a graph."""
    for mode in ("eager", "graph", "xla"):
        for does in ("norm", "norm relu", "norm relu pool"):
            for name, size in SIZES.items():
                whole = "pool" in does and (mode == "xla" or name == "odd")
                small = mode == "graph" and name == "small"
                slow = mode == "eager" or not (small or whole)
                yield pytest.param(
                    *(mode, does, size),
                    id=f"{mode}-{does}-{name}",
                    marks=[pytest.mark.slow] * slow,
                )


@pytest.mark.parametrize(("mode", "does", "size"), cells())
def test_derivatives_equal_autodiff_of_the_definition(
    generator, mode, does, size
):
    # Images that are not small take the compiled path.
    x = tf.constant(generator.normal(0.5, 2, size=(2, *size)))
    gamma, beta = (
        tf.constant(generator.normal(size=size[-1])) for _ in range(2)
    )
    kinds = {"rectify": "relu" in does, "pool": "pool" in does}
    layer = InstanceNorm(dtype="float64", **kinds)
    layer.build(x.shape)

    def ours(x, gamma, beta):
        weights = [layer.gamma, layer.beta]
        with keras.StatelessScope(list(zip(weights, [gamma, beta]))):
            return layer(x)

    def compute(x, gamma, beta):
        return derivatives(ours, x, gamma, beta)

    if mode != "eager":
        compute = tf.function(compute, jit_compile=mode == "xla")

    def by_definition(x, gamma, beta):
        return plain(x, gamma, beta, **kinds)

    assert ours(x, gamma, beta).shape == layer.compute_output_shape(x.shape)
    expected = derivatives(by_definition, x, gamma, beta)
    for found, wanted in zip(compute(x, gamma, beta), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)


OTHERS = [name for name in LAYOUTS if name != "windows"]
of_layouts = pytest.mark.parametrize("layout", OTHERS)


@of_layouts
@pytest.mark.parametrize(
    "size", [(8, 4, 5), (5, 3, 4), (2, 4, 2, 3), (7, 23, 2)]
)
def test_means_are_over_positions(generator, layout, size):
    image = generator.normal(3, 2, size=(2, *size))
    lay, mean = LAYOUTS[layout]
    found = mean(lay(tf.constant(image), False))
    expected = image.mean(tuple(range(1, image.ndim - 1)))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-12)


@of_layouts
@pytest.mark.parametrize(
    ("does", "size"),
    [
        ("norm", (5, 3, 4)),
        ("norm relu", (7, 5, 3)),
        ("norm relu pool", (4, 6, 3)),
        ("norm relu pool", (2, 4, 2, 3)),
    ],
)
def test_layouts_differ_by_rounding_alone(generator, layout, does, size):
    """In the value and in both derivatives."""
    x = tf.constant(generator.normal(0.5, 2, size=(2, *size)))
    gamma, beta = (
        tf.constant(generator.normal(size=size[-1])) for _ in range(2)
    )
    kinds = "relu" in does, "pool" in does

    def everything(of_layout):
        def norm(x, gamma, beta):
            weights = x, gamma, beta
            return normalize(*weights, 1e-5, *kinds, layout=of_layout)

        return [norm(x, gamma, beta), *derivatives(norm, x, gamma, beta)]

    def by_definition(x, gamma, beta):
        return plain(x, gamma, beta, *kinds)

    definition = derivatives(by_definition, x, gamma, beta)
    expected = [by_definition(x, gamma, beta), *definition]
    found, usual = everything(layout), everything("windows")
    for ours, theirs, wanted in zip(found, usual, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(ours, wanted, rtol=1e-8, atol=1e-10)


@of_layouts
def test_layouts_differ_by_rounding_in_bfloat16(generator, layout):
    x = tf.cast(generator.normal(0.5, 2, size=(2, 8, 8, 3)), "bfloat16")
    gamma, beta = (
        tf.cast(generator.normal(size=3), "bfloat16") for _ in range(2)
    )

    def slopes(of_layout):
        kinds = {"rectify": True, "pool": True, "layout": of_layout}
        with tf.GradientTape() as tape:
            tape.watch([x, gamma, beta])
            y = normalize(x, gamma, beta, 1e-5, **kinds)
        return [y, *tape.gradient(y, [x, gamma, beta])]

    for found, usual in zip(slopes(layout), slopes("windows")):
        found, usual = np.asarray(found, float), np.asarray(usual, float)
        np.testing.assert_allclose(found, usual, atol=0.02 * usual.std() + 0.05)


def test_xla_compiles_large_images_in_pieces(generator):
    layer = InstanceNorm(rectify=True, pool=True, layout="pieces")
    usual = InstanceNorm(rectify=True, pool=True)
    x = tf.constant(generator.normal(size=(2, 16, 8, 64)), tf.float32)
    for each in (layer, usual):
        each.build(x.shape)

    def slope(each):
        with tf.GradientTape() as tape:
            tape.watch(x)
            energy = tf.reduce_sum(each(x) ** 2)
        return tape.gradient(energy, x)

    np.testing.assert_allclose(slope(layer), slope(usual), atol=1e-4)


def test_a_network_is_laid_out_as_a_whole():
    """Norms of blocks within it, too."""
    network = ResNet18((32, 32, 3), 2)
    lay_out(network, "pieces")
    norms = [
        layer
        for layer in network._flatten_layers()
        if isinstance(layer, InstanceNorm)
    ]
    assert len(norms) == 20
    assert {norm.layout for norm in norms} == {"pieces"}
    assert InstanceNorm.from_config(norms[0].get_config()).layout == "pieces"
    with pytest.raises(ValueError, match="`layout`.*mean 'windows'"):
        lay_out(network, "window")
    with pytest.raises(ValueError, match="`layout`.*Received: 'rows'"):
        InstanceNorm(layout="rows")


def test_norms_take_over_what_follows_them():
    def kinds(layers):
        return [
            (layer.rectify, layer.pool)
            if isinstance(layer, InstanceNorm)
            else type(layer).__name__
            for layer in merge(layers)
        ]

    relu, norm = keras.layers.ReLU, InstanceNorm
    flat = keras.layers.AveragePooling2D(2)
    assert kinds([norm(), relu(), flat, norm()]) == [
        (True, True),
        (False, False),
    ]
    assert kinds([norm(), relu(), Pooling("average"), relu()]) == [
        (True, True),
        "ReLU",
    ]
    # What is another function stays where it was.
    assert kinds([norm(), flat]) == [(False, False), "AveragePooling2D"]
    assert kinds([norm(), relu(), Pooling("max")]) == [(True, False), "Pooling"]
    assert kinds([norm(), relu(), keras.layers.AveragePooling2D(3)]) == [
        (True, False),
        "AveragePooling2D",
    ]
    for other in ({"padding": "same"}, {"data_format": "channels_first"}):
        behind = keras.layers.AveragePooling2D(2, **other)
        assert kinds([norm(), relu(), behind]) == [
            (True, False),
            "AveragePooling2D",
        ]
    pieces = merge([norm(layout="pieces"), relu(), flat])
    assert [layer.layout for layer in pieces] == ["pieces"]
    assert kinds([norm(), relu(negative_slope=0.1)]) == [
        (False, False),
        "ReLU",
    ]
    assert kinds([relu(), norm()]) == ["ReLU", (False, False)]
