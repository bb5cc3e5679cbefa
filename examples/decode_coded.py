"""Reads an entropy-coded export with TensorFlow alone; copy it freely.

    python examples/decode_coded.py runs/cifar10/export/coefficients_coded

It lies beside `decode_coefficients.py`, which checks the files and transforms
what is decoded. Here a page of Python undoes the entropy coder: integers only,
so that every machine reads the same. A million coefficients take a second; the
package `constriction` reads the same stream a hundred times faster.
"""

import bisect
import gzip
import io
import itertools
import json
import math
import pathlib
import sys
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from decode_coefficients import (
    MOST_VALUES,
    checked,
    frames,
    images_from,
    inflated,
    spectrum_of,
)

# Bytes of the facts, at most.
MOST_FACTS = 2**24
# Sum of the probabilities of a table; states are below 2^64, words are of 32.
WHOLE, WORD = 2**24, 2**32


def probabilities(index: int, largest: int) -> list[int]:
    """Returns how likely levels from -largest to largest are, in 2^-24."""
    spread = (128, 181)[index % 2] << index // 2
    levels = range(-largest, largest + 1)
    ratios = [(spread << 16) // (spread + (k * k << 13)) for k in levels]
    weights = [(ratio * ratio >> 16) ** 2 for ratio in ratios]
    free, total = WHOLE - len(weights), sum(weights)
    table = [1 + weight * free // total for weight in weights]
    table[largest] += WHOLE - sum(table)
    return table


def symbols(stream: bytes, runs: list[tuple[int, list[int]]]) -> Iterator[int]:
    """Yields the symbols of a stream, then 1.

    Args:
        stream: words of 32 bits, little-endian; the last is read first.
        runs: how many symbols have which table of probabilities.
    """
    words = np.frombuffer(stream, "<u4").tolist()
    if words[-1:] == [0]:
        raise ValueError("A stream does not begin with zeros.")
    state, symbol = 0, 0
    # After the last comes a rare one, by which its end is known.
    for count, table in [*runs, (1, [WHOLE - 1, 1])]:
        starts = [0, *itertools.accumulate(table)]
        for _ in range(count):
            while state < WORD and words:
                state = state * WORD + words.pop()
            place = state % WHOLE
            symbol = bisect.bisect_right(starts, place) - 1
            yield symbol
            state = table[symbol] * (state // WHOLE) + place - starts[symbol]
    if state or words or not symbol:
        raise ValueError("The stream does not end with its last symbol.")


def facts_of(packed: bytes) -> dict:
    """Returns what an export says; a few bytes may stand for many more."""
    with gzip.open(io.BytesIO(packed)) as file:
        text = file.read(MOST_FACTS + 1)
    if len(text) > MOST_FACTS:
        raise ValueError(f"Facts have up to {MOST_FACTS} bytes.")
    return json.loads(text)


def records_of(folder) -> tuple[dict, tf.data.Dataset]:
    """Returns the facts, and a stream of `(label, table, values)` by class.

    The table has the flat positions of the kept coefficients, int32 `[kept]`;
    their values are float32 `[instances, kept, channels]`.
    """
    manifest, contents = checked(pathlib.Path(folder), "coefficients_coded")
    # They differ in learned labels, which are left out here, and in scales.
    if manifest["coding"] not in (1, 2, 3):
        raise ValueError(f"{folder} is of coding {manifest['coding']}, not 3.")
    facts = facts_of(contents["facts.json.gz"])
    classes, instances = len(facts["class_names"]), facts["instances_per_class"]
    size = (
        classes * instances * int(np.prod(facts["image_shape"], dtype=object))
    )
    if not 1 <= size <= MOST_VALUES:
        raise ValueError(f"Images have up to {MOST_VALUES} values, not {size}.")
    *spatial, channels = spectrum_of(facts)
    (record,) = frames(contents["coefficients.tfrecord-00000-of-00001"])
    part = tf.train.Example.FromString(record).features.feature
    positions = math.prod(spatial)
    bits = positions * classes
    masks = inflated(part, "masks", "uint8", -(-bits // 8))
    masks = np.unpackbits(masks, count=bits).reshape(positions, classes)
    table = np.stack([np.flatnonzero(mask) for mask in masks.T])
    kept = np.flatnonzero(masks.any(axis=1))
    spreads = np.zeros((positions, channels), int)
    spreads[kept] = inflated(part, "spreads", "uint8", len(kept), channels)

    # Coded by spread, position, channel and class, a row of levels each.
    rows = sorted(
        (spreads[position, channel], position, channel, label, place)
        for label, of_class in enumerate(table)
        for place, position in enumerate(of_class)
        for channel in range(channels)
    )
    largest = facts["largest_level"]
    runs = [
        (len(list(run)) * instances, probabilities(index, largest))
        for index, run in itertools.groupby(int(row[0]) for row in rows)
    ]
    stream = part["levels"].bytes_list.value[0]
    *found, _ = symbols(stream, runs)
    found = np.float32(found) - largest
    levels = np.empty((classes, instances, *table.shape[1:], channels), "f4")
    for (*_, channel, label, place), row in zip(
        rows, found.reshape(len(rows), instances)
    ):
        levels[label, :, place, channel] = row

    # Each colour may have a step of its own.
    colours = facts["image_shape"][-1]
    scales = facts.get("channel_scales", [1] * colours)
    if len(scales) != colours or not 0.25 <= min(scales) <= max(scales) <= 4:
        raise ValueError(f"Each colour has a scale from 0.25 to 4: {scales}.")
    places = table[..., None] * channels + np.arange(channels)
    levels *= np.float32(scales)[places % len(scales)][:, None]
    # The channels of a coefficient were transformed, too.
    levels = tf.signal.idct(levels, norm="ortho") if channels > 1 else levels
    widths = facts["step"] * units(facts, spatial)[table]
    values = levels * widths.astype("float32")[:, None, :, None]
    return facts, tf.data.Dataset.from_tensor_slices(
        (np.arange(classes), table.astype("int32"), values)
    )


def units(facts: dict, spatial: list[int]) -> np.ndarray:
    """Returns what one orthonormal unit is at each position of the DCT."""
    whole = np.ones(spatial)
    if facts["parameterization"]["norm"] != "ortho":
        for axis, size in enumerate(spatial):
            along = np.sqrt(2 * size * (1 + (np.arange(size) == 0)))
            whole *= along.reshape(-1, *[1] * (len(spatial) - axis - 1))
    return whole.ravel()


def images_of(folder) -> tf.data.Dataset:
    """Streams `(image, label)`: normalised float32 images, class by class."""
    facts, records = records_of(folder)
    return images_from(facts, folder, records)


if __name__ == "__main__":
    for image, label in images_of(sys.argv[1]).take(3):
        print(int(label), image.shape, float(tf.math.reduce_std(image)))
