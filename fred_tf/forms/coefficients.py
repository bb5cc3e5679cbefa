"""What FreD really stores, as TFRecord files: kept coefficients, no images."""

import math
import os
import pathlib
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf import budget, normalizations
from fred_tf.disk import files, records
from fred_tf.forms import manifest
from fred_tf.forms.provenance import provenance, purpose
from fred_tf.parameterizations import Frequency, rounding
from fred_tf.parameterizations.frequency import mask_size, spectrum_shape
from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import SyntheticSet

KIND = "coefficients"
BITS = {"int8": 8, "int6": 6, "int4": 4}
STORAGES = ("float32", "float16", *BITS)

_SHARD = "coefficients.tfrecord-00000-of-00001"


def write_coefficients(
    memory: Frequency,
    settings: Frequency.Settings,
    described: SyntheticSet,
    folder: files.Path,
    storage: str = "float32",
) -> pathlib.Path:
    """Writes a memory as one TFRecord file with a record per class.

    A record is a `tf.train.Example` of

        label   int64
        table   flat positions of the kept coefficients, `[kept]`, in the
                integer type that the manifest names; of joint channels
                positions in `[height, width, channels]`
        values  `[instances, kept, channels]`: float32, float16, or int8 levels
        scales  bfloat16 `[kept]`: coefficient = value * scale, see
                `rounding.py`; float32 has none

    of which all but the label are bytes, compressed by zlib (RFC 1950). Levels
    of 6 and 4 bits take a byte before compression, and its Huffman code makes
    of that less than packed bits would take. `manifest.json` says
    everything else. `examples/decode_coefficients.py` decodes all of it with
    TensorFlow alone. There is one file on purpose: coefficients take a fraction
    of the room of images, and nothing is gained by reading them in parts.

    Args:
        memory: what is stored.
        settings: what the memory was made from.
        described: its decoded set; all but its images is stored.
        folder: replaced as a whole if it is an earlier export.
        storage: a name in `STORAGES`. float32 keeps every bit.

    Returns:
        `folder`.

    Raises:
        ValueError: `storage` is unknown.
        FileExistsError: `folder` exists and is no earlier export.
    """
    folder = pathlib.Path(folder)
    check_one_of("storage", storage, STORAGES)
    by_class = tf.reshape(
        memory.values.value,
        [memory.classes, memory.instances_per_class, *memory.values.shape[1:]],
    )
    if memory.bits:  # The images are those of the rounded values.
        by_class = rounding.dequantize(
            *rounding.quantize(by_class, memory.bits)
        )
    values, scales = _stored(by_class, storage)
    table_type = _table_type(memory.spectrum_shape)
    table = memory.table.numpy().astype(table_type)
    manifest.check_replaceable(folder)
    with files.replacing_folder(folder) as temporary:
        path = temporary / _SHARD
        with tf.io.TFRecordWriter(os.fspath(path)) as writer:
            for label in range(memory.classes):
                parts = {"table": table[label], "values": values[label]}
                if scales is not None:
                    parts["scales"] = scales[label]
                writer.write(_example(label, parts))
        manifest.write(
            temporary,
            KIND,
            {_SHARD: memory.classes},
            storage=storage,
            table_type=table_type,
            image_shape=list(memory.image_shape),
            instances_per_class=memory.instances_per_class,
            parameterization=records.plain(settings.arguments("bits")),
            description=(
                f"{purpose(described)} Stored are, for each image"
                f"{'' if memory.channels == 'joint' else ' and channel'}, "
                f"{memory.mask_size} coefficients of the "
                f"transform {settings.transform!r} as {storage}, and for each "
                "class their positions. Decoded images are normalised and may "
                "leave the range of real ones: pixels in [0, 1] units are "
                "image * deviation + mean, both in `normalization`."
            ),
            **provenance(described),
            **_facts(described),
        )
    return folder


