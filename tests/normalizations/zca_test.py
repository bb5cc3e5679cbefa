"""Whitening against an eigendecomposition in float64, and what it refuses."""

import gc
import json

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.normalizations import NORMALIZATIONS, ZCA, from_config

NAMES = ("zca", "zca_kip", "zca_frepo")
SHAPES = ((6, 6, 1), (5, 4, 3), (3, 4, 4, 1))


def pictures(generator, shape, count=200):
    """Neighbours are alike, as in images; uint8."""
    noise = generator.integers(0, 256, (count, *shape)).astype(float)
    for axis in range(1, len(shape)):
        noise = (noise + np.roll(noise, 1, axis)) / 2
    return noise.astype(np.uint8)


def expected(name, images, epsilon=0.1):
    """The recipes as they are published, image by image."""
    pixels = images / 255
    if name != "zca":
        axes = tuple(range(images.ndim - 1))
        pixels = (pixels - pixels.mean(axes)) / pixels.std(axes)
    rows = pixels.reshape(len(images), -1)
    if name != "zca_kip":
        rows = rows - rows.mean(0)
    moments = rows.T @ rows / (len(rows) - (name == "zca"))
    values, vectors = np.linalg.eigh(moments)
    ridge = epsilon * (1 if name == "zca" else np.trace(moments) / len(values))
    whitened = rows @ vectors @ np.diag((values + ridge) ** -0.5) @ vectors.T
    return whitened.reshape(images.shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_is_the_recipe_and_is_undone(name, shape, generator):
    images = pictures(generator, shape)
    before = images.copy()
    zca = NORMALIZATIONS[name].fit(images)
    whitened = zca(images)
    assert whitened.dtype == np.float32
    np.testing.assert_allclose(whitened, expected(name, images), atol=1e-5)
    copy = whitened.copy()
    np.testing.assert_allclose(zca.undo(whitened), images / 255, atol=2e-6)
    np.testing.assert_array_equal(whitened, copy)
    np.testing.assert_array_equal(images, before)
    # Of one image, of images as floats, and of none.
    np.testing.assert_allclose(zca(images[0]), whitened[0], atol=1e-6)
    floats = images / 255
    np.testing.assert_allclose(zca(floats), whitened, atol=1e-5)
    assert zca(images[:0]).shape == (0, *shape)


@pytest.mark.parametrize("count", [1, 2, 33, 65])
def test_images_read_alone_are_those_read_among_others(count, generator):
    """Which are read from the disk goes by the memory that is free."""
    images = pictures(generator, (28, 28, 1))
    zca = ZCA.fit(images)
    some = zca(images[7 : 7 + count])
    np.testing.assert_array_equal(some, zca(images)[7 : 7 + count])


@pytest.mark.parametrize("jit", [False, True])
def test_tensors_are_mapped_as_arrays_are(jit, generator):
    images = pictures(generator, (5, 4, 3))
    zca = ZCA.fit(images)
    whitened = zca(images)
    apply = tf.function(zca, jit_compile=jit)
    undo = tf.function(zca.undo, jit_compile=jit)
    found = apply(tf.constant(images))
    np.testing.assert_allclose(found, whitened, atol=1e-5)
    np.testing.assert_allclose(undo(found), images / 255, atol=1e-5)
    spec = tf.TensorSpec([None, 5, 4, 3], tf.uint8)
    assert apply.get_concrete_function(spec).output_shapes.as_list() == [
        None,
        *(5, 4, 3),
    ]
    batches = tf.data.Dataset.from_tensor_slices(images).batch(64).map(zca)
    np.testing.assert_allclose(
        np.concatenate([batch.numpy() for batch in batches]),
        whitened,
        atol=1e-5,
    )


@pytest.mark.parametrize("epsilon", [0.1, 0.01])
def test_whitened_directions_keep_what_epsilon_leaves_of_them(
    epsilon, generator
):
    """Covariance L / (L + e), whose deviations are 1 where L is large."""
    images = pictures(generator, (6, 6, 1), 500)
    rows = (images / 255).reshape(500, -1)
    values = np.linalg.eigvalsh(np.cov(rows.T))
    whitened = ZCA.fit(images, epsilon)(images).reshape(500, -1)
    found = np.linalg.eigvalsh(np.cov(whitened.T.astype(float)))
    np.testing.assert_allclose(found, values / (values + epsilon), rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_pixels_that_never_vary_and_few_images_are_no_harm(name, generator):
    images = pictures(generator, (6, 6, 3), 20)
    images[:, 0] = 7
    zca = NORMALIZATIONS[name].fit(images)
    others = pictures(generator, (6, 6, 3), 50)
    whitened = zca(others)
    assert np.isfinite(whitened).all() and np.abs(whitened).max() < 50
    np.testing.assert_allclose(zca.undo(whitened), others / 255, atol=1e-5)


def test_kip_leaves_directions_alone_that_hold_no_image(generator):
    images = pictures(generator, (6, 6, 3), 20)
    kip = NORMALIZATIONS["zca_kip"].fit(images)
    axes = (0, 1, 2)
    mean, deviation = (images / 255).mean(axes), (images / 255).std(axes)
    seen = ((images / 255 - mean) / deviation).reshape(20, -1)
    away = np.linalg.svd(seen)[2][-1].reshape(1, 6, 6, 3)
    found = kip((away * deviation + mean).astype(np.float32))
    np.testing.assert_allclose(found, away, atol=1e-5)


def test_the_digest_is_one_of_images(generator):
    images = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    digest = "c496e4e807338a5508ff228e0a0ab90d57c581ef379353939b2eb30709498e4f"
    assert ZCA.fit(images).digest == digest
    strided = np.repeat(images, 2, 0)[::2]
    assert ZCA.fit(strided) == ZCA.fit(images)
    floats = (images / 255).astype(">f4")
    assert ZCA.fit(floats) == ZCA.fit(floats.astype("<f4")) != ZCA.fit(images)
    assert ZCA.fit(images[::-1]) != ZCA.fit(images)
    assert ZCA.fit(images, 1.0) != ZCA.fit(images)
    assert NORMALIZATIONS["zca_frepo"].fit(images) != ZCA.fit(images)


@pytest.mark.parametrize("name", NAMES)
def test_fits_alike_each_time(name, generator):
    images = pictures(generator, (6, 6, 1))
    whitened = NORMALIZATIONS[name].fit(images)(images)
    gc.collect()  # Else the second fit would be the first.
    again = NORMALIZATIONS[name].fit(images)(images)
    np.testing.assert_array_equal(again, whitened)


def test_a_config_is_applied_where_its_fit_exists(generator):
    images = pictures(generator, (6, 6, 1))
    zca = NORMALIZATIONS["zca_kip"].fit(images, 0.2)
    whitened = zca(images)
    written = json.dumps(zca.get_config())
    assert len(written) < 200
    used, again = (from_config(json.loads(written)) for _ in range(2))
    assert again == zca and hash(again) == hash(zca)
    np.testing.assert_array_equal(used(images), whitened)
    del zca
    gc.collect()
    np.testing.assert_array_equal(used(images), whitened)
    del used
    gc.collect()
    assert not again.is_fitted
    for apply in (again, again.undo, lambda x: again(tf.constant(x))):
        with pytest.raises(ValueError, match=r"`zca_kip` .* `fitted\(images"):
            apply(images)
    fitted = again.fitted(images)
    assert fitted == again
    np.testing.assert_array_equal(fitted(images), whitened)
    np.testing.assert_array_equal(again(images), whitened)


@pytest.mark.parametrize(
    "change",
    [
        lambda images: images[:-1],
        lambda images: np.where(images == images[0, 0, 0], 1, images),
        lambda images: images.reshape(len(images), 9, 4, 1),
    ],
)
def test_a_config_takes_no_other_images(change, generator):
    images = pictures(generator, (6, 6, 1))
    config = ZCA.fit(images).get_config()
    others = change(images).astype(np.uint8)
    with pytest.raises(ValueError, match="the images that its digest is of"):
        from_config(config).fitted(others)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.ones((1, 4, 4, 1), np.uint8), "at least 2 images"),
        (np.ones((0, 4, 4, 1), np.uint8), "at least 2 images"),
        (np.ones((2, 65, 64, 3), np.uint8), "at most 12288 values"),
        (np.full((3, 4, 4, 1), np.nan, np.float32), "finite. .* 48 NaN"),
        (np.full((3, 4, 4, 1), np.inf, np.float64), "finite. .* 48 NaN"),
    ],
)
def test_images_that_cannot_be_fitted_on_are_refused(name, images, message):
    with pytest.raises(ValueError, match=message):
        NORMALIZATIONS[name].fit(images)


