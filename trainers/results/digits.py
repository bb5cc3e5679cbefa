"""Rows of digits, which `trainers.quickstart` makes, too."""

from collections.abc import Mapping
from typing import Any

from trainers.results.row import Row

PRESET = "digits_ipc1_tm"
# What differs where the memory is made of pixels: no frequencies, and a step
# size in pixel units.
PIXEL = {
    "parameterization.name": "pixel",
    "distiller.memory_learning_rate": 100.0,
}
# The full training set is of far more images: far fewer passes suffice.
FULL = {"evaluation.epochs": 60, "evaluation.learning_rate": 0.02}


def _assigned(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns changes as overrides."""
    return tuple(f"{name}={value}" for name, value in changes.items())


DIGITS = {
    "digits_ipc1_random": Row(PRESET, (), "random"),
    "digits_ipc1_pixel_tm": Row(PRESET, _assigned(PIXEL)),
    "digits_ipc1_fred_tm": Row(PRESET),
    "digits_full": Row(PRESET, (), "full", _assigned(FULL)),
}
