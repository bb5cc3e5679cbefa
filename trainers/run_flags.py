"""Flags that the trainers share, what they mean, and who takes which."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from export import command_line, flags
from export.command_line import (
    BUDGET_BYTES,
    DATA_DIR,
    DOWNLOAD,
    FOLDER,
    PATH,
    RUN_DIR,
    command,
    required,
    set_determinism,
)
from fred_tf import config as config_lib
from fred_tf import presets
from fred_tf.assignments import pair
from fred_tf.datasets import names
from fred_tf.disk.paths import Path
from trainers import row_flag
from trainers.results.row import Row

__all__ = [
    "CHANGES",
    "DATA_DIR",
    "DOWNLOAD",
    "EXPERT_DIR",
    "FOLDER",
    "ON_DATA",
    "PATH",
    "RUN_DIR",
    "SETTINGS",
    "before_and_after",
    "check_budget",
    "command",
    "config",
    "data_dir",
    "has_settings",
    "of_run",
    "of_settings",
    "override",
    "refuse_budget",
    "refuse_changes",
    "required",
    "set_determinism",
    "start",
    "taking",
]

_PRESET = flags.DEFINE_string(
    "preset",
    None,
    "Settings to start from, named <dataset>_ipc<k>_<objective>, or dm or tm "
    "for the data of --dataset; --list_presets prints all.",
)
flags.one_of(_PRESET, row_flag.ROW)
_SEED = flags.DEFINE_integer(
    "seed", 0, "The one seed from which everything random follows.", 0
)
# What is often said of data, by the setting that each flag is short for and
# called like.
_OF_DATA: dict[str, flags.FlagHolder] = {
    "dataset": flags.DEFINE_string(
        "dataset",
        None,
        "Another data set than the preset's: a name of TensorFlow Datasets, "
        "folder:<path> with a folder of pictures for each class, or "
        "file:<path> with arrays.",
    ),
    "preparation.image_size": flags.DEFINE_integer(
        "image_size",
        None,
        "Brings images to squares of this side; see preparation.resize.",
        0,
    ),
    "preparation.skip_corrupt": flags.DEFINE_bool(
        "skip_corrupt",
        None,
        "Leaves out images that cannot be read, and counts them.",
    ),
}
_LIST = flags.DEFINE_bool("list_presets", False, "Prints the presets, exits.")
_LISTS = (_LIST, presets.table), (row_flag.LIST, row_flag.table)
EXPERT_DIR = flags.DEFINE(
    command_line.FOLDER,
    "expert_dir",
    None,
    "Folder of the expert trajectories; for trajectory matching.",
)


def config(
    of_row: Callable[[Row], config_lib.Config] = row_flag.distilled,
) -> config_lib.Config:
    """Returns the config that --preset or --row and the other flags ask for.

    Args:
        of_row: which settings of a row are meant: by default those of its run.
    """
    return before_and_after(of_row)[1]


def before_and_after(
    of_row: Callable[[Row], config_lib.Config] = row_flag.distilled,
) -> tuple[config_lib.Config, config_lib.Config]:
    """Returns what `config` does, before and after --override changes it."""
    overrides = command_line.OVERRIDE.value
    before = start(overrides, of_row)
    asked = config_lib.override(before, overrides)
    check_budget(asked)
    return before, _located(asked)


def start(
    overrides: Iterable[str],
    of_row: Callable[[Row], config_lib.Config] = row_flag.distilled,
) -> config_lib.Config:
    """Returns what --preset or --row and flags of single settings ask for.

    Args:
        overrides: what is to be replaced afterwards; --budget_bytes means the
            memory and the optimiser that they name.
        of_row: see `config`.
    """
    asked = _with_flags(_start(of_row))
    if BUDGET_BYTES.value:
        asked = presets.within_bytes(asked, BUDGET_BYTES.value, overrides)
    return _located(asked)


def check_budget(asked: config_lib.Config) -> None:
    """Refuses settings in which an override has replaced --budget_bytes.

    Raises:
        ValueError: they have another budget.
    """
    if BUDGET_BYTES.value:
        presets.check_kept(asked, BUDGET_BYTES.value)


def refuse_budget() -> None:
    """Refuses --budget_bytes for a set that is there already.

    Raises:
        ValueError: it is given.
    """
    if BUDGET_BYTES.value:
        raise ValueError(
            "`--budget_bytes` is of what is distilled, or of an export. "
            f"Received: {BUDGET_BYTES.value} for what is scored as it is. "
            f"`{command('export')} --budget_bytes={BUDGET_BYTES.value}` writes "
            f"a set in so many bytes, and `{command('trainers.evaluate')} "
            "--exported` scores that."
        )


def _start(of_row: Callable[[Row], config_lib.Config]) -> config_lib.Config:
    """Returns the settings of --preset or --row."""
    if row := row_flag.row():
        return of_row(row)
    if _PRESET.value:
        return presets.preset(_PRESET.value)
    raise ValueError(
        "--preset or --row is required. --list_presets prints the presets, "
        "--list_rows the rows of RESULTS.md."
    )


def refuse_changes() -> None:
    """Refuses what changes settings where none are given.

    Raises:
        ValueError: there is such a flag, and neither --preset nor --row.
    """
    for flag in (BUDGET_BYTES, *CHANGES):
        if flag.present and not has_settings():
            raise ValueError(
                f"`--{flag.name}` counts only beside `--preset` or `--row`. "
                f"Received: {flag.value} without them. Give one of them, or "
                "leave it out."
            )


def override(changed: config_lib.Config) -> config_lib.Config:
    """Returns a config with what the command line changes of it.

    Raises:
        ValueError: see `config_lib.override`; or a flag and an override give
            the same setting.
    """
    return _located(command_line.override(_with_flags(changed)))


def _with_flags(changed: config_lib.Config) -> config_lib.Config:
    """Returns a config with what flags say of the data, and the seed."""
    values: dict[str, Any] = {
        path: flag.value
        for path, flag in _OF_DATA.items()
        if flag.value is not None
    }
    if _SEED.present:
        values["seed"] = _SEED.value
    _refuse_twice(values)
    return config_lib.replace(changed, values)


def _refuse_twice(values: Mapping[str, Any]) -> None:
    """Refuses a setting that a flag gives, and --override again.

    Raises:
        ValueError: there is one.
    """
    for override in command_line.OVERRIDE.value:
        name, _ = pair(override)
        for path, value in values.items():
            flag = path.rpartition(".")[2]
            if name in (path, flag):
                raise ValueError(
                    f"A setting is given once. Received: --{flag}={value} and "
                    f"--override {override}. Leave one out."
                )


def _located(asked: config_lib.Config) -> config_lib.Config:
    """Returns a config whose data set is named without its path.

    From here on --data_dir says where it is.
    """
    name, folder = names.located(asked.dataset, DATA_DIR.value)
    if name == asked.dataset:
        return asked
    flags.FLAGS[DATA_DIR.name].value = str(folder)
    return config_lib.replace(asked, {"dataset": name})


def data_dir(run_dir: Path) -> str | None:
    """Returns --data_dir, or where the data of a run were found last.

    With --preset the data are not those of a run.
    """
    return DATA_DIR.value if _PRESET.value else command_line.data_dir(run_dir)


def has_settings() -> bool:
    """Returns whether --preset or --row is given."""
    return bool(_PRESET.value or row_flag.ROW.value)


# On which data a program works, and how.
ON_DATA = "data_dir", "download", "deterministic"
# What changes settings, be they of a run or of a preset.
CHANGES = command_line.OVERRIDE, _SEED, *_OF_DATA.values()
_CHANGES = tuple(flag.name for flag in CHANGES)
# All that settings follow from.
SETTINGS = _PRESET, row_flag.ROW, BUDGET_BYTES, *CHANGES
_SETTINGS = "preset", "row", "budget_bytes", _LIST.name, row_flag.LIST.name


def taking(*shared: str) -> command_line.Program:
    """Returns what makes a program's `main`, as `command_line.taking` does.

    --list_presets and --list_rows, where it takes them, only list.

    Args:
        shared: names of flags that the program takes beside its own.
    """

    def program(body: Callable[[], int | None]) -> Callable[[], None]:
        @functools.wraps(body)
        def body_or_list() -> int | None:
            for listed, table in _LISTS:
                if listed.value:
                    print(table())
                    return None
            return body()

        return command_line.program(body_or_list, *shared)

    return program


def of_settings(*shared: str) -> command_line.Program:
    """Returns `taking` of what `config` follows from."""
    return taking(*_SETTINGS, *_CHANGES, *ON_DATA, *shared)


def of_run() -> command_line.Program:
    """Returns `taking` of a run that is there, and what `override` takes."""
    return taking("run_dir", *_CHANGES, *ON_DATA)
