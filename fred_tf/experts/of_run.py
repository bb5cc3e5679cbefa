"""The experts of a run: opened, and to its end those it began with.

A store may grow, or be exchanged for another of the same settings. A run that
went on with what it holds by then would end as no run does that is made at
once.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from fred_tf.disk import claims, files, records
from fred_tf.experts.store import ExpertStore

NAME = "experts.json"
_KIND = "experts of a run"


def opened(
    experts: files.Path | ExpertStore, expected: Mapping[str, Any]
) -> ExpertStore:
    """Returns a store to read from.

    Args:
        experts: the store, taken as it is, or its folder.
        expected: of the folder, see `ExpertStore.open`.
    """
    if isinstance(experts, ExpertStore):
        return experts
    return ExpertStore.open(experts, expected)


def kept(store: ExpertStore, run_dir: files.Path, begun: bool) -> ExpertStore:
    """Returns those experts of a store that a run began with, in their order.

    Args:
        store: holds them, and perhaps others by now.
        run_dir: of the run; states them, unless an earlier version began it.
        begun: whether anything has been made of them. Otherwise it begins with
            all that the store holds.

    Raises:
        ValueError: the store lacks some of them.
    """
    path = pathlib.Path(run_dir) / NAME
    if not begun or not path.exists():
        records.write(path, _KIND, {"trajectories": store.digests}, None)
        return store
    stated = records.read(path, _KIND)["identity"]
    with records.stating(path):
        digests = claims.listed(stated, "trajectories")
        gone = set(digests) - set(store.digests)
    if gone:
        raise ValueError(
            "A run goes on with the experts that it began with, by the SHA-256 "
            f"of their files. Received: {store.path}, which lacks {len(gone)} "
            f"of the {len(digests)} that {path} states. Give the store that "
            "the run began with, or choose another --run_dir."
        )
    return store.only(digests)
