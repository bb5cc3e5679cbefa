"""Expert stores and packs that claim too much, or lead elsewhere."""

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from fred_tf.disk import files
from fred_tf.experts.store import ExpertStore
from tests.faults import folders
from tests.faults.strangers.forged import (
    Change,
    Evil,
    Harmed,
    innocent,
    json,
    link,
    pickled,
    rows,
    text,
    unchanged,
    update,
    without,
)
from trainers.elsewhere import unpacking

_MANIFEST, _FIRST = "manifest.json", "trajectory_00000.npy"


def _store(change: Change) -> Change:
    def call(folder):
        change(folder / "experts")
        innocent(folder, lambda: _read_store(folder / "experts"))

    return call


def _read_store(path: pathlib.Path) -> None:
    store = ExpertStore.open(path)
    for i in range(len(store)):
        store.segment(i, 0, 1)


def _array(content: Callable[[bytes], bytes]) -> Change:
    """Changes the first trajectory, and its check sum."""

    def change(path):
        file = path / _FIRST
        file.write_bytes(content(file.read_bytes()))
        _first(sha256=files.sha256(file))(path)

    return change


def _identity(**values: Any) -> Change:
    return json(_MANIFEST, lambda there: there["identity"].update(values))


def _first(**values: Any) -> Change:
    return json(_MANIFEST, lambda t: t["trajectories"][0].update(values))


STORES = rows(
    _store,
    "experts",
    {
        "a trajectory outside": _first(file="../run/config.json"),
        "a trajectory of an absolute path": _first(file="/etc/hostname"),
        "a trajectory that is a link": link(_FIRST),
        "a trajectory with an object": _array(lambda content: pickled()),
        "a trajectory cut short": _array(lambda content: content[:-8]),
        "a trajectory of text": _array(lambda content: b"x" * len(content)),
        "a trillion epochs": _identity(epochs=10**12),
        "parameters below 0": _identity(parameters=-5),
        "an unknown dtype": _identity(dtype="object"),
        "a manifest that is a list": json(_MANIFEST, lambda there: [there]),
        "trajectories that are a number": json(
            _MANIFEST, update(trajectories=3)
        ),
        "facts that are a list": _first(facts=[1]),
    },
)


def _pack(change: Change) -> Change:
    def call(folder):
        change(folder / "pack")
        folders.own(folder / "pack")
        bystander = folder / "bystander.json"
        bystander.write_text("{}")
        try:
            innocent(
                folder,
                lambda: unpacking.bring_back(folder / "pack", folder / "back"),
            )
        finally:
            if bystander.read_text() != "{}":
                raise Harmed("A file outside the run folder was written.")

    return call


def _scored(accuracies: Any) -> Change:
    return json("scores.json", update(networks={"mlp": accuracies}))


def _state(change: Callable[[dict[str, Any]], Any]) -> Change:
    return lambda path: folders.edit_arrays(path / "state.npz", change)


def _state_of_an_object(path: pathlib.Path) -> None:
    np.savez(path / "state.npz", step=0, **{"0": np.array([Evil()], object)})


def _leads_out(there: dict[str, Any]) -> None:
    there["scoring"]["word"] = "/../../bystander"


def _network_leads_out(path: pathlib.Path) -> None:
    """The name of a network is that of a file, too."""
    name = "/../../bystander"

    def change(there):
        there["identity"]["scored"][name] = there["identity"]["scored"]["mlp"]

    json("pack.json", change)(path)
    networks = {"mlp": [0.5], name: [0.5]}
    json("scores.json", update(networks=networks))(path)


def _no_config(there: dict[str, Any]) -> None:
    del there["identity"]["config"]


def _nan(arrays: dict[str, Any]) -> None:
    arrays["0"] = np.full_like(arrays["0"], np.nan)


PACKS = rows(
    _pack,
    "pack",
    {
        "an accuracy of 17.5": _scored([17.5]),
        "an accuracy of -3": _scored([-3]),
        "an accuracy in words": _scored(["good"]),
        "an accuracy that is no list": _scored(0.5),
        "scores that are a list": json("scores.json", lambda there: [there]),
        "scores cut short": text("scores.json", '{"step"'),
        "a rate in words": json("scores.json", update(rate="fast")),
        "a network that leads out": _network_leads_out,
        "a pack of another kind": json("pack.json", update(kind="run")),
        "a pack without a config": json("pack.json", _no_config),
        "spent without a device": json("spent.json", without("device")),
        "spent that is a text": json("spent.json", lambda there: "much"),
        "a state that is no zip file": text("state.npz"),
        "a state with an object": _state_of_an_object,
        "a state of step -1": _state(update(step=-1)),
        "a state of another shape": _state(update(**{"0": np.zeros(3)})),
        "a state of NaN": _state(_nan),
        "a state without a leaf": _state(without("0")),
    },
)

UNCHANGED = [
    _store(unchanged),
    _pack(unchanged),
    # The pack of a run has no word, whatever it says.
    _pack(json("pack.json", _leads_out)),
]
