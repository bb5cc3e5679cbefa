import keras
import numpy as np
import pytest
import scipy.fft
import tensorflow as tf

from fred_tf.transforms import DCT

SCIPY_NORM = {"none": None, "ortho": "ortho"}
SHAPES = [(2, 8, 8, 3), (3, 6, 10, 1), (2, 4, 5, 6, 2), (2, 7, 3)]


@pytest.mark.parametrize("route", ["matrix", "signal"])
@pytest.mark.parametrize("norm", ["none", "ortho"])
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_scipy(generator, shape, norm, route):
    x = generator.normal(size=shape)
    axes = range(1, x.ndim - 1)
    transform = DCT(norm, route, dtype="float64")
    scipy_norm = SCIPY_NORM[norm]
    np.testing.assert_allclose(
        transform(x),
        scipy.fft.dctn(x, axes=axes, norm=scipy_norm),
        rtol=1e-9,
        atol=1e-9,
    )
    np.testing.assert_allclose(
        transform.inverse(x),
        scipy.fft.idctn(x, axes=axes, norm=scipy_norm),
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.parametrize("route", ["matrix", "signal"])
@pytest.mark.parametrize("norm", ["none", "ortho"])
def test_inverse_undoes_forward_in_float32(generator, norm, route):
    x = tf.constant(generator.normal(size=(2, 32, 32, 3)), tf.float32)
    transform = DCT(norm, route)
    np.testing.assert_allclose(
        transform.inverse(transform(x)), x, rtol=0, atol=1e-5
    )
    assert transform(x).dtype == tf.float32
    assert transform(x).shape == x.shape


def test_unnormalised_vectors_worked_by_hand():
    transform = DCT("none", dtype="float64")
    line = transform(np.reshape([1.0, 2, 3, 4], (1, 4, 1)))
    np.testing.assert_allclose(
        line[0, :, 0], [20, -6.30864406, 0, -0.44834153], atol=1e-7
    )
    plane = transform(np.reshape(np.arange(16.0), (1, 4, 4, 1)))[0, :, :, 0]
    expected = np.zeros((4, 4))
    expected[0, [0, 1, 3]] = 480, -50.4691525, -3.58673223
    expected[[1, 3], 0] = -201.876610, -14.3469289
    np.testing.assert_allclose(plane, expected, atol=1e-6)


def test_constant_image_has_only_the_lowest_coefficient():
    coefficients = DCT("none")(tf.fill([1, 8, 8, 1], 0.25)).numpy()
    assert coefficients[0, 0, 0, 0] == pytest.approx(4 * 8**2 * 0.25)
    coefficients[0, 0, 0, 0] = 0
    np.testing.assert_allclose(coefficients, 0, atol=1e-5)


def test_orthonormal_keeps_energy(generator):
    x = generator.normal(size=(2, 9, 12, 3))
    coefficients = DCT("ortho", dtype="float64")(x).numpy()
    assert (coefficients**2).sum() == pytest.approx((x**2).sum(), rel=1e-12)


def test_gradient_of_the_inverse_is_its_adjoint(generator):
    transform = DCT("none", dtype="float64")
    x = tf.constant(generator.normal(size=(1, 4, 6, 2)))
    y = tf.constant(generator.normal(size=(1, 4, 6, 2)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        product = tf.reduce_sum(transform.inverse(x) * y)
    adjoint = tape.gradient(product, x)
    assert float(tf.reduce_sum(adjoint * x)) == pytest.approx(float(product))


def test_config_round_trip_and_tf_function(generator):
    transform = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(DCT("ortho", "signal"))
    )
    assert (transform.norm, transform.route) == ("ortho", "signal")
    x = tf.constant(generator.normal(size=(1, 4, 4, 1)), tf.float32)
    compiled = tf.function(DCT("ortho").inverse, jit_compile=True)
    np.testing.assert_allclose(compiled(x), transform.inverse(x), atol=1e-5)


@pytest.mark.parametrize(
    "arguments", [{"norm": "backward"}, {"route": "fourier"}]
)
def test_refuses_unknown_options(arguments):
    with pytest.raises(ValueError, match=str(*arguments.values())):
        DCT(**arguments)
