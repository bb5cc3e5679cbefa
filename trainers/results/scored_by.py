"""What rows of RESULTS.md are scored by, as a cell of its tables tells it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fred_tf import Config
from fred_tf.networks import ConvNet
from fred_tf.training.evaluator_settings import EvaluatorSettings

# How most rows are scored, and the words for what differs.
USUAL = (
    "Networks are trained by SGD with one drop of the step size, batches of up "
    "to 256 and the run's augmentation, which is siamese, on all views of a "
    "set; what differs is said beside their epochs"
)
_DIFFERENT: Mapping[str, Callable[[Any], str]] = {
    "loss": lambda loss: loss.replace("_", " "),
    "optimizer": str,
    "schedule": lambda schedule: schedule.replace("_", " "),
    "warm_up_epochs": lambda epochs: f"warm-up {epochs:,}",
    "momentum": lambda share: f"momentum {share:g}",
    "weight_decay": lambda share: f"weight decay {share:g}",
    "batch_size": lambda size: f"batches of {size}",
    "cutmix": lambda share: f"cutmix {share:g}",
    "views": lambda _: "one view a pass",
    "standardized_batches": lambda _: "standardized batches",
}
_AS_USUAL = EvaluatorSettings()
_USUAL_AUGMENTATION = set(Config.augmentation.split("_"))
_USUAL_NORM = "instance"


def cell(record: Mapping[str, Any]) -> str:
    """Returns networks and epochs, or the regression that scores instead.

    Args:
        record: of a row.
    """
    scored = record["evaluation"]["evaluation"]
    if (by := scored.get("by", "networks")) != "networks":
        return by.replace("_", " ")
    networks = f"{len(record['accuracies'])} x {scored['epochs']:,}"
    told = ", ".join([networks, *_differences(record["evaluation"])])
    convolutions = record["evaluation"].get("convolutions", "float32")
    rounded = f" in {convolutions}" if convolutions != "float32" else ""
    return where(f"{told}{rounded}", record.get("scored_on"))


def where(what: Any, device: str | None) -> str:
    """Returns what was done, and on which device if that is known."""
    return f"{what} on {device}" if device else str(what)


def _differences(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yields what networks are not trained by as those of most rows are."""
    own = settings["evaluation"]
    network = settings["network"]
    norm = network.get("norm", _USUAL_NORM)
    if network["name"] == ConvNet.Settings.name and norm != _USUAL_NORM:
        yield f"norm {norm}"
    for name, said in _DIFFERENT.items():
        usual = getattr(_AS_USUAL, name)
        if (value := own.get(name, usual)) != usual:
            yield said(value)
    yield from _augmented(own.get("augmentation") or settings["augmentation"])


def _augmented(by: str) -> Iterator[str]:
    """Yields how an augmentation differs; digits may not be mirrored."""
    operations = set(by.split("_"))
    if by == "none":
        yield "not augmented"
    elif operations == _USUAL_AUGMENTATION - {"flip"}:
        yield "not mirrored"
    elif operations != _USUAL_AUGMENTATION:
        yield f"augmented by {by}"
