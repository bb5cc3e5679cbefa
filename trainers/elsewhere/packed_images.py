"""The real images of packs: where they are, and how they are written."""

import dataclasses
import pathlib

from fred_tf.datasets import Split
from fred_tf.disk import arrays, files
from trainers.elsewhere.runner import images, sealed


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

    Raises:
        ValueError: what is there is damaged, holds other images, or is a link.
    """
    place = f"data/{split.digest[:16]}"
    path = sealed.inside(root, place)
    if not path.exists():
        with files.replacing_folder(path) as folder:
            images.write(folder, split.images, split.labels, most, place)
        return place
    there = images.read(path, place, split.images.nbytes)
    if arrays.digest(*there) != split.digest:
        raise ValueError(
            f"{path} must hold the images of its name. Received: others. "
            "Delete it and pack again."
        )
    return place
