"""Named settings: `<dataset>_ipc<k>_<objective>`, one row each.

`dm` and `tm` suit any data set, whose name is given beside them.
"""

from collections.abc import Iterable

from fred_tf import config as config_lib
from fred_tf.assignments import listed
from fred_tf.datasets import ImageData, Preparation
from fred_tf.presets import (
    distribution_matching,
    feature_alignment,
    feature_regression,
    general,
    gradient_matching,
    hallucinator,
    kernel_ridge,
    larger,
    trained_gradient_matching,
    trajectory_matching,
)
from fred_tf.presets.for_bytes import check_kept, within_bytes
from fred_tf.presets.for_data import config_for
from fred_tf.settings import nearest

__all__ = [
    "check_kept",
    "config_for",
    "names",
    "preset",
    "settled",
    "table",
    "within_bytes",
]

_TABLES = (
    general,
    distribution_matching,
    feature_alignment,
    feature_regression,
    gradient_matching,
    hallucinator,
    kernel_ridge,
    larger,
    trained_gradient_matching,
    trajectory_matching,
)


def names() -> list[str]:
    """Returns the names of all presets, sorted."""
    return sorted(name for table in _TABLES for name in table.ROWS)


def table() -> str:
    """Returns one line per preset, for people."""
    width = max(map(len, names()))
    lines = [f"{'preset':{width}} images/class  outer steps  objective"]
    for name in names():
        config = preset(name)
        lines.append(
            f"{name:{width}} {_images(config):>12} {config.outer_steps:12,}  "
            f"{config.objective.name}"
        )
    return "\n".join(lines)


def _images(config: config_lib.Config) -> str:
    """Returns how many images of a class there will be, before data are read.

    A share of the frequencies says it of images of any size.
    """
    side = config.preparation.image_size
    if known := config_lib.known_images(config):
        return str(config_lib.instances_per_class(config, *known))
    if side:
        squares = (side, side, 3)
        return str(config_lib.instances_per_class(config, squares, 10))
    if share := config.parameterization.to_json().get("kept_share"):
        return str(int(config.ipc / share))
    return "by size"


def preset(name: str) -> config_lib.Config:
    """Returns the config of a preset.

    Raises:
        ValueError: no such preset; the message suggests the nearest name.
    """
    for table in _TABLES:
        if name in table.ROWS:
            return config_lib.replace(table.BASE, table.ROWS[name])
    raise ValueError(
        f"Unknown preset {name!r}.{nearest(name, names())} "
        "`--list_presets` prints all of them."
    )


def settled(
    data: ImageData,
    config: config_lib.Config | str | None,
    ipc: int | None = None,
    overrides: Iterable[str] = (),
    budget_bytes: int | None = None,
    scored: bool = False,
) -> config_lib.Config:
    """Returns the settings of a run on some data.

    Args:
        data: the real data, which the settings are made to name.
        config: settings, the name of a preset, or None.
        ipc: in the place of a config: `config_for`.
        overrides: `name=value` each.
        budget_bytes: in the place of the budget of a config, or of a config,
            see `within_bytes`.
        scored: whether a set is only scored, which whitens test images as the
            set is, whatever the settings say.

    Raises:
        TypeError: `config` is neither settings nor a name.
        ValueError: there are two budgets, or `ipc` beside a config, or nothing
            of both; a setting is unknown or out of its range; or it asks for
            other data than these, or another normalisation than they have.
    """
    settings = _start(data, config, ipc, budget_bytes)
    overrides = listed(overrides)  # They are read twice.
    own = data.normalization.name
    named = config_lib.replace(
        config_lib.prepared(settings, data.preparation),
        {
            "dataset": data.dataset,
            "holdout": data.holdout,
            "normalization": own,
        },
    )
    if budget_bytes is not None:
        named = within_bytes(named, budget_bytes, overrides)
    overridden = config_lib.override(named, overrides)
    if budget_bytes is not None:
        check_kept(overridden, budget_bytes)
    if ipc is not None and overridden.parameterization.budget_bytes:
        raise ValueError(
            "A budget is `ipc` images per class or `budget_bytes`. Received: "
            f"`ipc` {ipc} and `budget_bytes` "
            f"{overridden.parameterization.budget_bytes:,}. Leave one out: "
            "`distill` takes `budget_bytes` in the place of `ipc`."
        )
    _check_loaded(settings, named, overridden, scored)
    return overridden


def _check_loaded(
    settings: config_lib.Config,
    named: config_lib.Config,
    overridden: config_lib.Config,
    scored: bool,
) -> None:
    """Refuses settings of data that are loaded, and otherwise, by then.

    Args:
        settings: before they named what is loaded.
        named: the same, as they name it.
        overridden: what overrides made of that.
        scored: see `settled`.
    """
    for setting in ("dataset", "holdout", "preparation", "normalization"):
        own, asked = getattr(named, setting), getattr(overridden, setting)
        # What is not the default was asked for. Presets are of data that have
        # a name and a size, and suit others.
        if setting in ("holdout", "normalization") and not scored:
            first = getattr(settings, setting)
            usual = getattr(config_lib.Config, setting)
            asked = first if asked == own and first != usual else asked
        if asked != own:
            call = f"fred_tf.load_data({_loading(setting, asked)})"
            raise ValueError(
                f"`{setting}` is that of the data, which are loaded before. "
                f"Received: {_told(asked)} for data with {_told(own)}. Load "
                f"them with it: `{call}`."
            )


def _told(value: str | float | Preparation) -> str:
    """Returns a setting of data as a call of Python writes it."""
    if not isinstance(value, Preparation):
        return repr(value)
    parts = [f"{name}={part!r}" for name, part in value.to_json().items()]
    return f"fred_tf.Preparation({', '.join(parts)})"


def _loading(setting: str, value: str | float | Preparation) -> str:
    """Returns what `load_data` is called with for a setting of data."""
    if setting == "dataset":
        return _told(value)
    return f"..., {setting}={_told(value)}"


def _start(
    data: ImageData,
    config: config_lib.Config | str | None,
    ipc: int | None,
    budget_bytes: int | None,
) -> config_lib.Config:
    """Returns the settings that are meant, before anything changes them."""
    if ipc is not None and budget_bytes is not None:
        raise ValueError(
            "A budget is `ipc` images per class or `budget_bytes`. Received "
            f"both: {ipc} and {budget_bytes}. Leave one out."
        )
    if config is None and budget_bytes is not None:
        return config_for(data, 1)
    if config is None and ipc is not None:
        return config_for(data, ipc)
    if isinstance(config, str) and ipc is None:
        return preset(config)
    if isinstance(config, config_lib.Config) and ipc is None:
        return config
    if ipc is None and config is not None:
        raise TypeError(
            "`config` must be a `fred_tf.Config` or the name of a preset. "
            f"Received: {type(config).__name__}."
        )
    raise ValueError(
        "Settings are a config, the name of a preset, or an `ipc` or "
        f"`budget_bytes`. Received: `config` {config!r} and `ipc` {ipc!r}. "
        "Give one of them; `overrides=['ipc=2']` changes that of a preset."
    )
