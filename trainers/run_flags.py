"""Flags that the trainers share, and what they mean."""

import functools
from collections.abc import Callable

from export import command_line, flags
from export.command_line import (
    BUDGET_BYTES,
    DATA_DIR,
    DOWNLOAD,
    PATH,
    RUN_DIR,
    command,
    required,
    set_determinism,
)
from fred_tf import config as config_lib
from fred_tf import presets
from fred_tf.datasets import names
from fred_tf.disk.paths import Path
from trainers import row_flag
from trainers.results.row import Row

__all__ = [
    "DATA_DIR",
    "DOWNLOAD",
    "EXPERT_DIR",
    "PATH",
    "RUN_DIR",
    "command",
    "config",
    "data_dir",
    "has_settings",
    "override",
    "program",
    "required",
    "set_determinism",
    "start_and_overrides",
]

flags.adopt_module_key_flags(command_line)
flags.adopt_module_key_flags(row_flag)
_PRESET = flags.DEFINE_string(
    "preset",
    None,
    "Settings to start from, named <dataset>_ipc<k>_<objective>, or dm or tm "
    "for the data of --dataset; --list_presets prints all.",
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "The one seed from which everything random follows.", 0
)
# What is often said of data, by the setting that each flag is short for.
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
    command_line.PATH,
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
    asked = config_lib.override(*start_and_overrides(of_row))
    if BUDGET_BYTES.value:
        presets.check_kept(asked, BUDGET_BYTES.value)
    return _located(asked)


def start_and_overrides(
    of_row: Callable[[Row], config_lib.Config] = row_flag.distilled,
) -> tuple[config_lib.Config, list[str]]:
    """Returns what --preset or --row and flags of single settings ask for.

    And the --override values.
    """
    start = _with_data(_start(of_row))
    if _SEED.present:
        start = config_lib.replace(start, {"seed": _SEED.value})
    overrides = command_line.OVERRIDE.value
    if BUDGET_BYTES.value:
        start = presets.within_bytes(start, BUDGET_BYTES.value, overrides)
    return _located(start), overrides


def _start(of_row: Callable[[Row], config_lib.Config]) -> config_lib.Config:
    """Returns the settings of --preset or --row."""
    row, preset = row_flag.row(), _PRESET.value
    if row and preset:
        raise ValueError(
            "Settings start from those of `--preset` or those of `--row`. "
            f"Received: {preset} and {row_flag.ROW.value}. Leave one out."
        )
    if row:
        return of_row(row)
    if preset:
        return presets.preset(preset)
    raise ValueError(
        "--preset or --row is required. --list_presets prints the presets, "
        "--list_rows the rows of RESULTS.md."
    )


def override(changed: config_lib.Config) -> config_lib.Config:
    """Returns a run's config with what the command line changes of it.

    Raises:
        ValueError: a budget is given, which a run has; or see
            `config_lib.override`.
    """
    if BUDGET_BYTES.value:
        raise ValueError(
            "`--budget_bytes` is of settings that `--preset` or `--row` names, "
            f"or of an export. Received: {BUDGET_BYTES.value} with a run that "
            f"has its own. `{command('export')} --budget_bytes="
            f"{BUDGET_BYTES.value}` writes its set in so many bytes, and "
            f"`{command('trainers.evaluate')} --exported` scores that."
        )
    return _located(command_line.override(_with_data(changed)))


def _with_data(changed: config_lib.Config) -> config_lib.Config:
    """Returns a config with what flags say of the data."""
    return config_lib.replace(
        changed,
        {
            path: flag.value
            for path, flag in _OF_DATA.items()
            if flag.value is not None
        },
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


def program(body: Callable[[], int | None]) -> Callable[[], None]:
    """Makes a program's `main` as `command_line.program` does.

    `--help` shows the flags of this module; --list_presets and --list_rows only
    list.
    """

    @functools.wraps(body)
    def body_or_list() -> int | None:
        for listed, table in _LISTS:
            if listed.value:
                print(table())
                return None
        return body()

    return command_line.program(body_or_list, __name__)
