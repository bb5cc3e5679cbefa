"""Settings for a budget in bytes: what nobody said of it follows. Ours.

Levels of the step `STEP`, which the export rounds to, leave two to four bits to
a coefficient. On held-out images one of 6 was worth 0.8 points more on MNIST,
trained through it, and one of 8 as much on CIFAR-10 (docs/bytes-measured.md).
As many images as fit share the gradient of a step, so that the step size of a
preset, which is of its own number of images, gives way to a share: of 320
images of CIFAR-10 both are 3e5.
"""

from collections.abc import Iterable
from typing import Any

from fred_tf import config as config_lib
from fred_tf.assignments import listed, pair
from fred_tf.config import Config
from fred_tf.distillation.fallen_back import OPTIMIZER
from fred_tf.distillation.memory_step import SHARE
from fred_tf.parameterizations.frequency_settings import FrequencySettings
from fred_tf.settings import argument, check_least

STEP = 4.0
_MEMORY = "parameterization.name"
# Overrides that say of what there is a budget, and whether steps have a share.
_DECIDE = (_MEMORY, OPTIMIZER, OPTIMIZER.removeprefix("distiller."))


def within_bytes(
    config: Config, budget_bytes: int, overrides: Iterable[str] = ()
) -> Config:
    """Returns settings with a budget in bytes in the place of `ipc`.

    Coefficients stay those of the settings, as does a `step` or a
    `memory_share` that they give.

    Args:
        config: of a memory of frequencies.
        budget_bytes: of the whole export `coefficients_coded`.
        overrides: what is to be replaced afterwards; a memory and an
            optimiser that they name are those that are meant.

    Raises:
        TypeError: the bytes are no whole number.
        ValueError: they are below 1, or the memory is another.
    """
    budget_bytes = argument("budget_bytes", budget_bytes, int)
    check_least("budget_bytes", budget_bytes, 1)
    named = [text for text in listed(overrides) if pair(text)[0] in _DECIDE]
    config = config_lib.override(config, named)
    memory = _coded_memory(config)
    values: dict[str, Any] = {"parameterization.budget_bytes": budget_bytes}
    if not memory.step:
        values["parameterization.step"] = STEP
        values["parameterization.rounded"] = "export"
    distiller = config.distiller
    if distiller.memory_optimizer == "sgd" and not distiller.memory_share:
        values["distiller.memory_share"] = SHARE
    return config_lib.replace(config, values)


def check_kept(config: Config, budget_bytes: int) -> None:
    """Refuses settings in which an override has replaced the budget.

    Raises:
        ValueError: they have another, or a memory that is not coded.
    """
    there = _coded_memory(config).budget_bytes
    if there != budget_bytes:
        other = f"`budget_bytes` {there:,}" if there else f"`ipc` {config.ipc}"
        raise ValueError(
            "A budget is `ipc` images per class or `budget_bytes`, and given "
            f"once. Received: {budget_bytes:,} bytes, and {other} by an "
            "override. Leave one out."
        )


def _coded_memory(config: Config) -> FrequencySettings:
    """Returns the memory of settings, of which there may be a budget in bytes.

    Raises:
        ValueError: it is another.
    """
    memory = config.parameterization
    if not isinstance(memory, FrequencySettings):
        raise ValueError(
            "`budget_bytes` is of memories of frequencies, which alone are "
            f"coded. Received: {memory.name!r}. Give a budget in `ipc`, or "
            f"`{_MEMORY}={FrequencySettings.name}`."
        )
    return memory
