"""What every transform promises, then each against somebody else's."""

import keras
import numpy as np
import pytest
import pywt
import tensorflow as tf

from fred_tf.transforms import DCT, DFT, TRANSFORMS, Identity, Wavelet

MEMBERS = {
    **TRANSFORMS,
    "dct, ortho": lambda: DCT("ortho"),
    "db2, 2 levels": lambda: Wavelet("db2", 2),
}
SHAPES = [(3, 8, 8, 2), (2, 12, 16, 1), (2, 4, 8, 8, 1)]
ODD = [(2, 5, 7, 1), (2, 3, 6, 5, 1), (2, 6, 1, 1)]


@pytest.fixture(params=MEMBERS.values(), ids=MEMBERS.keys())
def transform(request):
    return request.param()


def is_wavelet(transform) -> bool:
    return isinstance(transform, Wavelet)


@pytest.mark.parametrize("shape", SHAPES + ODD)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inverse_undoes_it_and_energy_is_kept(
    transform, shape, dtype, generator
):
    if is_wavelet(transform) and (shape in ODD or transform.wavelet == "db4"):
        shape = (2, 16, 32, 1)
    images = generator.normal(size=shape).astype(dtype)
    coefficients = transform(images) if dtype == "float32" else None
    if coefficients is None:
        coefficients = transform.call(tf.constant(images))
    assert coefficients.shape == shape
    assert coefficients.dtype == dtype
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    again = transform.inverse(coefficients)
    np.testing.assert_allclose(again, images, atol=tolerance)
    units = transform.units(shape[1:-1])
    assert units.shape == shape[1:-1]
    energy = np.sum(np.square(coefficients / units[..., None], dtype="float64"))
    assert energy == pytest.approx(np.sum(images**2.0), rel=1e-5)
    assert units.min() ** 2 == pytest.approx(transform.gain(shape[1:-1]))


def test_gradient_of_the_inverse_is_its_adjoint(transform, generator):
    """<inverse(c), y> = <c, gradient of that in c>, and no second order."""
    c, y = (tf.constant(generator.normal(size=(2, 16, 16, 1))) for _ in "ab")
    with tf.GradientTape() as tape:
        tape.watch(c)
        product = tf.reduce_sum(transform.inverse(c) * y)
    adjoint = tape.gradient(product, c)
    assert float(product) == pytest.approx(
        float(tf.reduce_sum(c * adjoint)), rel=1e-9
    )


def test_compiles_under_xla(transform, generator):
    x = tf.constant(generator.normal(size=(2, 16, 16, 3)), tf.float32)
    for function in (transform.call, transform.inverse):
        compiled = tf.function(function, jit_compile=True, autograph=False)
        np.testing.assert_allclose(compiled(x), function(x), atol=1e-4)


def test_config_round_trip(transform, generator):
    config = keras.saving.serialize_keras_object(transform)
    again = keras.saving.deserialize_keras_object(config)
    x = tf.constant(generator.normal(size=(1, 16, 16, 1)), tf.float32)
    np.testing.assert_array_equal(again(x), transform(x))


def test_frequencies_rise_with_detail(transform):
    """A constant lies at frequency 0, a chessboard at the highest."""
    if isinstance(transform, Identity):
        with pytest.raises(ValueError, match="Pixels have no frequency"):
            transform.frequencies((16, 16))
        return
    found = transform.frequencies((16, 16))
    rows, columns = np.indices((16, 16))
    for image, extreme in (
        (np.ones((16, 16)), found.min()),
        ((-1.0) ** (rows + columns), found.max()),
    ):
        c = np.abs(transform.call(tf.constant(image[None, ..., None])))
        where = c[0, ..., 0] > 1e-6 * c.max()
        if extreme == 0 or not isinstance(transform, DCT):
            np.testing.assert_allclose(found[where], extreme)
    assert found.min() == 0


