"""The experts of a run: opened, verified, to its end those it began with.

A store may grow, or be exchanged for another of the same settings. A run that
went on with what it holds by then would end as no run does that is made at
once.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from absl import logging

from fred_tf import progress
from fred_tf.disk import claims, files, records
from fred_tf.experts.store import ExpertStore

NAME = "experts.json"
_KIND = "experts of a run"
# Made anew, it would state whatever the store holds by now.
_WAY_OUT = "Without a copy of it, begin anew in another --run_dir."


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


def verify(store: ExpertStore) -> None:
    """Compares the checksums of all trajectories of a store.

    It reads every file once, before the first step: a step would say in
    TensorFlow's words which one is damaged.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged.
    """
    count = len(store)
    for number in progress.each(range(count), "expert", count):
        store.trajectory(number)


def kept(store: ExpertStore, run_dir: files.Path, begun: bool) -> ExpertStore:
    """Returns those experts of a store that a run began with, in their order.

    Args:
        store: holds them, and perhaps others by now.
        run_dir: of the run; states them, unless an earlier version began it,
            which then goes on with all that the store holds.
        begun: whether anything has been made of them. Otherwise it begins with
            all that the store holds.

    Raises:
        ValueError: the store lacks some of them, or what states them is
            damaged.
    """
    path = pathlib.Path(run_dir) / NAME
    if not begun or not path.exists():
        if begun:
            logging.warning(
                "%s is missing, as in runs that an earlier version began. This "
                "one goes on with all %d experts of %s; if they are not those "
                "that it began with, stop it and restore that file.",
                path,
                len(store),
                store.path,
            )
        records.write(path, _KIND, {"trajectories": store.digests}, None)
        return store
    stated = records.read(path, _KIND, _WAY_OUT)["identity"]
    with records.stating(path, _WAY_OUT):
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
