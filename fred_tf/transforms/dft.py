"""The discrete Fourier transform of real images, packed into real numbers."""

import functools

import keras
import numpy as np
import tensorflow as tf

from fred_tf.transforms.transform import Transform, along_axis


@functools.lru_cache(maxsize=64)
def _waves(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the cosines and sines of an orthonormal DFT, both symmetric."""
    # Integer products keep the angles of large sizes exact.
    turns = np.outer(np.arange(size), np.arange(size)) % size / size
    waves = np.exp(2j * np.pi * turns) / np.sqrt(size)
    return waves.real, waves.imag


@functools.lru_cache(maxsize=64)
def _weights(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Returns what real and imaginary parts count in the packed spectrum."""
    flat = np.arange(np.prod(shape)).reshape(shape)
    # The flat position of the frequency -k.
    mirror = flat
    for axis, size in enumerate(shape):
        mirror = np.take(mirror, -np.arange(size) % size, axis)
    real = np.where(flat < mirror, np.sqrt(2), np.where(flat == mirror, 1, 0))
    imaginary = np.where(flat > mirror, -np.sqrt(2), 0)
    return real[None, ..., None], imaginary[None, ..., None]


@keras.saving.register_keras_serializable("fred_tf")
class DFT(Transform):
    """Orthonormal DFT over the axes between batch and channels, packed.

    The spectrum F of a real image is conjugate symmetric, F[-k] = conj F[k]:
    half of it says everything. N real pixels thus become N real numbers in
    the same shape. Of a frequency and its mirror, the one with the lower flat
    position holds sqrt(2) Re F[k], the other sqrt(2) Im F[k] of the first;
    frequencies that are their own mirror are real. With F orthonormal the
    packed transform is orthonormal as well, and a budget counts real numbers.

    Cosine and sine matrices along each axis stand for the FFT, as in `DCT`:
    they work for any number of axes and sizes, and compile everywhere.
    """

    axis = "frequency (cycles per image, mirrored)"
    any_length = True

    def call(self, images):
        real, imaginary = _weights(_spatial(images))
        of_real, of_imaginary = self._spectrum(images)
        dtype = of_real.dtype
        return of_real * tf.cast(real, dtype) + of_imaginary * tf.cast(
            imaginary, dtype
        )

    def inverse(self, coefficients):
        # Packing is P = a Re + b Im with diagonal a and b, and both parts of
        # the DFT are symmetric matrices; the inverse is the transpose.
        real, imaginary = _weights(_spatial(coefficients))
        dtype = coefficients.dtype
        of_real, _ = self._spectrum(coefficients * tf.cast(real, dtype))
        _, of_imaginary = self._spectrum(
            coefficients * tf.cast(imaginary, dtype)
        )
        return of_real + of_imaginary

    def _spectrum(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns real and imaginary part of the orthonormal DFT."""
        cosines, sines = _waves(x.shape[1])
        real, imaginary = along_axis(x, cosines, 1), -along_axis(x, sines, 1)
        for axis in range(2, x.shape.rank - 1):
            cosines, sines = _waves(x.shape[axis])
            real, imaginary = (
                along_axis(real, cosines, axis)
                + along_axis(imaginary, sines, axis),
                along_axis(imaginary, cosines, axis)
                - along_axis(real, sines, axis),
            )
        return real, imaginary

    def frequencies(self, spatial_shape):
        indices = [np.arange(size) for size in spatial_shape]
        axes = [np.minimum(i, len(i) - i) / len(i) for i in indices]
        # Rounded, so that all positions of a diagonal are equal.
        return sum(np.meshgrid(*axes, indexing="ij")).round(12)


def _spatial(x: tf.Tensor) -> tuple[int, ...]:
    return tuple(x.shape[1:-1])
