"""Reads a frequency-native export with TensorFlow alone; copy it freely.

    python examples/decode_coefficients.py runs/cifar10/export/coefficients_int8

`images_of` is all that is needed: the records keep, per class, the positions
and the values of a few DCT coefficients; the rest of each spectrum is zero.
`checked` makes sure that no bit of them has changed, and no record is missing.
NumPy comes with TensorFlow.

Tables and values are those of fred_tf bit for bit. Images agree with its own to
rounding, a few 1e-6: it multiplies by matrices where this calls `tf.signal`.
"""

import hashlib
import itertools
import json
import math
import pathlib
import struct
import sys
import zlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

# Of a class's images, at most: a file of others may claim any number.
MOST_VALUES = 2**26


def checked(
    folder: pathlib.Path, kind: str = "coefficients"
) -> tuple[dict, dict[str, bytes]]:
    """Returns what the manifest says, and undamaged files by name."""
    path = folder / "manifest.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    claimed = facts.get("kind"), facts.get("format_version")
    if claimed != (kind, 4):
        raise ValueError(f"{path} is not of {kind}, version 4: {claimed}.")
    own = facts.pop("sha256", "")
    if digest(json.dumps(facts, sort_keys=True).encode()) != own:
        raise ValueError(f"{path} is not as it was written.")
    contents = {}
    for name, entry in facts["files"].items():
        path = folder / name
        inside = pathlib.PurePath(name).name == name and not path.is_symlink()
        if not inside or (path.exists() and not path.is_file()):
            raise ValueError(f"{name!r} is no plain file of {folder}.")
        contents[name] = path.read_bytes()
        if digest(contents[name]) != entry["sha256"]:
            fault = "it has changed"
            if "records" in entry:
                fault = damage(path, entry["records"])
            raise ValueError(f"{path} is not as it was written: {fault}.")
    return facts, contents


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def frames(content: bytes) -> Iterator[bytes]:
    """Yields the records of a TFRecord file, as long as they are whole.

    Each stands between its length with a checksum, and another checksum.
    """
    place = 0
    while place + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        start, place = place + 12, place + 12 + length + 4
        if place <= len(content):
            yield content[start : start + length]


def damage(path: pathlib.Path, records: int) -> str:
    """Says which record of a file, counted from 0, cannot be read."""
    # TensorFlow would believe any length.
    whole = sum(1 for _ in frames(path.read_bytes()))
    count = 0
    try:
        for _ in tf.data.TFRecordDataset(str(path)).take(whole):
            count += 1
    except tf.errors.DataLossError:
        return f"record {count} of {records} is damaged"
    readable = f"{count} whole records of {records}"
    return f"{readable}, of another checksum than the manifest's"


def inflated(part, name: str, dtype, *shape: int) -> np.ndarray:
    """Returns an array; a few bytes may stand for many more than it has."""
    packed = part[name].bytes_list.value[0]
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = zlib.decompressobj().decompress(packed, size + 1)
    if len(raw) != size:
        raise ValueError(f"{name} {shape} must take {size} bytes.")
    return np.frombuffer(raw, dtype).reshape(shape)


def records_of(folder) -> tuple[dict, tf.data.Dataset]:
    """Returns the manifest, and a stream of `(label, table, values)` by class.

    The table has the flat positions of the kept coefficients, int32 `[kept]`;
    their values are float32 `[instances, kept, channels]`.
    """
    facts, contents = checked(pathlib.Path(folder))
    *_, channels = spectrum_of(facts)
    kept = facts["parameterization"]["coefficients_per_channel"]
    kept *= facts["image_shape"][-1] // channels
    instances, storage = facts["instances_per_class"], facts["storage"]
    if not 1 <= instances * math.prod(facts["image_shape"]) <= MOST_VALUES:
        raise ValueError(
            f"A class has up to {MOST_VALUES} values, not {instances} images "
            f"{facts['image_shape']}."
        )
    dtype = "int8" if storage.startswith("int") else storage

    def parsed() -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        for record in itertools.chain(*map(frames, contents.values())):
            part = tf.train.Example.FromString(record).features.feature
            table = inflated(part, "table", facts["table_type"], kept)
            values = inflated(part, "values", dtype, instances, kept, channels)
            values = values.astype("float32")
            if storage != "float32":  # A bfloat16 is the half of a float32.
                scales = inflated(part, "scales", "uint16", kept)
                wide = scales.astype("uint32") << 16
                values *= wide.view("float32")[:, None]
            label = part["label"].int64_list.value[0]
            yield label, table.astype("int32"), values

    return facts, tf.data.Dataset.from_generator(
        parsed,
        output_signature=(
            tf.TensorSpec([], tf.int64),
            tf.TensorSpec([kept], tf.int32),
            tf.TensorSpec([instances, kept, channels], tf.float32),
        ),
    )


def spectrum_of(facts: dict) -> list[int]:
    """Returns what is transformed; joint channels are one of its axes."""
    joint = facts["parameterization"].get("channels") == "joint"
    return [*facts["image_shape"], 1] if joint else facts["image_shape"]


def images_from(
    facts: dict, folder, records: tf.data.Dataset
) -> tf.data.Dataset:
    """Streams `(image, label)` of the records of a folder."""
    *spatial, channels = spectrum_of(facts)
    transform = facts["parameterization"]["transform"]
    if transform != "dct":
        raise ValueError(
            f"Only `dct` is decoded here. Received: {transform!r} in {folder}. "
            "Read it with `fred_tf.forms.read`, or load the "
            "`saved_model/1` of the same export."
        )
    ortho = facts["parameterization"]["norm"] == "ortho"
    instances = facts["instances_per_class"]

    def decode(label, table, values):
        # Positions first, so that one index moves a whole slice.
        planes = tf.scatter_nd(
            table[:, None],
            tf.transpose(values, [1, 0, 2]),
            [int(tf.reduce_prod(spatial)), instances, channels],
        )
        images = tf.reshape(planes, [*spatial, instances, channels])
        for size in spatial:  # Inverts the first axis, moves it to the end.
            images = tf.transpose(images, [*range(1, images.shape.rank), 0])
            images = tf.signal.idct(images, norm="ortho" if ortho else None)
            images /= 1 if ortho else 2 * size
        # Now [instances, channels, *spatial].
        order = [0, *range(2, images.shape.rank), 1]
        images = tf.transpose(images, order)
        images = tf.reshape(images, [instances, *facts["image_shape"]])
        return images, tf.repeat(label, instances)

    return records.map(decode).unbatch()


def images_of(folder) -> tf.data.Dataset:
    """Streams `(image, label)`: normalised float32 images, class by class."""
    facts, records = records_of(folder)
    return images_from(facts, folder, records)


if __name__ == "__main__":
    for image, label in images_of(sys.argv[1]).take(3):
        print(int(label), image.shape, float(tf.math.reduce_std(image)))
