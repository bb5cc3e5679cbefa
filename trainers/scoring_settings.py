"""By which settings a set is scored: flags', or else recorded ones."""

import pathlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from fred_tf import config as config_lib
from fred_tf.disk import files
from fred_tf.disk.run_folder import CONFIG
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import OF_DATA, check_changes
from trainers import row_flag, run_flags


def settings(
    recorded: Callable[[], config_lib.Config],
    *counting: str,
    replaced: Callable[[config_lib.Config], Collection[str]] = lambda _: (),
) -> config_lib.Config:
    """Returns the settings of preset or row, without them recorded ones.

    Args:
        recorded: returns those, where they are asked for.
        *counting: settings that count beside those of networks and data.
        replaced: returns those in whose place something else is taken, by
            what is asked for.

    Raises:
        ValueError: an override counts for nothing.
    """
    if run_flags.has_settings():
        own, changed = run_flags.before_and_after(row_flag.scored)
    else:
        own = recorded()
        changed = run_flags.override(own)
    before, after = own, changed
    if "ipc" in counting:  # In the place of a budget in bytes, too.
        before, after = (
            config_lib.replace(each, {"ipc": changed.ipc})
            for each in (own, changed)
        )
    out = replaced(changed)
    check_changes(before, after, *OF_DATA, *counting, replaced=out)
    return changed


def recorded(
    run_dir: files.Path, told: Mapping[str, Any] | None = None
) -> config_lib.Config:
    """Returns the settings of a run folder, or what is told of another run.

    Args:
        run_dir: the folder, which need not hold a run.
        told: the `config` of the other one, as JSON values; None for nothing.

    Raises:
        FileNotFoundError: there is neither.
        ValueError: what is told are no settings.
    """
    if (pathlib.Path(run_dir) / CONFIG).is_file():
        return DistilledRun.restore(run_dir).config
    if told is not None:
        return config_lib.from_json(told)
    raise FileNotFoundError(
        "Networks are trained as `--preset` or `--row` says, as the run in "
        "--run_dir was, or as an export says of its run. Received: none of "
        f"these, and no run in {run_dir}. Give --preset=NAME, of the data to "
        "score on; --list_presets prints all."
    )
