"""What an expert store holds, told without stopping at what is damaged."""

import dataclasses
from typing import Any

from fred_tf.experts.store import ExpertStore


@dataclasses.dataclass(frozen=True)
class StoredExpert:
    """What `inspect` tells of one trajectory.

    Attributes:
        file: name in the store's folder.
        epochs: epochs stored.
        dtype: how parameters are stored.
        bytes: size of the file; 0 where it is missing.
        facts: what `ExpertStore.append` was told.
        damage: why the trajectory cannot be used, empty if it can.
    """

    file: str
    epochs: int
    dtype: str
    bytes: int
    facts: dict[str, Any]
    damage: str


def inspect(store: ExpertStore, verify: bool = False) -> list[StoredExpert]:
    """Returns what is stored, one entry per trajectory.

    Args:
        store: looked at as it is on disk now.
        verify: whether to read every file and compare its SHA-256; sizes,
            shapes and types are checked anyway.
    """
    experts = []
    for i in range(len(store)):
        path, damage = store.file(i), ""
        try:
            store.load(i, verify)
        except (ValueError, OSError) as error:
            damage = str(error)
        experts.append(
            StoredExpert(
                path.name,
                store.epochs,
                store.dtype,
                path.stat().st_size if path.is_file() else 0,
                store.facts(i),
                damage,
            )
        )
    return experts
