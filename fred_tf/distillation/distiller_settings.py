"""Settings of the distiller."""

import dataclasses
import re
from collections.abc import Callable

from fred_tf.optimizers import LAMB, SGD, Adam, Optimizer
from fred_tf.settings import (
    MOST_STEPS,
    Settings,
    check_least,
    check_one_of,
    check_positive,
    check_share,
    later,
)

MEMORY_OPTIMIZERS: dict[str, Callable[[float], Optimizer]] = {
    "sgd": SGD,
    "adam": lambda momentum: Adam(),
    "lamb": lambda momentum: LAMB(),
}


@dataclasses.dataclass(frozen=True)
class DistillerSettings(Settings):
    """Settings of `Distiller`.

    Attributes:
        memory_optimizer: what moves the memory, one of `MEMORY_OPTIMIZERS`.
        memory_learning_rate: step size of the memory; 0 means the usual one of
            the parameterization and the objective, or where none is known one
            that is measured with the share `memory_step.SHARE`; of Adam and
            LAMB the usual one of all objectives.
        memory_share: share of the images' deviation by which the first step
            moves them, in place of a step size, see `memory_step.py`.
        settling_steps: over how many first steps that share goes on to be
            measured, and the step size follows; 0 keeps what was measured
            before the first. Of no account where the step size is given.
        warm_up_steps: over how many steps the step size grows to its full
            size, from 0. What has one of its own, as labels and hallucinators
            may and the student's has, keeps it, here and below.
        decay_steps: over how many steps it falls to a tenth, along half a
            cosine; 0 lets it stay. The whole of a run as a rule.
        drop_steps: steps joined by commas, after each of which it falls to
            `drop_factor` of what it was, e.g. `"1200,1600,1800"`; empty lets
            it stay.
        drop_factor: above 0 and at most 1.
        memory_momentum: momentum for the memory and the objective's weights,
            where these move by SGD.
        memory_average: decay of the running average of the memory that is
            kept as the result; 0 keeps the last memory.
        references_per_step: references (class batches, expert segments) that a
            step averages, over all replicas; 0 means one per replica.
        outlier_factor: times the usual gradient norm, beyond which a step is
            not made, see `outliers.py`; 0 makes every finite step, and suits
            objectives whose network serves several steps (`network_steps`):
            its gradients grow as it is trained.
    """

    memory_learning_rate: float = 0.0
    memory_share: float = 0.0
    warm_up_steps: int = 0
    memory_momentum: float = 0.5
    memory_average: float = 0.0
    references_per_step: int = 0
    outlier_factor: float = 4.0
    settling_steps: int = later(0)
    memory_optimizer: str = later("sgd")
    decay_steps: int = later(0)
    drop_steps: str = later("")
    drop_factor: float = later(0.5)

    def __post_init__(self):
        # Of unnormalised coefficients steps of 1e8 are usual.
        check_least("memory_learning_rate", self.memory_learning_rate, 0, 1e15)
        check_least("memory_share", self.memory_share, 0, 10)
        if self.memory_share and self.memory_learning_rate:
            raise ValueError(
                "The memory's step size is given, or measured so that the "
                "first step moves the images by a share of their deviation. "
                "Received both: `distiller.memory_learning_rate` "
                f"{self.memory_learning_rate} and `distiller.memory_share` "
                f"{self.memory_share}. Make one of them 0."
            )
        check_one_of(
            "memory_optimizer", self.memory_optimizer, MEMORY_OPTIMIZERS
        )
        if self.memory_share and self.memory_optimizer != "sgd":
            raise ValueError(
                "A share of the images' deviation is measured for steps of "
                "SGD. Received: `distiller.memory_share` "
                f"{self.memory_share} and `distiller.memory_optimizer` "
                f"{self.memory_optimizer!r}. Leave the share out, for the "
                "usual step size or a `distiller.memory_learning_rate`."
            )
        for name in ("warm_up_steps", "settling_steps", "decay_steps"):
            check_least(name, getattr(self, name), 0, MOST_STEPS)
        _listed(self.drop_steps)
        check_positive("drop_factor", self.drop_factor, 1)
        usual = type(self).drop_factor
        if self.drop_factor != usual and not self.drop_steps:
            raise ValueError(
                "The memory's step size drops at `drop_steps`. Received: "
                f"`drop_factor` {self.drop_factor} without them. Give "
                "`drop_steps`, or leave it out."
            )
        check_share("memory_momentum", self.memory_momentum, "a decay")
        check_least("references_per_step", self.references_per_step, 0, 100_000)
        check_share(
            "distiller.memory_average",
            self.memory_average,
            "a decay, where 0 keeps the last memory",
        )
        if self.outlier_factor and not 1 < self.outlier_factor <= 1e9:
            raise ValueError(
                "`distiller.outlier_factor` is above 1, times the usual "
                "gradient norm, or 0, which makes every finite step. Received: "
                f"{self.outlier_factor}."
            )

    def remarks(self, config):
        if not self.drops or not 0 < config.outer_steps <= self.drops[0]:
            return []
        return [
            "The memory's step size drops after some of a run's steps. "
            f"Received: `distiller.drop_steps` {self.drop_steps!r} of "
            f"`outer_steps` {config.outer_steps:,}, so it stays. Lower them, "
            "or leave them out."
        ]

    @property
    def drops(self) -> tuple[int, ...]:
        """Returns `drop_steps` as numbers."""
        return _listed(self.drop_steps)

    def optimizer(self) -> Optimizer:
        """Returns what moves the memory."""
        return MEMORY_OPTIMIZERS[self.memory_optimizer](self.memory_momentum)


# Numbers in a list of steps, at most: each is an operation of the graph.
_MOST_DROPS = 100
# Of nine digits at most, as `MOST_STEPS` has them.
_LIST = re.compile(r"([0-9]{1,9}(,[0-9]{1,9})*)?")


def _listed(text: str) -> tuple[int, ...]:
    """Returns the steps of `drop_steps`.

    Raises:
        ValueError: they are no whole numbers, do not rise, or are too many.
    """
    steps: tuple[int, ...] = ()
    if is_list := _LIST.fullmatch(text):
        steps = tuple(map(int, filter(None, text.split(","))))
    rising = all(before < step for before, step in zip((0, *steps), steps))
    if not (is_list and rising and len(steps) <= _MOST_DROPS):
        raise ValueError(
            f"`drop_steps` must be empty, or at most {_MOST_DROPS} rising "
            f"whole numbers from 1 to {MOST_STEPS:,}, joined by commas. "
            "Received: "
            f"{text[:80]!r}. Write e.g. 1200,1600,1800."
        )
    return steps
