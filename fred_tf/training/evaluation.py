"""What an evaluation found: accuracies of networks."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Test accuracies of networks that were trained on one set.

    Attributes:
        accuracies: one value in [0, 1] per network.
        learning_rate: step size that the networks started with.
        corrupted: the same networks' accuracies on other test images, by
            name; one value per network.
    """

    accuracies: tuple[float, ...]
    learning_rate: float
    corrupted: Mapping[str, Sequence[float]] = dataclasses.field(
        default_factory=dict
    )

    @property
    def mean(self) -> float:
        """Mean accuracy."""
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float:
        """Population standard deviation, as the papers report it."""
        return float(np.std(self.accuracies))

    def __str__(self) -> str:
        return f"{self._in_per_cent('+-')} %"

    @property
    def cell(self) -> str:
        """Mean and deviation in per cent, for a table: `58.8 ± 0.4`."""
        return self._in_per_cent("±")

    def _in_per_cent(self, sign: str) -> str:
        """Returns the mean, and the spread; of one network there is none."""
        mean = f"{100 * self.mean:.1f}"
        if len(self.accuracies) == 1:
            return mean
        return f"{mean} {sign} {100 * self.deviation:.1f}"

    @property
    def corruptions(self) -> dict[str, "Evaluation"]:
        """The evaluation on each of the other test sets."""
        return {
            name: Evaluation(tuple(values), self.learning_rate)
            for name, values in self.corrupted.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as JSON values."""
        figures = {
            "mean": self.mean,
            "deviation": self.deviation,
            "accuracies": list(self.accuracies),
            "learning_rate": self.learning_rate,
        }
        if self.corrupted:
            figures["corrupted"] = {
                name: list(values) for name, values in self.corrupted.items()
            }
        return figures
