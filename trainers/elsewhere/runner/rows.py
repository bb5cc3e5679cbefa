"""Several packs, made one after the other in slices of time."""

import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from . import sealed

ROWS = "rows.json"
# Minutes below which no row is begun: a compiler alone takes as long.
LEAST = 0.5

# What `pack.json`, `spent.json` and `scores.json` hold; the last two may be
# empty.
State = tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]


def make(
    folder: pathlib.Path, minutes: float, processes: int, score: str
) -> None:
    """Goes on with the rows of a folder, in their order.

    Each unfinished row gets its share of the time that is left, and what it
    does not need is left to those after it. Each is a process of its own: one
    that fails, or whose files cannot be read, is named, and the others go on.

    Args:
        folder: holds `rows.json`.
        minutes: after how many to end.
        processes: how many experts are trained at once.
        score: `"complete"` scores rows that have all their steps, `"now"`
            those that have not, too.

    Raises:
        ValueError: `rows.json` is not as it was written, or names places that
            are none of its own.
    """
    end = time.time() + 60 * minutes
    rows = sealed.read(folder / ROWS, "rows")["rows"]
    packs = {
        r["name"]: sealed.inside(folder, f"rows/{r['name']}") for r in rows
    }
    waiting = [row for row in rows if not _told(packs[row["name"]])[1]]
    for number, row in enumerate(waiting):
        left = (end - time.time()) / 60
        if left < LEAST:
            break
        share = row["share"] / sum(r["share"] for r in waiting[number:])
        print(f"== {row['name']}, {left * share:.1f} minutes", flush=True)
        command = [sys.executable, folder / "run.py"]
        command += ["--pack", packs[row["name"]]]
        command += ["--minutes", left * share, "--processes", processes]
        command += ["--score", score, "--end", end]
        command += ["--parent", os.getpid()]
        code = subprocess.run(list(map(str, command))).returncode
        if code:
            print(f"{row['name']} ended with {code}, see above.", flush=True)
    for name, pack in packs.items():
        print(f"{name}: {_told(pack)[0]}", flush=True)


def _told(pack: pathlib.Path) -> tuple[str, bool]:
    """Returns in a line how far a pack is, and whether it is done."""
    try:
        state = _state(pack)
    except (ValueError, OSError) as error:
        return str(error), False
    return told(*state), is_done(*state)


def _state(pack: pathlib.Path) -> State:
    about = sealed.read(pack / "pack.json", "pack")
    spent, scores = (
        sealed.read(path, kind, about["sha256"], sealed.REMAKE)
        if os.path.lexists(path := pack / f"{kind}.json")
        else {}
        for kind in ("spent", "scores")
    )
    return about, spent, scores


def is_done(
    about: Mapping[str, Any],
    spent: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> bool:
    """Returns whether nothing is left to do for a pack."""
    scoring, there = about["scoring"], _present(spent, scores)
    return bool(spent.get("complete")) and all(
        len(there.get(network, [])) == len(scoring["seeds"])
        for network in scoring["networks"]
    )


def is_complete(
    about: Mapping[str, Any],
    spent: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> bool:
    """Returns whether a pack has all its steps and scores."""
    return is_done(about, spent, scores) and "lost" not in spent


def told(
    about: Mapping[str, Any],
    spent: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> str:
    """Returns in a line how far a pack is."""
    parts = [f"step {spent.get('step', 0)} of {about['outer_steps']}"]
    parts += [
        f"{network} {sum(accuracies) / len(accuracies):.4f} "
        f"({len(accuracies)} networks)"
        for network, accuracies in _present(spent, scores).items()
        if accuracies
    ]
    return ", ".join([*parts, *filter(None, [spent.get("lost")])])


def _present(
    spent: Mapping[str, Any], scores: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Returns accuracies by network, if they are of the present step."""
    same = scores.get("step", 0) == spent.get("step", 0)
    return scores.get("networks", {}) if same else {}
