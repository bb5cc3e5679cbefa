"""The command that asks for settings: a preset and what differs from it."""

import contextlib
import functools
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fred_tf import config as config_lib
from fred_tf.config import FAMILIES, Config
from fred_tf.disk import records
from fred_tf.objectives import OBJECTIVES
from fred_tf.presets import fitting, names, preset


class Recipe(NamedTuple):
    """A preset and overrides that become some settings."""

    preset: str
    overrides: tuple[str, ...]

    @property
    def config(self) -> Config:
        """The settings."""
        return config_lib.override(preset(self.preset), self.overrides)

    @property
    def flags(self) -> str:
        """What asks a program for them, quoted for a shell."""
        asked = [f"--preset={self.preset}"]
        asked += [f"--override {shlex.quote(x)}" for x in self.overrides]
        return " ".join(asked)

    def commands(self, run_dir: str, expert_dir: str) -> list[str]:
        """Returns what makes a run of them, its experts first if it has any.

        Args:
            run_dir: where the run is written.
            expert_dir: where its experts are.
        """
        needed = OBJECTIVES[self.config.objective.name].needs_experts
        experts = f" --expert_dir={expert_dir}" if needed else ""
        distill = (
            f"python -m trainers.distill {self.flags}{experts} "
            f"--run_dir={run_dir}"
        )
        train = f"python -m trainers.train_experts {self.flags}{experts}"
        return [train, distill] if needed else [distill]


def recipe(
    config: Config, image_shape: Sequence[int], classes: int
) -> Recipe | None:
    """Returns the preset that becomes `config` by the fewest overrides.

    A run's own config is asked for, as it is recorded: what the preset leaves
    to the size of the images is no override.

    Args:
        config: the settings.
        image_shape: `[height, width, channels]` of the images, or more axes.
        classes: number of classes.

    Returns:
        None where no overrides lead there, which were tried.
    """
    of, asked = (tuple(image_shape), classes), config_lib.to_json(config)
    known = _presets()
    alike = {
        name: told
        for name, told in known.items()
        if all(told[x]["name"] == asked[x]["name"] for x in FAMILIES)
    }
    candidates = alike or known
    nearest = min(
        candidates, key=lambda name: _distance(candidates[name], asked)
    )
    start = preset(nearest)
    with contextlib.suppress(ValueError):  # Settings on the way may not fit.
        overrides = _overrides(start, config, *of)
        reached = config_lib.override(start, overrides)
        if _recorded(reached, *of) == config:
            return Recipe(nearest, tuple(overrides))
    return None


@functools.cache
def _presets() -> dict[str, dict[str, Any]]:
    """Returns all presets as JSON values."""
    return {name: config_lib.to_json(preset(name)) for name in names()}


def _distance(told: Mapping[str, Any], asked: Mapping[str, Any]) -> int:
    return len(records.differences(told, asked))


def _recorded(
    config: Config, image_shape: tuple[int, ...], classes: int
) -> Config:
    """Returns settings as a run on enough such images records them."""
    sized = fitting.sized(config, image_shape)
    counted = fitting.counted(sized, image_shape, classes)
    return config_lib.resolved(counted, image_shape)


def _overrides(
    start: Config, config: Config, image_shape: tuple[int, ...], classes: int
) -> list[str]:
    """Returns what of `config` is not in `start`, each as `name=value`."""
    members = {
        f"{section}.name": getattr(config, section).name
        for section in FAMILIES
        if getattr(config, section).name != getattr(start, section).name
    }
    # A member may not fit the budget of the preset. That of bytes says `ipc`.
    in_bytes = config.parameterization.budget_bytes
    size = {} if config.ipc == start.ipc else {"ipc": config.ipc}
    begun = config_lib.replace(start, {**members, **size})
    different = records.differences(
        config_lib.to_json(_recorded(begun, image_shape, classes)),
        config_lib.to_json(config),
    )
    # A setting at its default may be left unstated.
    values = {
        path: functools.reduce(getattr, path.split("."), config)
        for path in different
    }
    asked = {**members, **({} if in_bytes else size), **values}
    return [f"{path}={value}" for path, value in asked.items()]
