"""Images on their way from where they are to arrays of one shape."""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import (
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any

import numpy as np

from fred_tf import progress, seeds
from fred_tf.datasets import disk_images
from fred_tf.datasets.data_facts import TEST
from fred_tf.datasets.disk_images import CACHE_VARIABLE, Images
from fred_tf.datasets.free_memory import free_memory
from fred_tf.datasets.image_data import Split
from fred_tf.datasets.pictures import Header
from fred_tf.datasets.preparation import Preparation
from fred_tf.disk import paths
from fred_tf.disk.arrays import digest

# Of the memory that is free: images that take more stay on the disk.
MEMORY_SHARE = 0.25
# Where these are, unless `CACHE_VARIABLE` names another folder.
_CACHE = "~/.cache/fred_tf/images"
# Of the images of each class, where a set has no test images.
HELD_BACK = 0.2
# What then stands for the test split, to follow "on".
HELD_BACK_SPLIT = "a held-back fifth of each class of the train split"


@dataclasses.dataclass(frozen=True)
class Raw:
    """A split that is not decoded yet.

    Attributes:
        labels: int `[n]`.
        images: called with ascending rows, yields the image of each,
            `[height, width, channels]` or a volume, or the error that kept it
            from being decoded. Others are not decoded.
        where: what to call the image of a row in messages.
        headers: what each image claims to be, or why it cannot be read.
        place: what to call the split in messages.
        identity: what tells this very split from others, and from itself after
            a change; fit for JSON.
        channels: that all images have where they are not 1 or 3 as `headers`
            say, e.g. 4; None where they are.
        divided: whether images of more than 8 bits are levels of 16 bits,
            divided to lie in [0, 1].
    """

    labels: np.ndarray
    images: Callable[[np.ndarray], Iterator[np.ndarray | ValueError]]
    where: Callable[[int], str]
    headers: Sequence[Header | ValueError]
    place: str
    identity: Mapping[str, Any]
    channels: int | None = None
    divided: bool = False

    @property
    def deep(self) -> bool:
        """Whether an image has more than 8 bits: all become float32."""
        return any(getattr(header, "deep", False) for header in self.headers)

    @property
    def grey(self) -> list[bool]:
        """Of each image that can be read, whether it has one channel."""
        return [h.grey for h in self.headers if isinstance(h, Header)]


@dataclasses.dataclass(frozen=True)
class Found:
    """What a source has, before anything is done to it.

    Attributes:
        train: the training split.
        test: the test split; None where there is none.
        class_names: one per class.
        tested_on: what stands for the test split.
    """

    train: Raw | Split
    test: Raw | Split | None
    class_names: tuple[str, ...]
    tested_on: str = TEST


def of_split(split: Split, place: str) -> Raw:
    """Returns images that are in memory as ones that can be prepared."""
    images = split.images
    channels = images.shape[-1]
    height, width = images.shape[-3:-1]
    header = Header(height, width, channels == 1, images.dtype != np.uint8)
    return Raw(
        split.labels,
        lambda rows: (images[int(row)] for row in rows),
        lambda row: f"image {row} of {place}",
        [header] * len(split),
        place,
        {"images": split.digest},
        None if channels in (1, 3) else channels,
    )


def relabelled(
    raw: Raw, rows: np.ndarray, labels: np.ndarray | None = None
) -> Raw:
    """Returns some rows of a split, perhaps with other labels.

    Args:
        raw: the split.
        rows: which rows, ascending.
        labels: of these rows; None leaves them as they are.
    """
    kept = raw.labels[rows] if labels is None else labels
    return dataclasses.replace(
        raw,
        labels=kept,
        images=lambda asked: raw.images(rows[asked]),
        where=lambda row: raw.where(int(rows[row])),
        headers=[raw.headers[row] for row in rows],
        identity={
            **raw.identity,
            "rows": digest(rows.astype(np.int64), np.asarray(kept, np.int64)),
        },
    )


def only_classes(raw: Raw, places: Sequence[int]) -> Raw:
    """Returns the images of some classes; label i is the class `places[i]`."""
    order = {place: label for label, place in enumerate(places)}
    labels = np.array([order.get(int(label), -1) for label in raw.labels])
    rows = np.flatnonzero(labels >= 0)
    return relabelled(raw, rows, labels[rows])


def parted(raw: Raw, share: float = HELD_BACK) -> tuple[Raw, Raw]:
    """Returns a split in two, a share of each class as the second.

    Which images go where is drawn by a fixed seed: files in the order of their
    names are often bursts of the same thing.

    Raises:
        ValueError: a class has fewer than two images.
    """
    tested = np.zeros(len(raw.labels), bool)
    for label in np.unique(raw.labels):
        rows = np.flatnonzero(raw.labels == label)
        if len(rows) < 2:
            raise ValueError(
                "Where there are no test images, each class must have at least "
                f"two, one of which is held back. Received: {len(rows)}, "
                f"{raw.where(int(rows[0]))}. Add images of that class."
            )
        seed = np.abs(seeds.named(0, "test split", int(label)))
        drawn = np.random.Generator(np.random.Philox(seed)).permutation(rows)
        tested[drawn[: max(1, round(share * len(rows)))]] = True
    return (
        relabelled(raw, np.flatnonzero(~tested)),
        relabelled(raw, np.flatnonzero(tested)),
    )


def without_damaged(
    raw: Raw, preparation: Preparation, faults: list[ValueError]
) -> Raw:
    """Returns what can be prepared, as far as headers tell.

    Args:
        raw: the split.
        preparation: what is to be done to each image.
        faults: takes what is wrong with those that are left out.

    Raises:
        ValueError: an image cannot be read and is not to be left out; is too
            small; or differs in size from the others.
    """
    rows = []
    for row, header in enumerate(raw.headers):
        if isinstance(header, Header):
            preparation.check(header.height, header.width, raw.where(row))
            rows.append(row)
        elif not preparation.skip_corrupt:
            raise header
        else:
            faults.append(header)
    if not rows:
        raise ValueError(
            "A split must hold an image that can be read. Received: "
            f"{raw.place} with {len(raw.headers)} that cannot."
        )
    if not preparation.image_size:
        _check_alike(raw, rows)
    return (
        raw
        if len(rows) == len(raw.headers)
        else relabelled(raw, np.array(rows))
    )


def _check_alike(raw: Raw, rows: Sequence[int]) -> None:
    """Refuses images of many sizes that are not to become of one."""
    sizes = [
        (header.height, header.width)
        for header in raw.headers
        if isinstance(header, Header)
    ]
    for row, size in zip(rows, sizes):
        if size != sizes[0]:
            smallest = min(min(size) for size in sizes)
            raise ValueError(
                "All images must have the same size, unless `image_size` says "
                "to which they are brought. Received: "
                f"{sizes[0][0]} x {sizes[0][1]} in {raw.where(rows[0])} and "
                f"{size[0]} x {size[1]} in {raw.where(row)}. Give e.g. "
                f"--image_size={min(64, smallest)}; the shortest side is "
                f"{smallest}."
            )


def collected(
    raw: Raw,
    preparation: Preparation,
    channels: int | None,
    deep: bool,
    cache_dir: paths.Path | None = None,
    faults: list[ValueError] | None = None,
) -> Split:
    """Decodes and prepares a split, in memory or on the disk.

    Args:
        raw: the split.
        preparation: what is done to each image.
        channels: that all pictures are to have; None leaves them.
        deep: whether all become float32.
        cache_dir: where images go that are too many for memory; None takes the
            environment variable `FRED_TF_CACHE`, or `~/.cache/fred_tf/images`.
        faults: takes what is wrong with images that are left out.

    Raises:
        ValueError: an image cannot be decoded, is too small, or differs in
            size from the others.
    """
    told = [] if faults is None else faults

    def images(row: int) -> Generator[np.ndarray | None, None, None]:
        count = len(raw.labels)
        decoded = raw.images(np.arange(row, count))
        shown = progress.each(decoded, "image", count, row)
        for number, image in enumerate(shown, start=row):
            if isinstance(image, ValueError):
                if not preparation.skip_corrupt:
                    raise image
                told.append(image)
                yield None
                continue
            if image.ndim == 3:
                image = preparation(image, channels, raw.where(number))
            elif preparation.image_size or preparation.colour != "as_is":
                raise ValueError(
                    "`image_size` and `colour` are of pictures; volumes stay "
                    f"as they are. Received: {image.shape} in "
                    f"{raw.where(number)}. Leave them out."
                )
            if deep and image.dtype == np.uint8:
                image = image.astype(np.float32) / np.float32(255)
            yield image

    count = len(raw.labels)
    before = len(told)
    stream, begun = images(0), []
    for image in stream:
        begun.append(image)
        if image is not None:
            break
    first = begun[-1] if begun else None
    if first is None:
        raise ValueError(
            "A split must hold an image that can be decoded. Received: "
            f"{raw.place} with {count} that cannot."
        )
    if count * first.nbytes <= MEMORY_SHARE * free_memory():
        return _in_memory(raw, itertools.chain(begun, stream), first)
    stream.close()
    del told[before:]  # All are read again.
    return _on_disk(raw, preparation, channels, cache_dir, images, first)


def _in_memory(
    raw: Raw, images: Iterable[np.ndarray | None], first: np.ndarray
) -> Split:
    values = np.empty((len(raw.labels), *first.shape), first.dtype)
    members: list[int] = []
    for row, image in enumerate(images):
        if image is None:
            continue
        if image.shape != first.shape:
            raise ValueError(
                "All images must have the same height, width and channels. "
                f"Received: {first.shape} in {raw.where(members[0])} and "
                f"{image.shape} in {raw.where(row)}. Give `--image_size`."
            )
        values[len(members)] = image
        members.append(row)
    return Split(values[: len(members)], raw.labels[members])


def _on_disk(
    raw: Raw,
    preparation: Preparation,
    channels: int | None,
    cache_dir: paths.Path | None,
    images,
    first: np.ndarray,
) -> Split:
    identity = {**raw.identity, **preparation.to_json(), "channels": channels}
    values, left_out = disk_images.kept(
        cache_folder(cache_dir),
        identity,
        len(raw.labels),
        first.shape,
        first.dtype,
        images,
    )
    return Split(values, np.delete(raw.labels, left_out))


def cache_folder(cache_dir: paths.Path | None = None) -> pathlib.Path:
    """Returns the folder of images that are too many for memory."""
    named = cache_dir or os.environ.get(CACHE_VARIABLE) or _CACHE
    return paths.folder(named, "cache_dir" if cache_dir else CACHE_VARIABLE)


def brightest(images: Images) -> float:
    """Returns the greatest value of some images."""
    return float(images.max(tuple(range(images.ndim))))
