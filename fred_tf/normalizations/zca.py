"""Whitening of images (ZCA) in three recipes, and its exact undo.

Pixels of all channels are one vector x of d values. Every recipe is

    y = U S^-1/2 U' D^-1 (x - m),    x = m + D U S^1/2 U' y,

with D the deviations and U L U' the covariance of D^-1 (x - m) over the
training images. They differ in D, in m, and in how S is made of L:

| name | D | m | S |
|---|---|---|---|
| `zca` | 1 | mean of each pixel | L + e |
| `zca_frepo` | of each channel | mean of each pixel | L + e tr L / d |
| `zca_kip` | of each channel | mean of each channel | L + e tr L / d |

and e = 0.1, as in the code of trajectory matching (Cazenavette et al. 2022,
arXiv 2203.11932), FRePo (Zhou et al. 2022, 2206.00719), and KIP (Nguyen et al.
2021, 2107.13034) with RFAD (Loo et al. 2022, 2210.12067). So `zca_kip` has
second moments for L; of fewer images than pixels it leaves alone the directions
that hold none (S = 1). `zca` divides by n - 1, the others by n. On CIFAR-10
`zca` whitens far less than the others.

Departures: KIP divides each image by its length first, which cannot be undone;
RFAD leaves that out on CIFAR, and so does this. KIP fits on 45,000 of the
images, this on all. FRePo whitens 128-pixel images in blocks; here images are
whitened whole, up to `MOST_PIXELS` values.

The two matrices of CIFAR-10 take 75 MB, which no record should. So a config
holds the recipe and a digest of the training images that it was fitted on, and
what is rebuilt from it has no matrices of its own. It refuses to be applied
until the same fit exists in this process, be it made by `fitted`, by `fit` or
by loading the data; all that are equal share it, and hold it once they have
used it. Who has none of the images takes `with_matrix`, which keeps what it is
given to itself. The digest is one of images, not of matrices, since
eigenvectors differ in their last bits between machines. A fit on the 50,000
images takes a minute on two cores and 450 MB.
"""

import dataclasses
import math
import re
import weakref
from typing import ClassVar

import numpy as np
import tensorflow as tf

from fred_tf.disk import arrays, claims
from fred_tf.normalizations import whitening
from fred_tf.normalizations.normalization import (
    Normalization,
    UnfittedError,
    unit_range,
)
from fred_tf.normalizations.whitening import Whitening
from fred_tf.settings import check_positive

# A 64x64x3 image; its covariance takes 1.2 GB.
MOST_PIXELS = 12_288
# Products are of multiples of so many rows: the sums of one row of a product
# are taken in an order that depends on how many there are, down to one, which
# is a product of another kind. Images read alone are those read among others.
_TILE = 64
# What descriptions of exports say of it.
_WHERE = (
    "with all values of an image as a row, and center and matrix as the export "
    "`whitening` has them, or of the training images whose digest is in "
    "`normalization`"
)
_DIGEST = re.compile("[0-9a-f]{64}")


# Fits by what they are known by, as long as something uses them.
_FITS: weakref.WeakValueDictionary[tuple, Whitening] = (
    weakref.WeakValueDictionary()
)


