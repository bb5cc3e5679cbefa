"""Several packs, made one after the other in slices of time."""

import json
import pathlib
import subprocess
import sys
import time

ROWS = "rows.json"
# Minutes below which no row is begun: a compiler alone takes as long.
LEAST = 0.5


def make(
    folder: pathlib.Path, minutes: float, processes: int, score: str
) -> None:
    """Goes on with the rows of a folder, in their order.

    Each unfinished row gets its share of the time that is left, and what it
    does not need is left to those after it. Each is a process of its own: one
    that fails is named, and the others go on.

    Args:
        folder: holds `rows.json`.
        minutes: after how many to end.
        processes: how many experts are trained at once.
        score: `"complete"` scores rows that have all their steps, `"now"`
            those that have not, too.
    """
    end = time.time() + 60 * minutes
    rows = json.loads((folder / ROWS).read_text())["rows"]
    waiting = [row for row in rows if not is_done(folder / row["pack"])]
    for number, row in enumerate(waiting):
        left = (end - time.time()) / 60
        if left < LEAST:
            break
        share = row["share"] / sum(r["share"] for r in waiting[number:])
        print(f"== {row['name']}, {left * share:.1f} minutes", flush=True)
        command = [sys.executable, folder / "run.py"]
        command += ["--pack", folder / row["pack"]]
        command += ["--minutes", left * share, "--processes", processes]
        command += ["--score", score, "--end", end]
        code = subprocess.run(list(map(str, command))).returncode
        if code:
            print(f"{row['name']} ended with {code}, see above.", flush=True)
    for row in rows:
        print(f"{row['name']}: {told(folder / row['pack'])}", flush=True)


def is_done(pack: pathlib.Path) -> bool:
    """Returns whether nothing is left to do for a pack."""
    scoring, state = _read(pack / "pack.json")["scoring"], _spent(pack)
    scores = _scores(pack, state)
    return bool(state.get("complete")) and all(
        len(scores.get(network, [])) == len(scoring["seeds"])
        for network in scoring["networks"]
    )


def is_complete(pack: pathlib.Path) -> bool:
    """Returns whether a pack has all its steps and scores."""
    return is_done(pack) and "lost" not in _spent(pack)


def told(pack: pathlib.Path) -> str:
    """Returns in a line how far a pack is."""
    about, state = _read(pack / "pack.json"), _spent(pack)
    scores = _scores(pack, state)
    parts = [f"step {state.get('step', 0)} of {about['outer_steps']}"]
    parts += [
        f"{network} {sum(accuracies) / len(accuracies):.4f} "
        f"({len(accuracies)} networks)"
        for network, accuracies in scores.items()
        if accuracies
    ]
    return ", ".join([*parts, *filter(None, [state.get("lost")])])


def _spent(pack: pathlib.Path) -> dict:
    return _read(pack / "spent.json")


def _scores(pack: pathlib.Path, state: dict) -> dict:
    """Returns accuracies by network, if they are of the present step."""
    scores = _read(pack / "scores.json")
    same = scores.get("step", 0) == state.get("step", 0)
    return scores.get("networks", {}) if same else {}


def _read(path: pathlib.Path) -> dict:
    return json.loads(path.read_text()) if path.exists() else {}
