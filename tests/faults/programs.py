"""Small runs of the programs that write, and what must come of each."""

import csv
import dataclasses
import hashlib
import importlib
import importlib.util
import json
import pathlib
import sys
from typing import Any

import numpy as np

from fred_tf import forms
from fred_tf.distilled_run import DistilledRun

GRAPHS = ("augmentation=none", "network.name=mlp")
SCORED = ("evaluation.epochs=1", "evaluation.networks=1")
_TINY = "--preset=digits_ipc1_dm_tiny"


def _flags(*overrides: str) -> list[str]:
    return [f"--override={text}" for text in (*GRAPHS, *SCORED, *overrides)]


@dataclasses.dataclass(frozen=True)
class Program:
    """A program and a small command of it.

    Attributes:
        module: whose `main` it is.
        flags: what it is called with; `{}` stands for the folder.
        after: name of the program whose folder it begins with, or empty.
        needs: a module without which it cannot run, or empty.
    """

    module: str
    flags: tuple[str, ...]
    after: str = ""
    needs: str = ""

    @property
    def is_here(self) -> bool:
        """Whether what it needs is installed."""
        return (
            not self.needs or importlib.util.find_spec(self.needs) is not None
        )

    def run(self, folder: pathlib.Path) -> None:
        """Runs it as a shell does; ends in SystemExit."""
        program = importlib.import_module(self.module)
        text = str(folder)
        sys.argv = [self.module, *(f.replace("{}", text) for f in self.flags)]
        program.main()


PROGRAMS = {
    "distill": Program(
        "trainers.distill",
        (
            _TINY,
            "--run_dir={}/run",
            "--save_every=2",
            "--images_every=4",
            "--evaluate_every=4",
            *_flags("outer_steps=5"),
        ),
    ),
    "train_experts": Program(
        "trainers.train_experts",
        ("--preset=digits_ipc1_tm_tiny", "--expert_dir={}/experts", *_flags()),
    ),
    "evaluate": Program(
        "trainers.evaluate",
        ("--run_dir={}/run", "--override=evaluation.networks=2"),
        after="distill",
    ),
    "export": Program(
        "export.__main__", ("--run_dir={}/run", "--shards=2"), after="distill"
    ),
    "sweep": Program(
        "trainers.sweep.__main__",
        (
            _TINY,
            "--sweep_dir={}/sweep",
            *_flags("outer_steps=1", "seed=0,1"),
        ),
    ),
    "elsewhere": Program(
        "trainers.elsewhere.__main__",
        (_TINY, "--pack={}/pack", *_flags("outer_steps=1")),
        needs="jax",
    ),
}

# Of no matter for any result, or another each time: clocks, ports, owners.
_OUTSIDE = ("tensorboard", ".workers", "sizes.md", "fingerprint.pb")
# Beginnings of names in JSON and CSV files of what tells the time; and, in
# packs, of what follows from the bytes of their programs.
_UNLIKE = ("seconds", "minutes", "sha256", "date", "files")
_UNLIKE_ARRAYS = ("of", "sha256")
# What is compared by what it is read as.
_READ = ("checkpoints", "export")


LEFT_OVER = "left over"


def state(folder: pathlib.Path) -> dict[str, Any]:
    """Returns what a program has left: what must be equal, by its name."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_dir() or set(_OUTSIDE) & set(name.parts):
            continue
        if path.name.endswith(".lock"):
            continue
        if set(_READ) & set(name.parts):
            # No temporary file may be left there, nor what was damaged.
            if any(p.startswith((".", "damaged")) for p in name.parts):
                found[str(name)] = LEFT_OVER
            continue
        found[str(name)] = _content(path)
    for config in sorted(folder.rglob("checkpoints")):
        run = DistilledRun.restore(config.parent)
        decoded = run.synthetic_set()
        place = config.parent.relative_to(folder)
        found[f"set of {place}"] = run.step, _digest(decoded.images.tobytes())
    for export in sorted(folder.rglob("export")):
        for name, form in forms.FORMS.items():
            path = export / form.path
            if isinstance(form, forms.SetForm) and path.exists():
                decoded = form.read(path)
                found[name] = _digest(
                    decoded.images.tobytes(), repr(decoded.details).encode()
                )
            else:
                found[name] = _content(path) if path.exists() else "missing"
    return found


def _content(path: pathlib.Path) -> str:
    if path.suffix == ".jax":  # The same program is written in many ways.
        from jax import export

        program = export.deserialize(path.read_bytes())
        return f"{program.in_avals} to {program.out_avals}"
    if path.suffix == ".npz":  # A zip file with the time in it.
        with np.load(path) as arrays:
            names = [
                name for name in arrays.files if name not in _UNLIKE_ARRAYS
            ]
            return _digest(*(arrays[name].tobytes() for name in names))
    if path.suffix == ".json":
        return json.dumps(_timeless(json.loads(path.read_text())))
    if path.suffix == ".csv":
        with open(path, newline="") as file:
            return json.dumps(_timeless(list(csv.DictReader(file))))
    return _digest(path.read_bytes())


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _timeless(part)
            for name, part in value.items()
            if not name.startswith(_UNLIKE)
        }
    return list(map(_timeless, value)) if isinstance(value, list) else value


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Returns the names of what differs between two states."""
    return sorted(
        name
        for name in expected.keys() | found.keys()
        if expected.get(name) != found.get(name)
    )
