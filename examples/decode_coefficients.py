"""Reads a frequency-native export with TensorFlow alone; copy it freely.

    python examples/decode_coefficients.py runs/cifar10/export/coefficients_int8

`images_of` is all that is needed: the records keep, per class, the positions
and the values of a few DCT coefficients; the rest of each spectrum is zero.
`checked` makes sure that no bit of them has changed, and no record is missing.

Tables and values are those of fred_tf bit for bit. Images agree with its own to
rounding, a few 1e-6: it multiplies by matrices where this calls `tf.signal`.
"""

import hashlib
import json
import pathlib
import sys

import tensorflow as tf


def checked(folder: pathlib.Path) -> tuple[dict, list[str]]:
    """Returns what the manifest says, and the files of records, undamaged."""
    path = folder / "manifest.json"
    facts = json.loads(path.read_text())
    claimed = facts.get("kind"), facts.get("format_version")
    if claimed != ("coefficients", 4):
        raise ValueError(
            f"{path} is not of coefficients, version 4: {claimed}."
        )
    own = facts.pop("sha256", "")
    if digest(json.dumps(facts, sort_keys=True).encode()) != own:
        raise ValueError(f"{path} is not as it was written.")
    files = {folder / name: entry for name, entry in facts["files"].items()}
    for path, entry in files.items():
        if digest(path.read_bytes()) != entry["sha256"]:
            fault = damage(str(path), entry["records"])
            raise ValueError(f"{path} is not as it was written: {fault}.")
    return facts, [str(path) for path in files]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def damage(path: str, records: int) -> str:
    """Says which record of a file, counted from 0, cannot be read."""
    count = 0
    try:
        for _ in tf.data.TFRecordDataset(path):
            count += 1
    except tf.errors.DataLossError:
        return f"record {count} of {records} is damaged"
    readable = f"{count} whole records of {records}"
    return f"{readable}, of another checksum than the manifest's"


def records_of(folder) -> tuple[dict, tf.data.Dataset]:
    """Returns the manifest, and a stream of `(label, table, values)` by class.

    The table has the flat positions of the kept coefficients, int32 `[kept]`;
    their values are float32 `[instances, kept, channels]`.
    """
    facts, files = checked(pathlib.Path(folder))
    *_, channels = spectrum_of(facts)
    dimensions = facts["parameterization"]["coefficients_per_channel"]
    dimensions *= facts["image_shape"][-1] // channels
    instances = facts["instances_per_class"]
    storage = facts["storage"]
    dtype = tf.int8 if storage.startswith("int") else tf.as_dtype(storage)
    scaled = storage != "float32"
    names = ["table", "values", *(["scales"] if scaled else [])]
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in names}
    spec["label"] = tf.io.FixedLenFeature([], tf.int64)

    def parse(record):
        part = tf.io.parse_single_example(record, spec)
        raw = {n: tf.io.decode_compressed(part[n], "ZLIB") for n in names}
        values = tf.cast(tf.io.decode_raw(raw["values"], dtype), tf.float32)
        values = tf.reshape(values, [instances, dimensions, channels])
        if scaled:
            scales = tf.io.decode_raw(raw["scales"], tf.uint16)
            scales = tf.cast(tf.bitcast(scales, tf.bfloat16), tf.float32)
            values *= scales[:, None]
        table = tf.io.decode_raw(raw["table"], tf.as_dtype(facts["table_type"]))
        return part["label"], tf.cast(table, tf.int32), values

    return facts, tf.data.TFRecordDataset(files).map(parse)


def spectrum_of(facts: dict) -> list[int]:
    """Returns what is transformed; joint channels are one of its axes."""
    joint = facts["parameterization"].get("channels") == "joint"
    return [*facts["image_shape"], 1] if joint else facts["image_shape"]


def images_of(folder) -> tf.data.Dataset:
    """Streams `(image, label)`: normalised float32 images, class by class."""
    facts, records = records_of(folder)
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


if __name__ == "__main__":
    for image, label in images_of(sys.argv[1]).take(3):
        print(int(label), image.shape, float(tf.math.reduce_std(image)))
