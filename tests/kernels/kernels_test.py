"""What every kernel promises."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.kernels import KERNELS
from tests.lowering import lowered

SEED = tf.constant(seeds.named(0, "kernel"))


@pytest.fixture(params=KERNELS)
def kernel(request):
    """Of 8x8 images, and small."""
    member = KERNELS[request.param]
    sizes = {"width": 4, "networks": 2, "depth": 1}
    known = member.Settings().to_json()
    settings = {name: n for name, n in sizes.items() if name in known}
    return member((8, 8, 1), member.Settings(**settings))


def comparing(kernel):
    """A function of two sets of images and a seed, with a derivative."""

    def compared(images, real, seed):
        with tf.GradientTape() as tape:
            tape.watch(images)
            support = kernel.represent(images, seed)
            inner = kernel.between(support)
            cross = kernel.between(kernel.represent(real, seed), support)
            value = tf.reduce_sum(inner) + tf.reduce_sum(cross)
        return inner, cross, tape.gradient(value, images)

    return compared


@pytest.mark.parametrize(
    # The next test shows that each can be compiled.
    "jit",
    [False, pytest.param(True, marks=pytest.mark.slow)],
)
def test_compiles_and_has_derivatives_of_equal_images(kernel, jit, generator):
    images = generator.normal(size=(6, 8, 8, 1)).astype(np.float32)
    images[1] = images[0]
    real = generator.normal(size=(9, 8, 8, 1)).astype(np.float32)
    compared = tf.function(comparing(kernel), jit_compile=jit)
    inner, cross, gradient = compared(images, real, SEED)
    assert inner.shape == (6, 6) and cross.shape == (9, 6)
    assert inner.dtype == cross.dtype == tf.float64
    np.testing.assert_allclose(inner, tf.transpose(inner), rtol=1e-12)
    np.testing.assert_allclose(inner[0], inner[1], rtol=1e-6)
    assert np.linalg.eigvalsh(inner)[0] > -1e-7
    assert np.isfinite(gradient).all() and np.any(gradient)
    again, *_ = compared(images, real, SEED)
    np.testing.assert_array_equal(inner, again)
    others, *_ = compared(images, real, seeds.fold(SEED, 1))
    assert np.array_equal(inner, others) != kernel.random


def test_xla_knows_each_of_its_operations(kernel):
    arguments = tf.zeros([6, 8, 8, 1]), tf.zeros([9, 8, 8, 1]), SEED
    program = lowered(comparing(kernel), *arguments)
    both = "f64[6,6]{1,0}, f64[9,6]{1,0}"
    assert f"->({both}, f32[6,8,8,1]{{3,2,1,0}})" in program


def test_images_of_another_shape_are_refused(kernel):
    wrong = tf.zeros([2, 16, 4, 1])
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        kernel.represent(wrong, SEED)


def test_says_what_it_is(kernel):
    member = type(kernel)
    assert member.called() and member.called_briefly() and member.paper.arxiv
    settings = kernel.settings.to_json()
    assert member.Settings.from_json(settings) == kernel.settings
    assert (
        KERNELS[member.Settings.name]((8, 8, 1)).settings == member.Settings()
    )
