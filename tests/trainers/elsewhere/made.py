"""What the runner makes of a pack, made by hand: it needs no JAX."""

import json

from fred_tf import config, presets
from trainers.elsewhere.runner import arrays, sealed

SETTINGS = config.replace(
    presets.preset("digits_ipc1_dm_tiny"), {"outer_steps": 12}
)


def about_of(pack):
    return json.loads((pack / "pack.json").read_text())


def seal_of(pack):
    return about_of(pack)["sha256"]


def state_of(pack):
    return dict(arrays.read(pack / "state.npz", f"{seal_of(pack)} state"))


def write_state(pack, **values):
    arrays.write(pack / "state.npz", f"{seal_of(pack)} state", **values)


def move(pack, step):
    """Moves the memory, and all else that a step changes."""
    state = state_of(pack)
    moved = {k: v + 1 for k, v in state.items() if k != "step"}
    write_state(pack, **{**moved, "step": step})


def write_metrics(pack, steps, torn=b""):
    lines = [{"step": i + 1, "loss": 0.5 - i} for i in range(steps)]
    data = b"".join(sealed.line(line, seal_of(pack)) for line in lines)
    (pack / "metrics.jsonl").write_bytes(data + torn)


def write_spent(pack, **values):
    path, seal = pack / "spent.json", seal_of(pack)
    values = {"device": "it", "differences": [], **values}
    sealed.write(path, "spent", seal, **values)


def write_scores(pack, step, rate=0.25, **networks):
    path, seal = pack / "scores.json", seal_of(pack)
    values = {"step": step, "networks": networks, "rate": rate}
    sealed.write(path, "scores", seal, **values)
