"""What figures are drawn of: a run, others beside it, and the real data."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from fred_tf import config as config_lib
from fred_tf.datasets import ImageData
from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.normalizations import ZCA, Normalization
from fred_tf.parameterizations import PARAMETERIZATIONS
from fred_tf.synthetic_set import SyntheticSet

# More real images than this change no curve that can be seen.
_MOST = 10_000


class MissingError(ValueError):
    """What a figure needs, the run does not have."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """What figures are drawn of.

    Attributes:
        runs: the run and those it is compared with, by name, itself first.
        loaded: the real data, for figures that need them.
        expert_dir: folder of the expert store, for objectives that need it.
    """

    runs: Mapping[str, DistilledRun]
    loaded: ImageData | None = None
    expert_dir: str | None = None

    @property
    def run(self) -> DistilledRun:
        """The run itself."""
        return next(iter(self.runs.values()))

    @property
    def about(self) -> str:
        """Of which step of the run figures are, as their files say it."""
        return f"outer step {self.run.step}"

    @property
    def data(self) -> ImageData:
        """The real data; raises MissingError where none are loaded."""
        if self.loaded is None:
            raise MissingError("it needs the real data")
        return self.loaded

    def real(self, most: int = _MOST) -> tuple[np.ndarray, np.ndarray]:
        """Returns normalised training images and their labels.

        Of more than `most` images, evenly spread ones: sets come sorted.
        """
        split = self.data.train
        count = min(most, len(split))
        rows = np.linspace(0, len(split) - 1, count).round().astype(int)
        images = self.data.normalization(split.images[rows])
        return images, split.labels[rows]

    def sets(self) -> dict[str, SyntheticSet]:
        """Returns the decoded set of each run."""
        return {name: run.synthetic_set() for name, run in self.runs.items()}

    def check_seen(self) -> None:
        """Raises MissingError where images have no colours to be seen in."""
        channels = self.run.facts.image_shape[-1]
        if channels not in (1, 3):
            raise MissingError(f"images of {channels} channels cannot be seen")


def seen(images: np.ndarray, normalization: Normalization) -> np.ndarray:
    """Returns images of which frequencies are measured.

    Whitening gives all of them about the same energy, and is undone.
    """
    whitened = isinstance(normalization, ZCA)
    return normalization.undo(images) if whitened else images


def title(config: config_lib.Config) -> str:
    """Returns what people call the way in which a set is stored."""
    return PARAMETERIZATIONS[config.parameterization.name].called()


# What figures call real images: all of them, and some that are drawn.
REAL = ALL_REAL, SOME_REAL = "real images", "random real"


def named_runs(
    run_dir: files.Path, compared: list[str]
) -> dict[str, DistilledRun]:
    """Restores a run and those it is compared with.

    Args:
        run_dir: the run, named as people call its parameterization.
        compared: `name=run_dir` each.

    Raises:
        ValueError: one is not written like this, two names are equal, or the
            runs are of different data.
    """
    first = DistilledRun.restore(run_dir)
    runs = {title(first.config): first}
    for text in compared:
        name, separator, folder = text.partition("=")
        if not separator or not name or name in {*runs, *REAL}:
            raise ValueError(
                "--compare is written name=run_dir, each name once. "
                f"Received: {text!r} beside {[*runs, *REAL]}."
            )
        runs[name] = DistilledRun.restore(folder)
        for fact in ("name", "class_names", "train", "test"):
            own, other = (
                getattr(run.facts, fact) for run in (first, runs[name])
            )
            if own != other:
                raise ValueError(
                    "Runs that are compared must be of the same data. "
                    f"Received: `data.{fact}` {own!r} and, in {folder}, "
                    f"{other!r}. Leave that run out."
                )
    return runs
