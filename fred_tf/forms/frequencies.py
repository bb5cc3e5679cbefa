"""What the forms of coefficients share: what they say, claim and give back."""

import contextlib
import math
import os
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fred_tf import budget
from fred_tf.disk import claims, tfrecords
from fred_tf.forms import facts, limits
from fred_tf.forms.provenance import provenance, purpose
from fred_tf.forms.stored_memory import settings_of
from fred_tf.parameterizations import Frequency
from fred_tf.parameterizations.frequency_settings import (
    FrequencySettings,
    mask_size,
    spectrum_shape,
)
from fred_tf.parameterizations.labels import MemorySettings
from fred_tf.settings import field_types
from fred_tf.synthetic_set import SyntheticSet

SHARD = "coefficients.tfrecord-00000-of-00001"

# Values are those of rounding already, and records have the labels: nothing
# that all memories say of theirs, but for which images they began with.
_TOLD_OTHERWISE = {
    "bits",
    "step",
    "steps",
    "rounded",
    "rate_weight",
    "budget_bytes",
    *field_types(MemorySettings),
} - {"initial_images"}


class Claim(NamedTuple):
    """The sizes of a memory that a file says it holds, within their limits."""

    settings: FrequencySettings
    image_shape: tuple[int, ...]
    classes: int
    instances: int  # Of each class.
    stored: int  # Bytes of the records.

    @property
    def spectrum(self) -> tuple[int, ...]:
        """What is transformed: spatial axes, then channels."""
        return spectrum_shape(self.image_shape, self.settings.channels)

    @property
    def kept(self) -> int:
        """How many positions of the spectrum each class keeps."""
        settings = self.settings
        return mask_size(
            self.image_shape,
            settings.channels,
            settings.coefficients_per_channel,
        )


def told(decoded: SyntheticSet, memory: Frequency) -> dict[str, Any]:
    """Returns what an export must say of a memory and its set, as JSON values.

    Args:
        decoded: the set.
        memory: what it was decoded from.

    Raises:
        ValueError: see `facts.of`.
    """
    return {
        "image_shape": list(memory.image_shape),
        "instances_per_class": memory.instances_per_class,
        "parameterization": {
            name: value
            for name, value in memory.settings.to_json().items()
            if name not in _TOLD_OTHERWISE
        },
        "license": provenance(decoded)["license"],
        **facts.of(decoded),
    }


def described(
    decoded: SyntheticSet, memory: Frequency, stored: str
) -> dict[str, Any]:
    """Returns what follows from what `told` gives, in words.

    Args:
        decoded, memory: as for `told`.
        stored: what the coefficients are stored as, for people.
    """
    settings = memory.settings
    return {
        "description": (
            f"{purpose(decoded)} Stored are, for each image"
            f"{'' if settings.channels == 'joint' else ' and channel'},"
            f" {memory.mask_size} coefficients of the transform "
            f"{settings.transform!r} as {stored}, and for each "
            "class their positions. Decoded images are normalised and "
            "may leave the range of real ones: pixels in [0, 1] units "
            f"are {decoded.normalization.undoing}."
        ),
        **provenance(decoded),
    }


def code(decoded: SyntheticSet, place: str, loading: str, alone: str) -> str:
    """Returns Python that reads a set, see `Form.code`.

    Args:
        decoded: the set.
        place: where it lies.
        loading: by this library, with PATH for the path.
        alone: by an example, which decodes the DCT alone; left out where the
            set does not tell that this is its transform.
    """
    parts = [loading]
    with contextlib.suppress(ValueError):
        config = claims.mapping(decoded.details, "config")
        memory = claims.mapping(config, "parameterization")
        if memory.get("transform") == "dct":
            parts.append(alone)
    return "\n\n".join(parts).replace("PATH", repr(place))


def claimed(said: Mapping[str, Any], stored: int) -> Claim:
    """Returns the sizes of what `told` gave.

    Args:
        said: by whoever wrote it.
        stored: bytes of the records.

    Raises:
        ValueError: they are none, or too large for so many bytes.
    """
    settings = settings_of(
        FrequencySettings, claims.mapping(said, "parameterization")
    )
    shape = limits.image_shape(said)
    budget.check_coefficients(shape, settings.coefficients_per_channel)
    instances = limits.count(said, "instances_per_class")
    classes = len(facts.class_names(said))
    limits.check_decoded(shape, instances * classes, stored)
    return Claim(settings, shape, classes, instances, stored)


def records(shard: pathlib.Path, count: int, of: str) -> list[bytes]:
    """Returns the records of a file that has so many.

    Raises:
        ValueError: it has others.
    """
    if (found := tfrecords.check(shard)) != count:
        raise ValueError(f"{found} records are of {of}")
    dataset = tf.data.TFRecordDataset(os.fspath(shard))
    return list(dataset.as_numpy_iterator())


def part(
    features: Mapping[str, Any], name: str, dtype: Any, *shape: int
) -> np.ndarray:
    """Returns an array of a record, compressed by zlib.

    Raises:
        ValueError: it is not of the size that it must have.
    """
    stored = features[name].bytes_list.value[0]
    size = math.prod(shape) * np.dtype(dtype).itemsize
    # Unpacks no more than is claimed; a few bytes may unpack to many.
    raw = zlib.decompressobj().decompress(stored, size + 1)
    if len(raw) != size:
        raise ValueError(f"{name} {shape} must take {size} bytes")
    return np.frombuffer(raw, dtype).reshape(shape)


def soft_labels(
    features: Mapping[str, Any], claim: Claim, dtype: Any, images: int
) -> np.ndarray:
    """Returns the learned labels of a record, `[images, classes]`.

    They are as many as the square of the classes, where images may be few.

    Raises:
        ValueError: they are not of their size, or all of them are too many for
            so few bytes.
    """
    shape = (claim.classes,)
    every = claim.classes * claim.instances
    limits.check_decoded(shape, every, claim.stored, "soft labels")
    return part(features, "soft_labels", dtype, images, *shape)


def check_written(decoded: SyntheticSet, stored: int) -> None:
    """Refuses to write so few bytes that no reader takes what they hold.

    Raises:
        TooLargeError: they are too few.
    """
    limits.check_written(decoded.images.shape, stored)
    if decoded.soft_labels is not None:
        shape = decoded.soft_labels.shape
        limits.check_written(shape, stored, "soft labels")


def deflated(raw: bytes) -> bytes:
    """Returns zlib's shorter form: levels repeat in frequency, not in runs."""
    forms = []
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY):
        packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, strategy)
        forms.append(packer.compress(raw) + packer.flush())
    return min(forms, key=len)


def example(parts: Mapping[str, bytes], label: int | None = None) -> bytes:
    """Returns a record of bytes by name, and of a label if it has one."""
    features = {}
    if label is not None:
        features["label"] = tf.train.Feature(
            int64_list=tf.train.Int64List(value=[label])
        )
    for name, stored in parts.items():
        features[name] = tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[stored])
        )
    made = tf.train.Example(features=tf.train.Features(feature=features))
    return made.SerializeToString(deterministic=True)


def memory_of(claim: Claim, values: np.ndarray, table: np.ndarray) -> Frequency:
    """Returns the memory with these weights.

    Args:
        claim: what is said of it.
        values: float32 `[classes * instances, kept, channels]`.
        table: int32 `[classes, kept]`.

    Raises:
        ValueError: they are not the weights of such a memory.
    """
    memory = Frequency.with_weights(
        claim.image_shape,
        claim.classes,
        claim.instances,
        claim.settings,
        [values, table],
    )
    memory.check_weights()
    return memory