@dataclasses.dataclass(frozen=True)
class ZCA(Normalization):
    """Whitening as trajectory matching does it; see the top of this file.

    ```python
    zca = ZCA.fit(images)
    pixels = zca.undo(zca(images))  # images again
    again = from_config(zca.get_config())  # applies if `zca` exists
    again = again.fitted(images)  # anywhere
    ```

    NumPy arrays are mapped in float32. TensorFlow may multiply in TF32 on
    GPUs, at 11 bits.

    Attributes:
        image_shape: of the images that it was fitted on, `[..., channels]`.
        digest: of these images, see `arrays.digest`.
        epsilon: e above, positive.

    Raises:
        ValueError: a field is not as stated.
    """

    name: ClassVar[str] = "zca"
    whole: ClassVar[bool] = True
    doing: ClassVar[str] = f"(pixels - center) @ matrix, {_WHERE}"
    undoing: ClassVar[str] = f"image @ inverse(matrix) + center, {_WHERE}"
    standardized: ClassVar[bool] = False
    centered: ClassVar[bool] = True
    relative: ClassVar[bool] = False

    image_shape: tuple[int, ...]
    digest: str
    epsilon: float = 0.1

    def __post_init__(self):
        check_positive("epsilon", self.epsilon)
        shape = claims.shape(
            {"image_shape": list(self.image_shape)},
            "image_shape",
            range(1, 5),
            MOST_PIXELS,
        )
        if not _DIGEST.fullmatch(str(self.digest)):
            raise ValueError(
                "`digest` of a whitening must be 64 hexadecimal digits. "
                f"Received: {str(self.digest)[:80]!r}."
            )
        object.__setattr__(self, "image_shape", shape)
        object.__setattr__(self, "epsilon", float(self.epsilon))

    @classmethod
    def from_fields(cls, fields):
        values = dict(fields)
        values["image_shape"] = tuple(claims.listed(fields, "image_shape"))
        return cls(**values)

    @classmethod
    def fit(cls, images: np.ndarray, epsilon: float = 0.1) -> "ZCA":
        """Computes the matrices in float64, a block of images at a time.

        Args:
            images: `[n, ..., channels]`, uint8 or float in [0, 1].
            epsilon: e above.

        Raises:
            ValueError: there are fewer than 2 images, they have more than
                `MOST_PIXELS` values each, are not finite, or do not vary.
        """
        shape = images.shape[1:]
        if len(images) < 2 or math.prod(shape) > MOST_PIXELS:
            raise ValueError(
                f"`{cls.name}` is fitted on at least 2 images of at most "
                f"{MOST_PIXELS} values each. Received: {images.shape}. Take "
                "`standardize`, or smaller images."
            )
        whitening.check_finite(images)
        fitted = cls(shape, arrays.digest(images), epsilon)
        fit = _FITS.get(fitted._key)
        if fit is None:
            recipe = cls.standardized, cls.centered, cls.relative
            fit = whitening.computed(images, *recipe, fitted.epsilon)
            _FITS[fitted._key] = fit
        # Holds it as long as this object lives; no field, so never compared.
        object.__setattr__(fitted, "_fit", fit)
        return fitted

    def fitted(self, images: np.ndarray) -> "ZCA":
        """Returns it with its matrices.

        Args:
            images: the training images that it was fitted on.

        Raises:
            ValueError: these are others; see `fit`, too.
        """
        again = type(self).fit(images, self.epsilon)
        if again != self:
            raise ValueError(
                f"`{self.name}` must be fitted on the images that its digest "
                f"is of: {self.image_shape}, {self.digest[:12]}. Received: "
                f"{again.image_shape}, {again.digest[:12]}. Load the data set "
                "as it was, with the same `holdout`."
            )
        return again

    def with_matrix(self, center: np.ndarray, matrix: np.ndarray) -> "ZCA":
        """Returns it with matrices that an export carries.

        Args:
            center: m above, `[d]`.
            matrix: what rows are multiplied by, `[d, d]`; see `center` and
                `matrix` of a whitening that is fitted.

        Raises:
            ValueError: they are of other shapes, not finite, or singular.
        """
        other = dataclasses.replace(self)
        size = math.prod(self.image_shape)
        carried = whitening.carried(center, matrix, size)
        # No field, so never compared; and kept from others that are equal.
        object.__setattr__(other, "_fit", carried)
        return other

    @property
    def is_fitted(self) -> bool:
        """Whether it has matrices; see the top of this file."""
        return self._found is not None

    @property
    def center(self) -> np.ndarray:
        """What is subtracted of pixels in rows, float32 `[d]`.

        Raises:
            UnfittedError: it has no matrices.
        """
        return self._matrices.center

    @property
    def matrix(self) -> np.ndarray:
        """What rows are then multiplied by, float32 `[d, d]`.

        Raises:
            UnfittedError: it has no matrices.
        """
        return self._matrices.whiten

    def __call__(self, images: np.ndarray | tf.Tensor):
        """Returns whitened float32 images, like `images` in kind.

        Raises:
            UnfittedError: it has no matrices.
            ValueError: images have another shape.
        """
        images = unit_range(images)
        if isinstance(images, tf.Tensor):
            center, whiten, _ = self._matrices.tensors
            return self._mapped(images, lambda x: (x - center) @ whiten)
        fit = self._matrices
        return self._mapped(images, lambda x: (x - fit.center) @ fit.whiten)

    def undo(self, images: np.ndarray | tf.Tensor):
        """Returns images in [0, 1] units; distilled pixels may leave [0, 1].

        Raises:
            UnfittedError: it has no matrices.
            ValueError: images have another shape.
        """
        if isinstance(images, tf.Tensor):
            center, _, color = self._matrices.tensors
            images = tf.cast(images, tf.float32)
            return self._mapped(images, lambda x: x @ color + center)
        fit = self._matrices
        images = images.astype(np.float32)
        return self._mapped(images, lambda x: x @ fit.color + fit.center)

    def check(self, image_shape):
        if tuple(image_shape) != self.image_shape:
            raise ValueError(
                f"`{self.name}` whitens images {self.image_shape}, which it "
                f"was fitted on. Received: {tuple(image_shape)}."
            )

    @property
    def _key(self) -> tuple:
        return self.name, self.image_shape, self.digest, self.epsilon

    @property
    def _found(self) -> Whitening | None:
        """The matrices, which it holds from the first look on."""
        fit = getattr(self, "_fit", None) or _FITS.get(self._key)
        object.__setattr__(self, "_fit", fit)
        return fit

    @property
    def _matrices(self) -> Whitening:
        fit = self._found
        if fit is None:
            raise UnfittedError(
                f"`{self.name}` of a record has no matrices until the training "
                f"images with its digest, {self.digest[:12]}..., are loaded. "
                f"Load the data set with `normalization` {self.name!r} first, "
                "call `fitted(images)`, or export `whitening` beside the set."
            )
        return fit

    def _mapped(self, images, rule):
        """Returns what `rule` makes of images as rows; arrays in place."""
        axes = len(self.image_shape)
        self.check(images.shape[-axes:])
        if isinstance(images, tf.Tensor):
            rows = rule(tf.reshape(images, [-1, math.prod(self.image_shape)]))
            mapped = tf.reshape(rows, tf.shape(images))
            return tf.ensure_shape(mapped, images.shape)
        images = np.ascontiguousarray(images)
        rows = images.reshape(-1, math.prod(self.image_shape))
        for start in range(0, len(rows), whitening.BLOCK):
            block = rows[start : start + whitening.BLOCK]
            padding = -len(block) % _TILE
            padded = np.pad(block, ((0, padding), (0, 0)))
            block[:] = rule(padded)[: len(block)]
        return images


@dataclasses.dataclass(frozen=True)
class FRePoZCA(ZCA):
    """Whitening as FRePo does it; see the top of this file."""

    name: ClassVar[str] = "zca_frepo"
    standardized: ClassVar[bool] = True
    relative: ClassVar[bool] = True


@dataclasses.dataclass(frozen=True)
class KIPZCA(FRePoZCA):
    """Whitening as KIP and RFAD do it; see the top of this file."""

    name: ClassVar[str] = "zca_kip"
    centered: ClassVar[bool] = False