def read_coefficients(folder: files.Path) -> SyntheticSet:
    """Decodes what `write_coefficients` wrote, after checking every byte.

    Raises:
        FileNotFoundError: there is no export at `folder`.
        ValueError: see `manifest.verify`; or the records are not as the
            manifest describes them.
    """
    folder = pathlib.Path(folder)
    facts = manifest.verify(folder, KIND)
    try:
        return _decoded(folder / _SHARD, facts)
    except (
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        zlib.error,
    ) as error:
        raise ValueError(
            f"Records of an export must be as its {manifest.NAME} describes "
            f"them. Received: {folder}, where {type(error).__name__}: {error}. "
            "Write it again with `python -m export`, or get it from a source "
            "that you trust."
        ) from error


def _decoded(shard: pathlib.Path, facts: dict[str, Any]) -> SyntheticSet:
    """Returns the set of one file of records, with what is said of it."""
    settings = Frequency.Settings(**facts["parameterization"])
    classes = [
        _parse(record.numpy(), facts, settings)
        for record in tf.data.TFRecordDataset(os.fspath(shard))
    ]
    if len(classes) != len(facts["class_names"]):
        raise ValueError(
            f"{len(classes)} records are of {len(facts['class_names'])} classes"
        )
    # By now the records have borne out the sizes that the manifest claims.
    memory = Frequency(
        facts["image_shape"],
        len(classes),
        facts["instances_per_class"],
        transform=settings.make_transform(),
        **settings.arguments("transform", "norm"),
    )
    memory.table.assign(np.stack([table for table, _ in classes]))
    memory.values.assign(np.concatenate([values for _, values in classes]))
    return SyntheticSet(
        images=memory.decode().numpy(),
        labels=memory.labels,
        class_names=tuple(facts["class_names"]),
        normalization=normalizations.from_config(facts["normalization"]),
        dataset=facts["dataset"],
        floats_stored=facts["floats_stored"],
        student_learning_rate=facts["student_learning_rate"],
        details=facts["details"],
    )


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


def _example(label: int, parts: dict[str, np.ndarray]) -> bytes:
    features = {
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        **{
            name: tf.train.Feature(
                bytes_list=tf.train.BytesList(value=[_deflated(part.tobytes())])
            )
            for name, part in parts.items()
        },
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _deflated(raw: bytes) -> bytes:
    """Returns zlib's shorter form: levels repeat in frequency, not in runs."""
    forms = []
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY):
        packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, strategy)
        forms.append(packer.compress(raw) + packer.flush())
    return min(forms, key=len)


def _parse(
    record: bytes, facts: dict[str, Any], settings: Frequency.Settings
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the table `[kept]` and the values of a class.

    Raises:
        ValueError: the record does not hold what the manifest claims.
    """
    features = tf.train.Example.FromString(record).features.feature

    def part(name: str, dtype, *shape: int) -> np.ndarray:
        stored = features[name].bytes_list.value[0]
        size = math.prod(shape) * np.dtype(dtype).itemsize
        # Unpacks no more than is claimed; a few bytes may unpack to many.
        raw = zlib.decompressobj().decompress(stored, size + 1)
        if len(raw) != size:
            raise ValueError(f"{name} {shape} must take {size} bytes")
        return np.frombuffer(raw, dtype).reshape(shape)

    storage, channels = facts["storage"], settings.channels
    kept = mask_size(
        facts["image_shape"], channels, settings.coefficients_per_channel
    )
    shape = spectrum_shape(facts["image_shape"], channels)
    check_one_of("storage", storage, STORAGES)
    values = part(
        "values",
        "int8" if storage in BITS else storage,
        facts["instances_per_class"],
        kept,
        shape[-1],
    )
    if storage != "float32":
        scales = part("scales", tf.bfloat16.as_numpy_dtype, kept)
        values = rounding.dequantize(values[None], scales[None]).numpy()[0]
    table = part("table", _table_type(shape), kept).astype(np.int32)
    if table.min() < 0 or table.max() >= budget.positions(shape):
        raise ValueError(f"a position lies outside a spectrum {shape}")
    return table, values.astype(np.float32)


def _facts(described: SyntheticSet) -> dict[str, Any]:
    rate = described.student_learning_rate
    return records.plain(
        {
            "dataset": described.dataset,
            "class_names": described.class_names,
            "normalization": described.normalization.get_config(),
            "floats_stored": int(described.floats_stored),
            "student_learning_rate": None if rate is None else float(rate),
            "details": dict(described.details),
        }
    )
