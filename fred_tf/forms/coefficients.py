"""What FreD really stores, as TFRecord files: kept coefficients, no images."""

import functools
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf import budget
from fred_tf.disk import claims, files
from fred_tf.forms import facts, frequencies, manifest
from fred_tf.forms.frequencies import SHARD
from fred_tf.forms.memory_form import Held, MemoryForm
from fred_tf.parameterizations import Frequency, rounding
from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import SyntheticSet

BITS = {"int8": 8, "int6": 6, "int4": 4}
STORAGES = ("float32", "float16", *BITS)


class Coefficients(MemoryForm):
    """A memory of frequencies as one TFRecord file with a record per class.

    A record is a `tf.train.Example` of

        label   int64
        table   flat positions of the kept coefficients, `[kept]`, in the
                integer type that the manifest names; of joint channels
                positions in `[height, width, channels]`
        values  `[instances, kept, channels]`: float32, float16, or int8 levels
        scales  bfloat16 `[kept]`: coefficient = value * scale, see
                `rounding.py`; float32 has none
        soft_labels  float32 `[instances, classes]`, where the set has them

    of which all but the label are bytes, compressed by zlib (RFC 1950). Levels
    of 6 and 4 bits take a byte before compression, and its Huffman code makes
    of that less than packed bits would take. `manifest.json` says
    everything else. `examples/decode_coefficients.py` decodes all of it with
    TensorFlow alone. There is one file on purpose: coefficients take a fraction
    of the room of images, and nothing is gained by reading them in parts.

    Args:
        storage: a name in `STORAGES`, float32 keeps every bit; of no matter
            for reading.

    Raises:
        ValueError: `storage` is unknown.
    """

    kind = "coefficients"
    loading = """\
from fred_tf import forms

synthetic_set = forms.read(PATH)"""
    _alone = """\
# Or TensorFlow alone, with a copy of examples/decode_coefficients.py:
from decode_coefficients import images_of

dataset = images_of(PATH)"""

    def __init__(self, storage: str = "float32"):
        check_one_of("storage", storage, STORAGES)
        self.storage = storage
        self.name = self.path = f"coefficients_{storage}"
        self.lossy = storage != "float32"

    def fits(self, decoded, memory):
        return isinstance(memory, Frequency)

    def code(self, decoded, place):
        return frequencies.code(decoded, place, self.loading, self._alone)

    def write(self, decoded, memory, path):
        path = pathlib.Path(path)
        said = {
            **frequencies.described(decoded, memory, self.storage),
            **frequencies.told(decoded, memory),
        }
        classes = list(_classes(decoded, memory, self.storage))
        self.check_replaceable(path)
        with files.replacing_folder(path) as temporary:
            shard = temporary / SHARD
            with tf.io.TFRecordWriter(os.fspath(shard)) as writer:
                for label, parts in enumerate(classes):
                    packed = {
                        name: frequencies.deflated(array.tobytes())
                        for name, array in parts.items()
                    }
                    writer.write(frequencies.example(packed, label))
            frequencies.check_written(decoded, files.size(shard))
            manifest.write(
                temporary,
                self.kind,
                {SHARD: memory.classes},
                storage=self.storage,
                table_type=_table_type(memory.spectrum_shape),
                **said,
            )
        return path

    def held(self, path):
        said = manifest.verify(path, self.kind)
        with facts.believed(path):
            if SHARD not in said["files"]:
                raise ValueError(f"it names no {SHARD}")
            return _held(path / SHARD, said)


def _classes(
    decoded: SyntheticSet, memory: Frequency, storage: str
) -> Iterator[dict[str, np.ndarray]]:
    """Yields the arrays of each class, by the names that they are stored by."""
    shape = [memory.classes, memory.instances_per_class]
    values = memory.coefficients()
    levels, scales = _stored(values, storage)
    table_type = _table_type(memory.spectrum_shape)
    arrays = {"table": memory.table.numpy().astype(table_type)}
    arrays["values"] = levels
    if scales is not None:
        arrays["scales"] = scales
    if decoded.soft_labels is not None:
        arrays["soft_labels"] = decoded.soft_labels.reshape(*shape, -1)
    for label in range(memory.classes):
        yield {name: array[label] for name, array in arrays.items()}


def _held(shard: pathlib.Path, said: dict[str, Any]) -> Held:
    """Returns what one file of records holds, with what is said of it."""
    claim = frequencies.claimed(said, shard.stat().st_size)
    classes = [
        _parse(record, said, claim)
        for record in frequencies.records(
            shard, claim.classes, f"{claim.classes} classes"
        )
    ]
    soft_labels = None
    if all("soft_labels" in parts for parts in classes):
        soft_labels = np.concatenate([x["soft_labels"] for x in classes])
    memory = frequencies.memory_of(
        claim,
        np.concatenate([parts["values"] for parts in classes]),
        np.stack([parts["table"] for parts in classes]),
    )
    return Held(memory, said, soft_labels)


def _table_type(spectrum: Sequence[int]) -> str:
    """Returns the integer type of positions in a spectrum of this shape."""
    return "uint16" if budget.positions(spectrum) <= 2**16 else "int32"


def _stored(
    values: tf.Tensor, storage: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns values as stored, and their scales if they have any."""
    if storage == "float32":
        return values.numpy(), None
    if storage == "float16":
        stored, scales = rounding.scale(values, 1.0)
        return stored.numpy().astype(np.float16), scales.numpy()
    levels, scales = rounding.quantize(values, BITS[storage])
    return levels.numpy(), scales.numpy()


def _parse(
    record: bytes, said: dict[str, Any], claim: frequencies.Claim
) -> dict[str, np.ndarray]:
    """Returns the arrays of a class: `table`, `values`, perhaps `soft_labels`.

    Raises:
        ValueError: the record does not hold what the manifest claims.
    """
    features = tf.train.Example.FromString(record).features.feature

    part = functools.partial(frequencies.part, features)
    storage = claims.one_of(said, "storage", STORAGES)
    instances, dimensions, shape = claim.instances, claim.kept, claim.spectrum
    stored_type = "int8" if storage in BITS else storage
    values = part("values", stored_type, instances, dimensions, shape[-1])
    if storage != "float32":
        scales = part("scales", tf.bfloat16.as_numpy_dtype, dimensions)
        values = rounding.dequantize(values[None], scales[None]).numpy()[0]
    table = part("table", _table_type(shape), dimensions).astype(np.int32)
    parts = {"table": table, "values": values.astype(np.float32)}
    if "soft_labels" in features:
        parts["soft_labels"] = frequencies.soft_labels(
            features, claim, np.float32, instances
        )
    return parts
