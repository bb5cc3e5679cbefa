"""Exports that claim too much, or name what is not theirs."""

import pathlib
import struct
import zlib
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tests.faults import folders
from tests.faults.folders import COEFFICIENTS, IMAGES, MEMORY
from tests.faults.strangers.forged import (
    Change,
    export,
    json,
    rows,
    text,
    unchanged,
    update,
)


def _names_a_class(values):
    """Lets `features.json` of TFDS name a class of the working folder."""
    features = values["featuresDict"]["features"]
    features["image"]["pythonClassName"] = "evil.Evil"


def _of_shape(*sizes: int):
    def change(values):
        features = values["featuresDict"]["features"]
        shape = features["image"]["tensor"]["shape"]
        shape["dimensions"] = list(map(str, sizes))

    return change


def _shard(path: pathlib.Path) -> pathlib.Path:
    return min(path.glob("*.tfrecord-*"))


def _long_record(path: pathlib.Path) -> None:
    """Lets a record claim 2^62 bytes, with the right check sum of that."""
    length = struct.pack("<Q", 2**62)
    start = length + struct.pack("<I", _masked(length))
    _shard(path).write_bytes(start + _shard(path).read_bytes()[12:])


def _masked(data: bytes) -> int:
    """Returns the CRC-32C of a TFRecord, masked as TensorFlow does."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    crc ^= 0xFFFFFFFF
    return (crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF


def _linked(path: pathlib.Path) -> None:
    folders.links(_shard(path), path.parent / "elsewhere")


def _outside(values: dict[str, Any]) -> None:
    values["files"]["../../config.json"] = {"sha256": ""}


def _metadata(**values: Any) -> Change:
    return json("metadata.json", update(**values))


def _numbers(**values: Any) -> Change:
    """Changes what the metadata tell under `numbers`."""
    return json("metadata.json", lambda said: said["numbers"].update(values))


_NO_DEVIATION = {"name": "standardize", "mean": [0.0], "deviation": [0.0]}
_IMAGES = rows(
    export(IMAGES),
    "images_float32",
    {
        "features.json names a class": json("features.json", _names_a_class),
        "images of no height": json("features.json", _of_shape(0, 8, 1)),
        "a file that is a link": _linked,
        "a manifest of another kind": json(
            "manifest.json", update(kind="coefficients")
        ),
        "a manifest without files": json("manifest.json", update(files={})),
        "a manifest of files outside": json("manifest.json", _outside),
        "an unknown encoding": _metadata(encoding="zip"),
        "more images than there are": _numbers(images=10**9),
        "a number told twice": _metadata(images=10),
        "an unknown normalisation": _metadata(normalization={"name": "evil"}),
        "a deviation of 0": _metadata(normalization=_NO_DEVIATION),
        "a step size in words": _numbers(student_learning_rate="fast"),
        "a step size below 0": _numbers(student_learning_rate=-1.0),
        "floats stored below 0": _numbers(floats_stored=-1),
        "labels without a name": text("label.labels.txt", "0\n1\n"),
    },
    {
        "images of 100000x100000x3": json(
            "features.json", _of_shape(100_000, 100_000, 3)
        ),
        "a record of 2^62 bytes": _long_record,
    },
)


def _claims(**values: Any) -> Change:
    return json("manifest.json", update(**values))


def _transform(values: dict[str, Any]) -> None:
    values["parameterization"]["transform"] = "evil"


def _part(name: str, changed: Callable[[bytes], bytes]) -> Change:
    """Changes a part of every class of an export of coefficients."""

    def change(path):
        shard = str(_shard(path))
        stored = list(tf.data.TFRecordDataset(shard).as_numpy_iterator())
        with tf.io.TFRecordWriter(shard) as writer:
            for record in stored:
                example = tf.train.Example.FromString(record)
                values = example.features.feature[name].bytes_list.value
                part = changed(zlib.decompress(values[0]))
                values[:] = [zlib.compress(part)]
                writer.write(example.SerializeToString())

    return change


_COEFFICIENTS = rows(
    export(COEFFICIENTS),
    "coefficients_float32",
    {
        "a shape in words": _claims(image_shape="8x8x1"),
        "-1 instances": _claims(instances_per_class=-1),
        "an unknown storage": _claims(storage="float99"),
        "names that are a text": _claims(class_names="0123456789"),
        "an unknown transform": json("manifest.json", _transform),
        "a memory without settings": _claims(parameterization=None),
        "a position outside": _part("table", lambda p: p[:-2] + b"\xff\xff"),
        "values that are no numbers": _part(
            "values", lambda p: b"\xff" * len(p)
        ),
        "fewer values than claimed": _part("values", lambda p: p[:-4]),
    },
    {
        "images of 100000x100000": _claims(image_shape=[100_000, 100_000, 1]),
        "a billion instances": _claims(instances_per_class=10**9),
        "more values than claimed": _part("values", lambda p: bytes(10**8)),
    },
)


def _model(before: bytes, after: bytes) -> Change:
    """Changes the settings in a `.keras` file."""

    def change(content):
        assert before in content
        return content.replace(before, after)

    return lambda path: folders.edit_in_zip(path, "config.json", change)


def _cut_weights(path: pathlib.Path) -> None:
    folders.edit_in_zip(path, "model.weights.h5", lambda c: c[:-100])


_MEMORY = rows(
    export(MEMORY, "memory.json"),
    "memory",
    {
        "no zip file": lambda path: path.write_bytes(b"PK\x03\x04"),
        "weights of another size": _cut_weights,
        "a step size of the memory in words": lambda path: folders.edit(
            path.with_suffix(".json"), update(student_learning_rate="fast")
        ),
    },
    {
        "a memory of 20000x20000": _model(b"[8, 8, 1]", b"[20000, 20000, 1]"),
    },
)

UNCHANGED = [
    export(IMAGES)(unchanged),
    export(COEFFICIENTS)(unchanged),
    export(MEMORY, "memory.json")(unchanged),
    # What these name is neither imported nor believed.
    export(MEMORY, "memory.json")(
        _model(b'"module": "keras.layers"', b'"module": "evil"')
    ),
    export(IMAGES)(json("dataset_info.json", update(fileFormat="evil"))),
]
EXPORTS = [*_IMAGES, *_COEFFICIENTS, *_MEMORY]
