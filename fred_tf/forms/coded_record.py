"""The record of entropy-coded levels: its parts from a memory, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fred_tf import budget
from fred_tf.coding import coder, entropy_model
from fred_tf.disk import claims
from fred_tf.forms import frequencies
from fred_tf.forms.frequencies import Claim


def parts_of(
    levels: np.ndarray, table: np.ndarray, positions: int
) -> dict[str, bytes]:
    """Returns the bytes of levels, and of all that they are read by.

    Args:
        levels: int32 `[classes * kept * channels, instances]`, see `rows_of`.
        table: which positions each class keeps, `[classes, kept]`.
        positions: of a spectrum.
    """
    largest = largest_of(levels)
    keys = keys_of(table, len(levels) // table.size)
    _, of = np.unique(keys, return_inverse=True)
    spreads = entropy_model.fitted(levels, of)
    order, runs = _order(keys, spreads[of])
    ordered = levels[order] + largest
    stream = coder.encode(
        [ordered[first:last].ravel() for first, last, _ in runs],
        [entropy_model.probabilities(index, largest) for _, _, index in runs],
    )
    masks = np.zeros((positions, len(table)), bool)
    for label, of_class in enumerate(table):
        masks[of_class, label] = True
    return {
        "masks": frequencies.deflated(np.packbits(masks).tobytes()),
        "spreads": frequencies.deflated(spreads.tobytes()),
        "levels": stream,
    }


def largest_of(levels: np.ndarray) -> int:
    """Returns the magnitude by which levels are coded, at least 1."""
    return max(1, int(np.abs(levels).max()))


def rows_of(
    values: np.ndarray, table: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns coefficients or levels in rows, and of which frequency each is.

    The same frequency of another channel is another one.

    Args:
        values: `[classes, instances, kept, channels]`.
        table: which positions each class keeps, `[classes, kept]`.

    Returns:
        `[classes * kept * channels, instances]`; and a number from 0 for each
        row, in the order of positions and channels.
    """
    keys = keys_of(table, values.shape[-1])
    rows = values.transpose(0, 2, 3, 1).reshape(len(keys), -1)
    return rows, np.unique(keys, return_inverse=True)[1]


def keys_of(table: np.ndarray, channels: int) -> np.ndarray:
    """Returns what each row of levels is of: its position, then its channel.

    Args:
        table: `[classes, kept]`.
        channels: of a spectrum.

    Returns:
        int64 `[classes * kept * channels]`.
    """
    wide = table[..., None].astype(np.int64) * channels
    return (wide + np.arange(channels)).ravel()


def _order(
    keys: np.ndarray, spreads: np.ndarray
) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """Returns in which order rows are coded, and the runs of equal spread.

    Args:
        keys: of each row.
        spreads: index of each row's.

    Returns:
        Numbers of rows, and for each run where in them it begins and ends, and
        the index of its spread.
    """
    order = np.lexsort((keys, spreads))
    indices, starts = np.unique(spreads[order], return_index=True)
    ends = [*starts[1:], len(order)]
    return order, [
        (int(first), int(last), int(index))
        for first, last, index in zip(starts, ends, indices)
    ]


def table_of(features: Mapping[str, Any], claim: Claim) -> np.ndarray:
    """Returns the positions that each class keeps, int32 `[classes, kept]`.

    Raises:
        ValueError: a class keeps more or fewer than are claimed.
    """
    places = budget.positions(claim.spectrum)
    bits = places * claim.classes
    packed = frequencies.part(features, "masks", np.uint8, -(-bits // 8))
    masks = np.unpackbits(packed, count=bits).reshape(places, claim.classes)
    if np.any(masks.sum(0, dtype=np.int64) != claim.kept):
        raise ValueError(f"every class must keep {claim.kept} positions")
    _, positions = np.nonzero(masks.T)
    return positions.astype(np.int32).reshape(claim.classes, claim.kept)


def levels_of(
    features: Mapping[str, Any],
    claim: Claim,
    table: np.ndarray,
    said: Mapping[str, Any],
) -> np.ndarray:
    """Returns the levels, int32 `[classes, instances, kept, channels]`.

    Raises:
        ValueError: the stream is not one of so many levels.
    """
    largest = claims.integer(said, "largest_level", 1, entropy_model.MOST_LEVEL)
    channels = claim.spectrum[-1]
    keys = keys_of(table, channels)
    models, of = np.unique(keys, return_inverse=True)
    spreads = frequencies.part(features, "spreads", np.uint8, len(models))
    if spreads.max() >= entropy_model.SPREADS:
        raise ValueError(
            f"spreads must be below {entropy_model.SPREADS}, not "
            f"{spreads.max()}"
        )
    order, runs = _order(keys, spreads[of])
    decoded = coder.decode(
        features["levels"].bytes_list.value[0],
        [(last - first) * claim.instances for first, last, _ in runs],
        [entropy_model.probabilities(index, largest) for _, _, index in runs],
    )
    rows = np.empty((len(keys), claim.instances), np.int32)
    rows[order] = np.concatenate(decoded).reshape(rows.shape) - largest
    by_class = rows.reshape(*table.shape, channels, claim.instances)
    return by_class.transpose(0, 3, 1, 2)
