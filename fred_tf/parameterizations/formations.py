"""Which patches canvases are cut into, and how each becomes an image."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

DECODES = ("single", "multi", "bound")
# Images of a class that "bound" makes, at most, unless it has more canvases.
BOUND = 128
# Numbers in the matrices that enlarge patches, at most: 1 GiB.
_MOST = 2**27


def formations(
    decode: str, factor: int, axes: int, canvases: int
) -> list[tuple[int, int]]:
    """Returns the formations of a class: how many canvases, and by what.

    Each pair is of canvases that follow one another, and of a factor by which
    all of them are cut; with "multi" the same canvases are in several pairs.

    Args:
        decode: one of `DECODES`, see `MultiFormation`.
        factor: patches along an axis.
        axes: spatial ones.
        canvases: of a class.
    """
    if decode == "single":
        return [(canvases, factor)]
    if decode == "multi":
        return [(canvases, k) for k in range(1, factor + 1)]
    cut, whole, spare = [], canvases, BOUND - canvases
    for k in range(factor, 1, -1):
        more = k**axes - 1  # Images than of a canvas that stays whole.
        count = min(max(spare // more, 0), whole)
        cut.append((count, k))
        whole, spare = whole - count, spare - count * more
    return [pair for pair in (*cut, (whole, 1)) if pair[0]]


def images(decode: str, factor: int, axes: int, canvases: int) -> int:
    """Returns how many images the canvases of a class become."""
    return sum(
        count * k**axes
        for count, k in formations(decode, factor, axes, canvases)
    )


def fewest_canvases(decode: str, factor: int, axes: int, wanted: int) -> int:
    """Returns the fewest canvases of a class that become so many images.

    Raises:
        ValueError: none do.
    """
    one = images(decode, factor, axes, 1)
    if decode == "bound":
        # Beyond the bound, all stay whole.
        tried = range(1, wanted + 1) if wanted <= BOUND else (wanted,)
    else:
        tried = (max(wanted // one, 1),)
    for canvases in tried:
        if images(decode, factor, axes, canvases) == wanted:
            return canvases
    raise ValueError(
        "`instances_per_class` must be what whole canvases become (one is "
        f"{one} images). Received: {wanted}."
    )


def places(
    decode: str, factor: int, axes: int, canvases: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the canvas of each image of a class, and the row of its patch.

    Images are ordered by canvas, then factor, then patch; rows are those of
    `matrices`.
    """
    pairs = formations(decode, factor, axes, canvases)
    first, found = _first_rows(pairs, axes), []
    begin = 0
    for count, k in pairs:
        found += [
            (begin + canvas, first[k] + patch)
            for canvas in range(count)
            for patch in range(k**axes)
        ]
        begin += 0 if decode == "multi" else count
    canvas, row = np.array(sorted(found), np.int32).T
    return canvas, row


def matrices(
    decode: str, factor: int, spatial: Sequence[int], canvases: int
) -> list[np.ndarray]:
    """Returns by axis what each patch is made of: `[row, size, size]`."""
    axes = len(spatial)
    kinds = _first_rows(formations(decode, factor, axes, canvases), axes)
    return [
        np.concatenate(
            [_enlarge(size, k)[positions(k, axes)[:, axis]] for k in kinds]
        )
        for axis, size in enumerate(spatial)
    ]


def check_factor(spatial: Sequence[int], decode: str, factor: int) -> None:
    """Refuses a factor that images cannot be cut by.

    Raises:
        ValueError: it exceeds an axis, leaves a patch nothing but padding, or
            makes too many patches of so large images.
    """
    if factor > min(spatial):
        raise ValueError(
            f"`factor` must not exceed the shortest axis ({min(spatial)}). "
            f"Received: {factor}."
        )
    kinds = [factor] if decode == "single" else range(1, factor + 1)
    patches = sum(k ** len(spatial) for k in kinds)
    if patches * sum(size**2 for size in spatial) > _MOST:
        raise ValueError(
            f"`factor` {factor} makes {patches:,} patches of images "
            f"{list(spatial)}, and their matrices must have at most "
            f"{_MOST:,} numbers. Lower it."
        )
    for k, size in itertools.product(kinds, spatial):
        patch = math.ceil(size / k)
        if (k - 1) * patch >= size:
            raise ValueError(
                "`factor` must leave pixels in every patch of a canvas. "
                f"Received: {k} of {size} pixels, in patches of {patch}. Take "
                "one that divides them."
            )


def padded(
    spatial: Sequence[int], decode: str, factor: int, canvases: int
) -> list[int]:
    """Returns the factors that do not divide every axis."""
    pairs = formations(decode, factor, len(spatial), canvases)
    return sorted({k for _, k in pairs if any(size % k for size in spatial)})


def positions(factor: int, axes: int) -> np.ndarray:
    """Returns the place of each patch along each axis, `[patch, axes]`."""
    return np.indices([factor] * axes).reshape(axes, -1).T


def _first_rows(pairs: list[tuple[int, int]], axes: int) -> dict[int, int]:
    """Returns the row of the first patch of each factor, the lowest first."""
    kinds = sorted({k for _, k in pairs})
    sizes = [k**axes for k in kinds]
    return dict(zip(kinds, itertools.accumulate([0, *sizes])))


def _enlarge(size: int, factor: int) -> np.ndarray:
    """Returns the matrices that enlarge the patches of one axis.

    Output pixel j looks at (j + 1/2) / factor - 1/2 of its patch, clamped to
    its pixels, and takes the two nearest (bilinear, corners not aligned).

    Returns:
        `[factor, size, size]`: patch, output pixel, canvas pixel. What lies
        in the padding is left out.
    """
    patch = math.ceil(size / factor)
    source = (np.arange(size) + 0.5) * patch / size - 0.5
    source = np.clip(source, 0, patch - 1)
    below = np.floor(source).astype(int)
    above = np.minimum(below + 1, patch - 1)
    enlarging = np.zeros((factor, size, factor * patch))
    rows = np.arange(size)
    for place in range(factor):
        begin = place * patch
        enlarging[place, rows, begin + below] += 1 - (source - below)
        enlarging[place, rows, begin + above] += source - below
    return enlarging[:, :, :size]
