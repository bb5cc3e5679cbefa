"""Flags that the trainers share, and what they mean."""

import functools
from collections.abc import Callable

from absl import flags

from export import command_line
from export.command_line import (
    DATA_DIR,
    DOWNLOAD,
    PATH,
    RUN_DIR,
    override,
    required,
    set_determinism,
)
from fred_tf import config as config_lib
from fred_tf import presets

__all__ = [
    "DATA_DIR",
    "DOWNLOAD",
    "EXPERT_DIR",
    "PATH",
    "RUN_DIR",
    "config",
    "has_preset",
    "override",
    "preset_and_overrides",
    "program",
    "required",
    "set_determinism",
]

flags.adopt_module_key_flags(command_line)
_PRESET = flags.DEFINE_string(
    "preset",
    None,
    "Settings to start from, named <dataset>_ipc<k>_<objective>; "
    "--list_presets prints all.",
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "The one seed from which everything random follows.", 0
)
_LIST = flags.DEFINE_bool("list_presets", False, "Prints the presets, exits.")
EXPERT_DIR = flags.DEFINE(
    command_line.PATH,
    "expert_dir",
    None,
    "Folder of the expert trajectories; for trajectory matching.",
)


def config() -> config_lib.Config:
    """Returns the config that --preset, --override and --seed ask for."""
    return config_lib.override(*preset_and_overrides())


def preset_and_overrides() -> tuple[config_lib.Config, list[str]]:
    """Returns what --preset and --seed ask for, and the --override values."""
    if not _PRESET.value:
        raise ValueError(
            "--preset is required. --list_presets prints the presets."
        )
    preset = presets.preset(_PRESET.value)
    seeded = config_lib.replace(preset, {"seed": _SEED.value})
    return seeded, command_line.OVERRIDE.value


def has_preset() -> bool:
    """Returns whether --preset is given."""
    return bool(_PRESET.value)


def program(body: Callable[[], int | None]) -> Callable[[], None]:
    """Makes a program's `main` as `command_line.program` does.

    `--help` shows the flags of this module, and --list_presets only lists.
    """

    @functools.wraps(body)
    def body_or_list() -> int | None:
        if not _LIST.value:
            return body()
        print(presets.table())
        return None

    return command_line.program(body_or_list, __name__)
