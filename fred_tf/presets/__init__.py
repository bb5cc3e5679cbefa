"""Named settings: `<dataset>_ipc<k>_<objective>`, one row each."""

from fred_tf import config as config_lib
from fred_tf.presets import distribution_matching, trajectory_matching

_TABLES = (distribution_matching, trajectory_matching)


def names() -> list[str]:
    """Returns the names of all presets, sorted."""
    return sorted(name for table in _TABLES for name in table.ROWS)


def preset(name: str) -> config_lib.Config:
    """Returns the config of a preset.

    Raises:
        ValueError: no such preset; the message suggests the nearest name.
    """
    for table in _TABLES:
        if name in table.ROWS:
            return config_lib.replace(table.BASE, table.ROWS[name])
    raise ValueError(
        f"Unknown preset {name!r}.{config_lib.nearest(name, names())} "
        "`--list_presets` prints all of them."
    )
