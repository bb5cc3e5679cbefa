"""Orthogonal wavelets: Haar, Daubechies and their kin."""

import functools
from collections.abc import Sequence

import keras
import numpy as np
import pywt
import tensorflow as tf

from fred_tf.transforms.transform import Transform, along_axis


@functools.lru_cache(maxsize=256)
def _level(wavelet: str, size: int) -> np.ndarray | None:
    """Returns B with (one level of v) = v @ B, or None if there is none.

    Low pass first, then high pass; periodic at the border, which keeps B
    orthonormal. Filters longer than the signal wrap around it more than once
    and may lose that.
    """
    if size % 2:
        return None
    low, high = pywt.dwt(np.eye(size), wavelet, mode="periodization", axis=1)
    basis = np.concatenate([low, high], axis=1)
    orthonormal = np.allclose(basis @ basis.T, np.eye(size), atol=1e-9)
    return basis if orthonormal else None


@keras.saving.register_keras_serializable("fred_tf")
class Wavelet(Transform):
    """Discrete wavelet transform over the axes between batch and channels.

    Each level splits its block along every axis into a smooth and a detailed
    half; the next level treats the block that is smooth along all of them
    (Mallat 1989), which lies in the corner at index 0. Filters come from
    PyWavelets and the border is periodic, so that the transform is
    orthonormal and needs no more coefficients than pixels.

    Args:
        wavelet: name of an orthogonal wavelet of PyWavelets: `"haar"`,
            `"db2"`, `"db4"`, `"sym4"`, ...
        levels: levels at most; 0 means as many as the sizes allow. A level
            needs an even size along every axis.

    Raises:
        ValueError: the wavelet is unknown or not orthogonal, `levels` is
            negative, or (see `check`) the image has no level at all.
    """

    axis = "position (coefficients, coarse to fine)"

    def __init__(self, wavelet: str = "haar", levels: int = 0, **kwargs):
        super().__init__(**kwargs)
        if wavelet not in pywt.wavelist(kind="discrete") or not (
            pywt.Wavelet(wavelet).orthogonal
        ):
            raise ValueError(
                "`wavelet` must be an orthogonal wavelet of PyWavelets, e.g. "
                f"'haar', 'db2', 'db4' or 'sym4'. Received: {wavelet!r}."
            )
        if levels < 0:
            raise ValueError(
                "`levels` must be at least 0, which means all. Received: "
                f"{levels}."
            )
        self.wavelet = wavelet
        self.levels = levels

    def check(self, spatial_shape):
        self._levels(spatial_shape)

    def blocks(self, spatial_shape: Sequence[int]) -> list[tuple[int, ...]]:
        """Returns the shape of the block that each level splits."""
        levels = self._levels(spatial_shape)
        return [tuple(len(matrix) for matrix in level) for level in levels]

    def _levels(self, spatial_shape: Sequence[int]) -> list[list[np.ndarray]]:
        """Returns the matrices of each level, one per axis."""
        shape: Sequence[int] = tuple(spatial_shape)
        levels: list[list[np.ndarray]] = []
        while not self.levels or len(levels) < self.levels:
            matrices = [_level(self.wavelet, size) for size in shape]
            level = [matrix for matrix in matrices if matrix is not None]
            if len(level) < len(shape):
                break
            levels.append(level)
            shape = [size // 2 for size in shape]
        if not levels:
            # Whatever the wavelet: a level halves every axis.
            raise ValueError(
                "A wavelet transform needs an even size along every axis. "
                f"Received: {tuple(spatial_shape)} with {self.wavelet!r}. "
                "Choose `transform` 'dct', or images of even sizes."
            )
        return levels

    def call(self, images):
        levels = self._levels(images.shape[1:-1])
        return self._forward(tf.convert_to_tensor(images), levels)

    def _forward(
        self, x: tf.Tensor, levels: list[list[np.ndarray]]
    ) -> tf.Tensor:
        for axis, matrix in enumerate(levels[0], start=1):
            x = along_axis(x, matrix, axis)
        if len(levels) == 1:
            return x
        return _with_corner(x, self._forward(_corner(x), levels[1:]))

    def inverse(self, coefficients):
        levels = self._levels(coefficients.shape[1:-1])
        return self._inverse(tf.convert_to_tensor(coefficients), levels)

    def _inverse(
        self, x: tf.Tensor, levels: list[list[np.ndarray]]
    ) -> tf.Tensor:
        if len(levels) > 1:
            x = _with_corner(x, self._inverse(_corner(x), levels[1:]))
        for axis, matrix in enumerate(levels[0], start=1):
            x = along_axis(x, matrix.T, axis)
        return x

    def frequencies(self, spatial_shape):
        """Coarse levels first; within one, what is detailed along fewer axes.

        See the base class.
        """
        shape = tuple(spatial_shape)
        blocks = self.blocks(shape)
        levels = np.zeros(shape)
        for rank, block in enumerate(reversed(blocks)):
            detailed = sum(
                (np.arange(size) >= size // 2).reshape(
                    [-1 if a == axis else 1 for a in range(len(block))]
                )
                * 1.0
                for axis, size in enumerate(block)
            )
            inside = levels[tuple(slice(size) for size in block)]
            level = rank + detailed / (1 + len(block))
            inside[...] = np.where(detailed > 0, level, inside)
        return levels

    def get_config(self):
        return {
            **super().get_config(),
            "wavelet": self.wavelet,
            "levels": self.levels,
        }


def _corner(x: tf.Tensor) -> tf.Tensor:
    """Returns the first half along every axis between batch and channels."""
    halves = [slice(size // 2) for size in x.shape[1:-1]]
    return x[(slice(None), *halves)]


def _with_corner(x: tf.Tensor, corner: tf.Tensor) -> tf.Tensor:
    """Returns `x` with its `_corner` replaced."""
    spatial = x.shape[1:-1]
    outside = np.ones(spatial)
    outside[tuple(slice(size // 2) for size in spatial)] = 0
    pads = [[0, 0], *([0, size - size // 2] for size in spatial), [0, 0]]
    outside = tf.cast(outside[None, ..., None], x.dtype)
    return x * outside + tf.pad(corner, pads)