@pytest.mark.parametrize("transform", [DCT(), DFT()], ids=["dct", "dft"])
def test_positions_of_one_diagonal_are_equal_at_any_size(transform):
    """Rounding must not say which of them a mask keeps: 1/28 + 4/28 < 5/28."""
    for size in (28, 12, 30):
        found = transform.frequencies((size, size))
        steps = np.arange(size)
        if isinstance(transform, DFT):
            steps = np.minimum(steps, size - steps)
        diagonal = steps[:, None] + steps
        for number in np.unique(diagonal):
            assert np.ptp(found[diagonal == number]) == 0


def packed(images: np.ndarray) -> np.ndarray:
    """The packing of `DFT`, from its words, by numpy.fft."""
    out = np.zeros_like(images)
    for n, channel in np.ndindex(images.shape[0], images.shape[-1]):
        spectrum = np.fft.fftn(images[n, ..., channel], norm="ortho")
        for k in np.ndindex(spectrum.shape):
            mirror = tuple(-i % s for i, s in zip(k, spectrum.shape))
            if k == mirror:
                value = spectrum[k].real
            elif k < mirror:
                value = np.sqrt(2) * spectrum[k].real
            else:
                value = np.sqrt(2) * spectrum[mirror].imag
            out[(n, *k, channel)] = value
    return out


@pytest.mark.parametrize("shape", [(2, 6, 5, 2), (1, 8, 4, 1), (1, 3, 4, 5, 1)])
def test_dft_equals_numpy(shape, generator):
    images = generator.normal(size=shape)
    found = DFT().call(tf.constant(images))
    np.testing.assert_allclose(found, packed(images), atol=1e-12)


def test_one_wave_is_one_coefficient():
    rows, columns = np.indices((8, 8))
    wave = np.cos(2 * np.pi * (2 * rows + 3 * columns) / 8)
    found = DFT().call(tf.constant(wave[None, ..., None])).numpy()
    assert np.count_nonzero(np.abs(found) > 1e-9) == 1
    assert found[0, 2, 3, 0] == pytest.approx(np.linalg.norm(wave))


@pytest.mark.parametrize(
    ("name", "levels", "shape"),
    [
        ("haar", 0, (16, 16)),
        ("db4", 1, (16, 32)),
        ("db2", 2, (16, 8)),
        ("haar", 2, (8, 4, 4)),
    ],
)
def test_wavelets_equal_pywavelets(name, levels, shape, generator):
    image = generator.normal(size=shape)
    transform = Wavelet(name, levels)
    depth = len(transform.blocks(shape))
    parts = pywt.wavedecn(image, name, mode="periodization", level=depth)
    expected, _ = pywt.coeffs_to_array(parts)
    found = transform.call(tf.constant(image[None, ..., None]))
    np.testing.assert_allclose(found[0, ..., 0], expected, atol=1e-10)


def test_levels_go_as_deep_as_sizes_are_even():
    assert Wavelet("haar").blocks((28, 28)) == [(28, 28), (14, 14)]
    assert len(Wavelet("haar").blocks((32, 32))) == 5
    assert len(Wavelet("haar", 3).blocks((32, 32))) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bior2.2",), "orthogonal wavelet.*Received: 'bior2.2'"),
        (("hair",), "orthogonal wavelet.*Received: 'hair'"),
        (("haar", -1), "at least 0.*Received: -1"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Wavelet(*arguments)


def test_refuses_odd_sizes():
    with pytest.raises(ValueError, match=r"even size.*\(7, 8\)"):
        Wavelet().call(tf.zeros([1, 7, 8, 1]))


@pytest.mark.parametrize("name", ["haar", "db4"])
@pytest.mark.parametrize("shape", [(7, 8), (7, 7), (8, 1)])
def test_advice_about_odd_sizes_can_be_followed(name, shape):
    """No wavelet halves them; the DCT takes any."""
    images = np.zeros((1, *shape, 1), np.float32)
    with pytest.raises(ValueError, match="even size.*Choose `transform` 'dct'"):
        TRANSFORMS[name]()(images)
    assert TRANSFORMS["dct"]()(images).shape == images.shape
    for sizes in ((2, 2), (6, 8)):  # Shorter than the filter, too.
        even = np.zeros((1, *sizes, 1), np.float32)
        assert TRANSFORMS[name]()(even).shape == even.shape
