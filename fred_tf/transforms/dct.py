"""The discrete cosine transform over any number of axes."""

import functools
import math

import keras
import numpy as np
import tensorflow as tf

from fred_tf.transforms.transform import Transform

NORMS = ("none", "ortho")
ROUTES = ("matrix", "signal")


def _dct(x: tf.Tensor, norm: str) -> tf.Tensor:
    return tf.signal.dct(x, type=2, norm=None if norm == "none" else norm)


def _idct(x: tf.Tensor, norm: str) -> tf.Tensor:
    if norm == "ortho":
        return tf.signal.idct(x, type=2, norm="ortho")
    # tf.signal.idct without a norm returns 2N times the signal.
    return tf.signal.idct(x, type=2) / (2 * tf.cast(tf.shape(x)[-1], x.dtype))


@functools.lru_cache(maxsize=64)
def _basis(size: int, norm: str, inverse: bool) -> np.ndarray:
    """Returns the float64 matrix B with (transform of x) = x @ B."""
    with tf.init_scope():
        eye = tf.eye(size, dtype=tf.float64)
        return (_idct if inverse else _dct)(eye, norm).numpy()


@keras.saving.register_keras_serializable("fred_tf")
class DCT(Transform):
    """DCT-II over the axes between batch and channels, and its exact inverse.

    With `norm="none"` (SciPy's `norm=None`), along each axis of length N,

        X_k = 2 * sum_n x_n cos(pi k (2n + 1) / 2N),

    which is what the step sizes published for FreD assume (Shin et al. 2023,
    arXiv 2311.08819). With `norm="ortho"` X_0 is scaled by 1 / sqrt(4N) and
    the others by 1 / sqrt(2N), which makes the transform orthonormal. The two
    differ in more than scale: variances, and so masks, change too.

    Args:
        norm: `"none"` or `"ortho"`.
        route: `"matrix"` multiplies by basis matrices that are made once with
            `tf.signal`; `"signal"` calls `tf.signal` itself. They agree to
            rounding; `benchmarks/transform_route.py` compares their speed.

    Raises:
        ValueError: an unknown `norm` or `route`.
    """

    # Coefficient k has k half waves along the axis.
    axis = "frequency (half cycles per image)"
    any_length = True

    def __init__(self, norm: str = "none", route: str = "matrix", **kwargs):
        super().__init__(**kwargs)
        for name, value, known in (
            ("norm", norm, NORMS),
            ("route", route, ROUTES),
        ):
            if value not in known:
                raise ValueError(
                    f"`{name}` of a DCT must be one of {known}. "
                    f"Received: {value!r}."
                )
        self.norm = norm
        self.route = route

    def with_norm(self, norm):
        return DCT(norm, self.route)

    def call(self, images):
        return self._apply(images, inverse=False)

    def inverse(self, coefficients):
        return self._apply(coefficients, inverse=True)

    def gain(self, spatial_shape):
        if self.norm == "ortho":
            return 1.0
        # Along one pixel there is no coefficient but the first.
        return float(math.prod(2 * max(size, 2) for size in spatial_shape))

    def units(self, spatial_shape):
        units = np.ones(tuple(spatial_shape))
        if self.norm == "ortho":
            return units
        for axis, size in enumerate(spatial_shape):
            along = np.full(size, math.sqrt(2 * size))
            along[0] = math.sqrt(4 * size)
            others = [1] * (units.ndim - axis - 1)
            units *= along.reshape(-1, *others)
        return units

    def frequencies(self, spatial_shape):
        axes = [np.arange(size) / size for size in spatial_shape]
        # Rounded, so that all positions of a diagonal are equal.
        return sum(np.meshgrid(*axes, indexing="ij")).round(12)

    def _apply(self, x: tf.Tensor, inverse: bool) -> tf.Tensor:
        x = tf.convert_to_tensor(x)
        rank = x.shape.rank
        # Each turn transforms axis 1 and moves it to the end, so that after
        # rank - 2 turns the channels stand at axis 1.
        for _ in range(rank - 2):
            if self.route == "matrix":
                basis = _basis(x.shape[1], self.norm, inverse)
                x = tf.tensordot(x, tf.cast(basis, x.dtype), [[1], [0]])
            else:
                x = tf.transpose(x, [0, *range(2, rank), 1])
                x = (_idct if inverse else _dct)(x, self.norm)
        return tf.transpose(x, [0, *range(2, rank), 1])

    def get_config(self):
        return {**super().get_config(), "norm": self.norm, "route": self.route}
