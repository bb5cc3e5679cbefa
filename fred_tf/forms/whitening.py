"""The matrix that whitens, for those who have none of the training images."""

import contextlib
import math
import pathlib
from typing import Any

from fred_tf import normalizations
from fred_tf.disk import arrays, claims, files
from fred_tf.forms import manifest
from fred_tf.forms.form import Form
from fred_tf.normalizations import ZCA, Normalization
from fred_tf.synthetic_set import SyntheticSet

_WAY_OUT = "Restore it from a copy, or write it again with `python -m export`."
_PARTS = "center", "matrix"


class Whitening(Form):
    """A folder of two `.npy` files, float32, that others read with NumPy.

    ```python
    center = np.load(f"{folder}/center.npy")  # [d], pixels of an image
    matrix = np.load(f"{folder}/matrix.npy")  # [d, d]
    whitened = (pixels.reshape(-1, len(center)) - center) @ matrix
    pixels = whitened @ np.linalg.inv(matrix) + center
    ```

    All forms say which whitening their images have, and none holds its matrix:
    of CIFAR-10 it takes 37.7 MB, beside a set of 0.1 MB, and follows from the
    training images. Where it lies beside an export, `forms.read` takes it.
    """

    name = path = kind = "whitening"
    by_default = False
    loading = """\
import numpy as np

center, matrix = (np.load(f"{PATH}/{n}.npy") for n in ("center", "matrix"))


def whitened(pixels):  # as networks see them, of pixels in [0, 1] units
    rows = pixels.reshape(-1, len(center)) - center
    return (rows @ matrix).reshape(pixels.shape)


def unwhitened(images):
    rows = images.reshape(-1, len(center)) @ np.linalg.inv(matrix)
    return (rows + center).reshape(images.shape)"""

    def fits(self, decoded, memory):
        return isinstance(decoded.normalization, ZCA)

    def check_replaceable(self, path):
        manifest.check_replaceable(path, self.kind)

    def write(self, decoded, memory, path):
        path, own = pathlib.Path(path), _of(decoded)
        parts = {"center": own.center, "matrix": own.matrix}
        self.check_replaceable(path)
        with files.replacing_folder(path) as temporary:
            for name, array in parts.items():
                arrays.write(temporary / f"{name}.npy", array)
            manifest.write(
                temporary, self.kind, {}, normalization=own.get_config()
            )
        return path

    def is_of(self, path: pathlib.Path, own: Normalization) -> bool:
        """Says whether the matrix at `path` is that of a normalisation."""
        with contextlib.suppress(ValueError, OSError):
            return _is_of(manifest.read(path), own)
        return False


def matrix_bytes(decoded: SyntheticSet) -> int:
    """Returns what the matrix of a set takes as float32; 0 without one."""
    own = decoded.normalization
    return 4 * math.prod(own.image_shape) ** 2 if isinstance(own, ZCA) else 0


def beside(stated: Normalization, path: pathlib.Path) -> Normalization:
    """Returns a whitening with the matrix that lies beside an export, if any.

    Args:
        stated: as the export states it.
        path: the export.

    Raises:
        ValueError: what lies there is damaged, or no matrix of its sizes.
    """
    folder = path.parent
    if folder.name == "saved_model":  # Whose export is a version in it.
        folder = folder.parent
    place = folder / Whitening.path
    if not isinstance(stated, ZCA) or not (place / manifest.NAME).is_file():
        return stated
    said = manifest.verify(place, Whitening.kind)
    return _read(place, stated) if _is_of(said, stated) else stated


def _read(place: pathlib.Path, stated: ZCA) -> ZCA:
    parts = [arrays.read(place / f"{name}.npy", _WAY_OUT) for name in _PARTS]
    try:
        return stated.with_matrix(*parts)
    except ValueError as error:
        raise ValueError(f"{place}: {error} {_WAY_OUT}") from error


def _of(decoded: SyntheticSet) -> ZCA:
    own = decoded.normalization
    assert isinstance(own, ZCA)  # Else it does not fit.
    return own


def _is_of(said: dict[str, Any], stated: Normalization) -> bool:
    """Says whether a manifest is of the fit that an export states."""
    config = claims.mapping(said, "normalization")
    return normalizations.from_config(config) == stated
