"""The folder of a pack: what is read from it, and what is kept in it."""

import json
import os
import pathlib
from typing import Any

import differences
import images
import jax
import jax.numpy as jnp
import numpy as np
from jax import export

# Of the scalars of a step: they tell of the run, not of the step.
_NOT_KEPT = ("trouble", "last_good")


class Pack:
    """The folder of a packed run.

    Args:
        folder: where `trainers.elsewhere` wrote it.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.about = json.loads((folder / "pack.json").read_text())
        self.shared = folder / self.about["shared"]
        self.runner = pathlib.Path(__file__).with_name("run.py")
        self.step, self.leaves = 0, []
        if "reference" in self.about:
            with np.load(folder / "state.npz") as saved:
                self.step = int(saved["step"])
                count = len(saved.files) - 1
                self.leaves = [jnp.asarray(saved[str(i)]) for i in range(count)]
        path = folder / "spent.json"
        self.spent = json.loads(path.read_text()) if path.exists() else {}
        self.spent["device"] = jax.devices()[0].device_kind
        self.spent["differences"] = differences.of(self.about)

    def function(self, name: str):
        """Returns a lowered function."""
        return _function(self.folder / f"{name}.jax")

    def shared_function(self, name: str):
        """Returns one that several packs share."""
        return _function(self.shared / f"{name}.jax")

    def images(self, split: str = "train") -> tuple[jax.Array, jax.Array]:
        """Returns the real images of a split, and their labels."""
        place = self.shared / self.about["images"][split]
        return tuple(map(jnp.asarray, images.read(place)))

    def expert_paths(self) -> list[pathlib.Path]:
        """Returns where the trajectories of experts are, or will be."""
        about = self.about.get("reference", {})
        count = len(about.get("expert_seeds", []))
        place = self.shared / about.get("experts", "")
        return [place / f"{number}.npy" for number in range(count)]

    def save(self, leaves: list[jax.Array], step: int) -> None:
        """Writes the state; a kill leaves the old one or the new one."""
        self.leaves, self.step = leaves, step
        values: dict[str, Any] = {"step": step}
        values |= {str(i): np.asarray(leaf) for i, leaf in enumerate(leaves)}
        replace(
            self.folder / "state.npz", lambda file: np.savez(file, **values)
        )
        steps = self.about["outer_steps"]
        complete = step >= steps or "lost" in self.spent
        self.spent |= {"step": step, "complete": complete}
        self.save_spent()

    def save_spent(self) -> None:
        """Keeps what was spent so far, and where."""
        self._write_json("spent.json", self.spent)

    def synthetic_set(self) -> tuple[jax.Array, jax.Array, np.ndarray]:
        """Returns images, labels, and their step size as an array `[]`."""
        if "reference" in self.about:
            decode = jax.jit(self.function("decode"))
            images, labels, rate = decode(self.leaves)
        else:
            with np.load(self.folder / "set.npz") as stored:
                images, labels = stored["images"], stored["labels"]
                rate = stored["rate"]
        return jnp.asarray(images), jnp.asarray(labels), np.asarray(rate)

    def scores(self) -> dict:
        """Returns what was scored of the present step."""
        path = self.folder / "scores.json"
        scores = json.loads(path.read_text()) if path.exists() else {}
        same = scores.get("step") == self.step
        return scores if same else {"step": self.step, "networks": {}}

    def save_scores(self, scores: dict) -> None:
        """Keeps the accuracies of one more network."""
        self._write_json("scores.json", scores)
        self.save_spent()

    def append_metrics(
        self, first: int, scalars: dict[str, np.ndarray]
    ) -> None:
        """Appends a line for each step of a block."""
        shown = {k: v for k, v in scalars.items() if k not in _NOT_KEPT}
        with open(self.folder / "metrics.jsonl", "a") as file:
            for i in range(len(scalars["loss"])):
                line = {name: float(v[i]) for name, v in shown.items()}
                file.write(json.dumps({"step": first + i + 1, **line}) + "\n")

    def rewind_metrics(self) -> None:
        """Drops the lines of steps that will be made again."""
        path = self.folder / "metrics.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        text = "".join(f"{line}\n" for line in lines[: self.step])
        replace(
            self.folder / "metrics.jsonl",
            lambda file: file.write(text.encode()),
        )

    def _write_json(self, name, value) -> None:
        text = json.dumps(value).encode()
        replace(self.folder / name, lambda file: file.write(text))


def _function(path: pathlib.Path):
    return export.deserialize(path.read_bytes()).call


def replace(path: pathlib.Path, write) -> None:
    """Writes a file; a kill leaves the old one or the new one."""
    temporary = path.with_name(f"{path.name}.tmp")
    with open(temporary, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def seeds(key: jax.Array, count: int) -> jax.Array:
    """Returns int32 seeds `[count, 2]`, as functions of a pack take them."""
    bits = jax.random.bits(key, (count, 2), jnp.uint32)
    return jax.lax.bitcast_convert_type(bits, jnp.int32)