def test_images_all_alike_have_nothing_to_whiten(generator):
    images = np.repeat(generator.random((1, 4, 4, 3)), 7, 0)
    with pytest.raises(ValueError, match="7 images alike"):
        NORMALIZATIONS["zca_frepo"].fit(images)
    zca = ZCA.fit(images)
    np.testing.assert_allclose(zca(images), 0, atol=1e-5)
    np.testing.assert_allclose(zca.undo(zca(images)), images, atol=1e-6)


def test_images_of_another_shape_are_refused(generator):
    zca = ZCA.fit(pictures(generator, (6, 6, 1)))
    wrong = np.zeros((2, 4, 9, 1), np.float32)
    for apply in (zca, zca.undo):
        for images in (wrong, tf.constant(wrong)):
            with pytest.raises(ValueError, match=r"images \(6, 6, 1\)"):
                apply(images)
    with pytest.raises(ValueError, match=r"Received: \(6, 6\)"):
        zca.check((6, 6))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digest": "0" * 63}, "64 hexadecimal digits"),
        ({"digest": None}, "64 hexadecimal digits"),
        ({"epsilon": 0.0}, "`epsilon` must be a finite number above 0"),
        ({"epsilon": float("nan")}, "`epsilon` must be a finite number"),
        ({"image_shape": [6, -6, 1]}, "`image_shape` must be an integer"),
        ({"image_shape": [600, 600, 3]}, "`image_shape` must be a shape"),
        ({"image_shape": []}, "`image_shape` must be a shape"),
        ({"name": "zca_mtt"}, "`normalization` must be one of"),
    ],
)
def test_a_damaged_config_is_refused(change, message):
    config = {"name": "zca", "image_shape": [6, 6, 1], "digest": "0" * 64}
    assert from_config(config).epsilon == 0.1
    with pytest.raises(ValueError, match=message):
        from_config({**config, **change})
