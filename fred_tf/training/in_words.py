"""How networks are trained on a set, in words for people.

Between them these tell all that `scoring.HOW` says of an evaluation by networks
and that is not as usual.
"""

from collections.abc import Mapping
from typing import Any

from fred_tf.networks import CONVOLUTIONS, LAYOUTS
from fred_tf.training.evaluator_settings import EvaluatorSettings

_SCHEDULES = {
    "drop": "a tenth of it after half of the epochs",
    "cosine": "growing for {} epochs, then along half a cosine",
    "two_drops": "a fifth of it after two thirds and again after five sixths",
}
# Of a network, what its size is not told by.
_LEFT_OUT = "name", "architecture"


def network(told: Mapping[str, Any]) -> str:
    """Returns the settings of a network, e.g. `(width 64, depth 2)`.

    Args:
        told: its settings or description, as evaluations state it.
    """
    listed = [f"{k} {v}" for k, v in told.items() if k not in _LEFT_OUT]
    return f"({', '.join(listed)})" if listed else "as it is"


def training(
    own: EvaluatorSettings, rate: float, views: int | None = None
) -> str:
    """Returns passes, batches, optimiser and step sizes.

    Args:
        own: how networks are trained.
        rate: step size that they start with.
        views: those that the set has of each thing, 1 for none; None where
            that is not known.
    """
    how = f"{own.optimizer}, step size {rate:g}, "
    how += _SCHEDULES[own.schedule].format(own.warm_up_epochs)
    if own.optimizer == "sgd":
        how += f", momentum {own.momentum:g}, weight decay {own.weight_decay:g}"
    alone = ", each standardized," if own.standardized_batches else ","
    seen = ""
    if own.views == "one" and views != 1:
        seen = " of one view of what is stored"
    return (
        f"{own.epochs:,} epochs{seen} in batches of {own.batch_size}{alone} "
        f"{how}"
    )


def augmentation(own: EvaluatorSettings, usual: str) -> str:
    """Returns what is done to images in training.

    Args:
        own: how networks are trained.
        usual: the augmentation of the run.
    """
    mixed = f", cutmix {own.cutmix:g}" if own.cutmix else ""
    return f"{own.augmentation or usual}{mixed}"


def arithmetic(convolutions: str, norm_layout: str = "") -> str:
    """Returns how networks are computed; empty for as usual.

    Args:
        convolutions: the type of their convolutions.
        norm_layout: how their norms lay out images; empty for as usual.
    """
    told, usual = [], next(iter(LAYOUTS))
    if convolutions != CONVOLUTIONS[0]:
        told.append(f"convolutions in {convolutions}")
    if norm_layout not in ("", usual):
        told.append(f"norm layout {norm_layout}")
    return ", ".join(told)
