"""The closed form against neural-tangents, wide networks and differences.

`TANGENTS` is what neural-tangents 0.6.5 says, with jax and jaxlib 0.4.30,
tf2jax 0.3.6 and scipy below 1.15 on Python 3.12:

    jax.config.update("jax_enable_x64", True)
    for depth in (1, 2, 3):
        for s, b in ((2.0, 0.01), (1.5, 0.0)):
            dense = lambda: stax.Dense(1, W_std=s**0.5, b_std=b**0.5)
            layers = [l for _ in range(depth) for l in (dense(), stax.Relu())]
            _, _, kernel = stax.serial(*layers, dense())
            print(kernel(LEFT, RIGHT, "ntk"), kernel(LEFT, RIGHT, "nngp"))

Its first pair are equal, its second opposite images.
"""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.kernels import FullyConnected

SEED = tf.constant([0, 0])
LEFT = [[1.0, -0.5, 0.25, 2.0], [0.5, 0.5, -1.0, 0.0], [0.3, 1.2, -0.7, 0.4]]
RIGHT = [[1.0, -0.5, 0.25, 2.0], [-0.5, -0.5, 1.0, 0.0]]
# By depth, s, b and kind; row by row.
TANGENTS = {
    (1, 2.0, 0.01, "nngp"): [
        *(2.6762500000000005, 0.46812505200958593),
        *(0.46812505200958593, 0.010974957212336926),
        *(0.6441437141436239, 0.03824643645292691),
    ],
    (1, 2.0, 0.01, "ntk"): [
        *(5.342500000000001, 0.47314741327976884),
        *(0.47314741327976884, -0.0431829751175054),
        *(0.7359338277605579, -0.11490885646142729),
    ],
    (1, 1.5, 0.0, "nngp"): [
        *(1.4941406249999996, 0.2527189214829937),
        *(0.2527189214829937, 0.0),
        *(0.3517569665965693, 0.013600321228424047),
    ],
    (1, 1.5, 0.0, "ntk"): [
        *(2.988281249999999, 0.2527189214829937),
        *(0.2527189214829937, 0.0),
        *(0.40024296873771564, -0.06953156598731557),
    ],
    (2, 2.0, 0.01, "nngp"): [
        *(2.6862500000000007, 0.7255207071719516),
        *(0.7255207071719516, 0.26061098770463703),
        *(0.9194762566735661, 0.3236525238062767),
    ],
    (2, 2.0, 0.01, "ntk"): [
        *(8.028750000000002, 1.012122760351069),
        *(1.012122760351069, 0.23882357530455295),
        *(1.3771692036489616, 0.26468449350697615),
    ],
    (2, 1.5, 0.0, "nngp"): [
        *(1.1206054687499996, 0.2939946119345848),
        *(0.2939946119345848, 0.10071523742533997),
        *(0.3760187296841162, 0.12656006016346),
    ],
    (2, 1.5, 0.0, "ntk"): [
        *(3.3618164062499987, 0.4083085882689373),
        *(0.4083085882689373, 0.10071523742533997),
        *(0.562068848917922, 0.1000417791805284),
    ],
    (3, 2.0, 0.01, "nngp"): [
        *(2.696250000000001, 0.8927069416228344),
        *(0.8927069416228344, 0.4025790059715003),
        *(1.1014236850984078, 0.48736161047506915),
    ],
    (3, 2.0, 0.01, "ntk"): [
        *(10.725000000000005, 1.567909872202075),
        *(1.567909872202075, 0.5478883324099546),
        *(2.0349321070932396, 0.6494951576164398),
    ],
    (3, 1.5, 0.0, "nngp"): [
        *(0.8404541015624996, 0.2701098427898745),
        *(0.2701098427898745, 0.1171647020690334),
        *(0.3364793286277378, 0.1435824134885988),
    ],
    (3, 1.5, 0.0, "ntk"): [
        *(3.3618164062499982, 0.473559994722467),
        *(0.473559994722467, 0.16272187364917473),
        *(0.6212339617976694, 0.1891755048641471),
    ],
}
PRECISE = {"float64": 1e-12, "float32": 2e-6}


def made(shape=(4, 1, 1), **settings):
    return FullyConnected(shape, FullyConnected.Settings(**settings))


def between(kernel, left, right=None):
    """The kernel of arrays of images, or of their pixels as vectors."""
    left, right = (
        x
        if x is None
        else kernel.represent(np.reshape(x, [-1, *kernel.image_shape]), SEED)
        for x in (left, right)
    )
    return kernel.between(left, right)


@pytest.mark.parametrize("precision", PRECISE)
@pytest.mark.parametrize("key", TANGENTS, ids=str)
def test_is_what_neural_tangents_says(key, precision):
    depth, s, b, kind = key
    kernel = made(
        kind=kind,
        depth=depth,
        weight_variance=s,
        bias_variance=b,
        precision=precision,
    )
    found = between(kernel, LEFT, RIGHT)
    assert found.dtype == precision
    np.testing.assert_allclose(
        np.ravel(found),
        TANGENTS[key],
        rtol=10 * PRECISE[precision],
        atol=PRECISE[precision],
    )


