"""What forms share that are PNG files, each of its own range of values."""

import abc
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from fred_tf.forms import encodings, facts, limits, manifest
from fred_tf.forms.form import SetForm
from fred_tf.forms.provenance import provenance, purpose
from fred_tf.synthetic_set import SyntheticSet

_PNG = encodings.ENCODINGS["png"]


class PictureForm(SetForm):
    """Pictures like those of `images_png`, with a table beside them.

    Attributes:
        ranges: what has `low` and `high` of a picture, in words.
    """

    lossy = True
    by_default = False
    gives_pixels = True
    ranges: ClassVar[str]

    def fits(self, decoded, memory):
        return _PNG.fits(decoded.images.shape[1:])

    def read(self, path):
        path = pathlib.Path(path)
        self.verify(path)
        with facts.believed(path):
            return self.restored(path, manifest.read(path))

    @abc.abstractmethod
    def restored(
        self, folder: pathlib.Path, said: Mapping[str, Any]
    ) -> SyntheticSet:
        """Returns the set of a folder whose files are as its manifest says."""

    def said(self, decoded: SyntheticSet) -> dict[str, Any]:
        """Returns what a manifest says of a set.

        Raises:
            ValueError: its images are no pictures.
        """
        shape = decoded.images.shape[1:]
        _PNG.features(shape)  # Refuses others.
        words = encodings.RANGED.format(
            where=f", of {self.ranges}", doing=decoded.normalization.doing
        )
        return {
            "description": f"{purpose(decoded)} {words}.",
            "image_shape": list(shape),
            **facts.of(decoded),
            **provenance(decoded),
        }


def encoded(
    decoded: SyntheticSet,
) -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """Returns a PNG file of each image, and its `low` and `high`.

    Raises:
        TooLargeError: no reader takes so many images of so few bytes.
    """
    arrays = _PNG.encode(decoded.images, decoded.normalization)
    pictures = encodings.pictures(arrays["image"])
    limits.check_written(decoded.images.shape, sum(map(len, pictures)))
    return pictures, arrays["low"], arrays["high"]


def verify_alone(path: pathlib.Path, kind: str, pattern: str) -> None:
    """Compares an export with its manifest, and refuses files beside it.

    Args:
        path: of the export.
        kind: what kind it must be of.
        pattern: names of files that loaders take wherever they are.

    Raises:
        FileNotFoundError, ValueError: see `manifest.verify`; or there is such
            a file that the manifest does not name.
    """
    named = manifest.verify(path, kind)["files"]
    there = {x.relative_to(path).as_posix() for x in path.rglob(pattern)}
    if others := sorted(there - named.keys()):
        raise ValueError(
            f"All {pattern} in {path} must be of its manifest: loaders take "
            f"what is there. Received: {', '.join(others[:5])}. Move them "
            "elsewhere."
        )


def shape_of(
    said: Mapping[str, Any], count: int, stored: int
) -> tuple[int, ...]:
    """Returns the shape that a manifest claims of its pictures.

    Args:
        said: the manifest.
        count: how many pictures there are.
        stored: bytes that they take.

    Raises:
        ValueError: it is none of a picture, or too many bytes would come of it.
    """
    shape = limits.image_shape(said)
    limits.check_decoded(shape, count, stored)
    if not _PNG.fits(shape):
        raise ValueError(f"`image_shape` {list(shape)} is none of a picture")
    return shape


def images(
    said: Mapping[str, Any],
    folder: pathlib.Path,
    shape: Sequence[int],
    pictures: Iterable[bytes],
    low: Sequence[Any],
    high: Sequence[Any],
) -> np.ndarray:
    """Undoes `encoded`: returns images as networks see them.

    Args:
        said: the manifest, which has the normalisation.
        folder: where that lies.
        shape: see `shape_of`.
        pictures, low, high: what `encoded` returned; numbers may be text.
    """
    for name, numbers in (("low", low), ("high", high)):
        if not np.isfinite(np.array(numbers, np.float32)).all():
            raise ValueError(f"`{name}` must be finite for every picture")
    arrays = {
        "image": encodings.unpictured(pictures, shape),
        "low": np.array(low, np.float32),
        "high": np.array(high, np.float32),
    }
    return facts.decoded(_PNG, arrays, said, folder)
