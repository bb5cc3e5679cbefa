"""The real images of packs: where they are, and how they are written."""

import dataclasses
import pathlib

from fred_tf.datasets import Split
from fred_tf.datasets.data_facts import digest
from fred_tf.disk import files
from trainers.elsewhere.runner import images


@dataclasses.dataclass(frozen=True)
class Shared:
    """Where a pack keeps what others have, too: real images, and experts.

    Attributes:
        folder: that of all packs; None for a pack that stands alone.
        part_bytes: of a file of images, at most.
    """

    folder: pathlib.Path | None = None
    part_bytes: int = 48 << 20


def write(
    root: pathlib.Path, split: Split, most: int = Shared.part_bytes
) -> str:
    """Writes a split, unless another pack has, and returns its place.

    Args:
        root: the folder that the packs share.
        split: the images.
        most: bytes of a file, at most.
    """
    place = f"data/{digest(split.images, split.labels)[:16]}"
    if not (root / place).exists():
        with files.replacing_folder(root / place) as folder:
            images.write(folder, split.images, split.labels, most)
    return place