@pytest.mark.parametrize("precision", PRECISE)
@pytest.mark.parametrize("kind", ["ntk", "nngp"])
def test_of_images_with_themselves_it_is_exact(kind, precision, generator):
    """Where arccos would lose half of the digits."""
    images = generator.normal(size=(20, 25, 40, 3)) + 1
    images[3] = images[4]
    kernel = made((25, 40, 3), kind=kind, depth=2, precision=precision)
    inner = between(kernel, images).numpy()
    tolerance = PRECISE[precision]
    np.testing.assert_allclose(inner, inner.T, rtol=tolerance)
    np.testing.assert_allclose(
        inner, between(kernel, images, images), rtol=tolerance
    )
    squares = 2 * (images**2).mean((1, 2, 3)) + 0.01
    layers = [squares, squares + 0.01, squares + 0.02]
    exact = sum(layers) if kind == "ntk" else layers[-1]
    np.testing.assert_allclose(np.diag(inner), exact, rtol=tolerance)
    np.testing.assert_allclose(inner[3, 4], exact[3], rtol=tolerance)


def test_is_what_wide_networks_do_on_average(generator):
    """Gradients of networks of width 2,000, whose kernels are averaged."""
    s, b, depth, width = 2.0, 0.01, 2, 2000
    x = generator.normal(size=(4, 30))
    nngp, ntk = np.zeros((4, 4)), np.zeros((4, 4))
    networks = 4
    for _ in range(networks):
        sizes = [30, *[width] * depth, 1]
        weights = [
            generator.normal(size=(n, m)) * (s / n) ** 0.5
            for n, m in zip(sizes, sizes[1:])
        ]
        inputs, signs = [x], []
        for weight in weights[:-1]:
            bias = generator.normal(size=weight.shape[1]) * b**0.5
            hidden = inputs[-1] @ weight + bias
            signs.append(hidden > 0)
            inputs.append(np.maximum(hidden, 0))
        moments = [s * a @ a.T / a.shape[1] + b for a in inputs]
        nngp += moments[-1] / networks
        back = np.ones((4, 1))
        ntk += moments[-1] / networks
        for weight, sign, moment in zip(
            weights[:0:-1], signs[::-1], moments[-2::-1]
        ):
            back = (back @ weight.T) * sign
            ntk += (back @ back.T) * moment / networks
    for kind, found in (("nngp", nngp), ("ntk", ntk)):
        expected = between(made((30, 1, 1), kind=kind, depth=depth), x)
        np.testing.assert_allclose(found, expected, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("kind", ["ntk", "nngp"])
def test_has_the_derivative_of_differences(kind, jit, generator):
    """The diagonal's, where k0 has none, is right, too."""
    kernel = made(kind=kind, depth=2)
    images, towards = generator.normal(size=(2, 6, 4, 1, 1))
    pull = generator.normal(size=(6, 6))

    def loss(x):
        return tf.reduce_sum(pull * kernel.between(kernel.represent(x, SEED)))

    @tf.function(jit_compile=jit)
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x)
        return tf.reduce_sum(tape.gradient(value, x) * towards)

    step = 1e-6
    expected = loss(images + step * towards) - loss(images - step * towards)
    np.testing.assert_allclose(
        slope(tf.constant(images)), expected / (2 * step), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("jit", "bias", "precision"),
    [
        (False, 0.01, "float64"),
        (False, 0.0, "float64"),
        (False, 0.0, "float32"),
        (True, 0.0, "float32"),
    ],
)
def test_no_pair_of_images_makes_nan(jit, bias, precision, generator):
    images = generator.normal(size=(7, 4, 1, 1))
    images[1], images[2], images[3] = images[0], -images[0], 3 * images[0]
    images[4] = images[5] = 0
    images[6] = images[0] * (1 + 1e-7)
    kernel = made(bias_variance=bias, precision=precision)

    @tf.function(jit_compile=jit)
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            rows = kernel.represent(x, SEED)
            kernels = kernel.between(rows), kernel.between(rows, rows)
            value = tf.add_n([tf.reduce_sum(k) for k in kernels])
        return *kernels, tape.gradient(value, x)

    for found in both(tf.constant(images, precision)):
        assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "nkt"}, "`kind` must be one of .* Did you mean 'ntk'"),
        ({"depth": 0}, "`depth` must be a finite number of at least 1"),
        ({"weight_variance": 0.0}, "`weight_variance` must be .* above 0"),
        ({"bias_variance": -0.1}, "`bias_variance` must be"),
        ({"precision": "float16"}, "`precision` must be one of"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FullyConnected.Settings(**settings)
