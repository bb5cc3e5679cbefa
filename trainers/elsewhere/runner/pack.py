"""The folder of a pack: what is read from it, and what is kept in it."""

import math
import os
import pathlib
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from . import arrays, differences, images, sealed

# Of the scalars of a step: they tell of the run, not of the step.
_NOT_KEPT = ("trouble", "last_good")
_WORD = re.compile(r"[a-z0-9_]{1,100}")
SAVE_EVERY = 30.0  # Seconds between saved states, be they of experts or sets.


class Pack:
    """The folder of a packed run.

    Args:
        folder: where `trainers.elsewhere` wrote it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: one is not as it was written, of another pack, or names
            files elsewhere.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.about = sealed.read(folder / "pack.json", "pack")
        self.seal = self.about["sha256"]
        self.shared = self._shared()
        for network in self.about["scoring"]["networks"]:
            if not _WORD.fullmatch(network):
                raise ValueError(
                    "The name of a network must be a word of [a-z0-9_]. "
                    f"Received: {network!r} in {folder}. Take a pack that you "
                    "made."
                )
        self.step, self.leaves = 0, []
        if "reference" in self.about:
            saved = arrays.read(folder / "state.npz", f"{self.seal} state")
            self.step = int(saved.pop("step"))
            self.leaves = [*map(jnp.asarray, arrays.in_order(saved))]
        self.spent = self._written("spent")
        self.spent["device"] = jax.devices()[0].device_kind
        self.spent["differences"] = differences.of(self.about)

    def _shared(self) -> pathlib.Path:
        """Returns the folder of what several packs share, or the pack."""
        way = self.about["shared"]
        if way not in (".", "../.."):
            raise ValueError(
                "`shared` of a pack must be '.' or '../..'. Received: "
                f"{way!r} in {self.folder}. Take a pack that you made."
            )
        return self.folder if way == "." else self.folder.resolve() / way

    def function(self, name: str):
        """Returns a lowered function."""
        file = f"{name}.jax"
        return _function(self.folder / file, self.about["files"][file])

    def expert_functions(self) -> tuple[Any, Any]:
        """Returns how an expert starts, and a step of its training."""
        place = self.experts()
        files = sealed.read(place / "experts.json", "pack_experts")["files"]
        start, step = (
            _function(place / name, files[name])
            for name in ("start.jax", "step.jax")
        )
        return start, step

    def images(self, split: str = "train") -> tuple[jax.Array, jax.Array]:
        """Returns the real images of a split, and their labels."""
        name = self.about["images"][split]
        read, labels = images.read(sealed.inside(self.shared, name), name)
        return jnp.asarray(read), jnp.asarray(labels)

    def experts(self) -> pathlib.Path:
        """Returns the folder of the experts that the pack needs."""
        return sealed.inside(self.shared, self.about["reference"]["experts"])

    def expert_paths(self) -> list[pathlib.Path]:
        """Returns where the trajectories of experts are, or will be."""
        about = self.about.get("reference", {})
        if not (count := len(about.get("expert_seeds", []))):
            return []
        return [self.experts() / f"{number}.npz" for number in range(count)]

    def read_expert(self, path: pathlib.Path) -> dict[str, np.ndarray]:
        """Reads what `write_expert` wrote."""
        return arrays.read(path, self._of_expert(path), sealed.REMAKE)

    def write_expert(self, path: pathlib.Path, **values: np.ndarray) -> None:
        """Writes a trajectory, or what there is of one."""
        of = self._of_expert(path)
        sealed.replace(path, lambda file: arrays.write(file, of, **values))

    def _of_expert(self, path: pathlib.Path) -> str:
        return f"{self.about['reference']['experts']}/{path.stem}"

    def save(self, leaves: list[jax.Array], step: int) -> None:
        """Writes the state; a kill leaves the old one or the new one."""
        self.leaves, self.step = leaves, step
        values = {"step": step, **arrays.numbered(leaves)}
        sealed.replace(
            self.folder / "state.npz",
            lambda file: arrays.write(file, f"{self.seal} state", **values),
        )
        steps = self.about["outer_steps"]
        complete = step >= steps or "lost" in self.spent
        self.spent |= {"step": step, "complete": complete}
        self.save_spent()

    def save_spent(self) -> None:
        """Keeps what was spent so far, and where."""
        self._write("spent", self.spent)

    def synthetic_set(self) -> tuple[jax.Array, jax.Array, np.ndarray]:
        """Returns images, labels, and their step size as an array `[]`."""
        if "reference" in self.about:
            decode = jax.jit(self.function("decode"))
            images, labels, rate = decode(self.leaves)
        else:
            path = self.folder / "set.npz"
            sealed.check(path, self.about["files"][path.name])
            stored = arrays.read(path, "set")
            images, labels = stored["images"], stored["labels"]
            rate = stored["rate"]
        return jnp.asarray(images), jnp.asarray(labels), np.asarray(rate)

    def scores(self) -> dict[str, Any]:
        """Returns what was scored of the present step."""
        scores = self._written("scores")
        same = scores.get("step") == self.step
        return scores if same else {"step": self.step, "networks": {}}

    def save_scores(self, scores: dict[str, Any]) -> None:
        """Keeps the accuracies of one more network."""
        self._write("scores", scores)
        self.save_spent()

    def append_metrics(
        self, first: int, scalars: dict[str, np.ndarray]
    ) -> None:
        """Appends a line for each step of a block."""
        shown = {k: v for k, v in scalars.items() if k not in _NOT_KEPT}
        lines = [
            {
                "step": first + i + 1,
                # JSON has no NaN and no infinity.
                **{k: _finite(float(v[i])) for k, v in shown.items()},
            }
            for i in range(len(scalars["loss"]))
        ]
        data = b"".join(sealed.line(line, self.seal) for line in lines)
        sealed.append(self.folder / "metrics.jsonl", data)

    def rewind_metrics(self) -> None:
        """Drops the lines of steps that will be made again."""
        path = self.folder / "metrics.jsonl"
        lines = sealed.lines(path, self.seal, self.step)
        data = b"".join(sealed.line(line, self.seal) for line in lines)
        sealed.replace(path, lambda file: file.write(data))

    def _written(self, kind: str) -> dict[str, Any]:
        """Returns what a file that the runner writes holds; at first {}."""
        path = self.folder / f"{kind}.json"
        if not os.path.lexists(path):
            return {}
        values = sealed.read(path, kind, self.seal, sealed.REMAKE)
        return {k: v for k, v in values.items() if k not in sealed.OWN}

    def _write(self, kind: str, values: dict[str, Any]) -> None:
        sealed.write(self.folder / f"{kind}.json", kind, self.seal, **values)


def _function(path: pathlib.Path, digest: str):
    return export.deserialize(sealed.read_bytes(path, digest)).call


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def seeds(key: jax.Array, count: int) -> jax.Array:
    """Returns int32 seeds `[count, 2]`, as functions of a pack take them."""
    bits = jax.random.bits(key, (count, 2), jnp.uint32)
    return jax.lax.bitcast_convert_type(bits, jnp.int32)
