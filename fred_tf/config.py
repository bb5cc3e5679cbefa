"""Everything a run is made of, as frozen dataclasses that check themselves.

The fields of a section match the arguments of the constructor it feeds. Three
sections belong to families: their `name` chooses the member, whose own
`Settings` says which other fields there are (see `settings.py`). Checks run
when a config is made, before any data are read.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from fred_tf.datasets.dataset_spec import KNOWN
from fred_tf.experts.trajectory_array import DTYPES
from fred_tf.networks import CONVOLUTIONS, NETWORKS, ConvNet
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import PARAMETERIZATIONS, Frequency
from fred_tf.settings import (
    Settings,
    check_least,
    check_one_of,
    check_positive,
    nearest,
)

# Sections whose `name` chooses a member.
FAMILIES = {
    "objective": OBJECTIVES,
    "parameterization": PARAMETERIZATIONS,
    "network": NETWORKS,
}


@dataclasses.dataclass(frozen=True)
class DistillerConfig:
    """Arguments of `Distiller`.

    Attributes:
        memory_learning_rate: 0 means the usual one of the parameterization
            and the objective, see `memory_learning_rate`.
        memory_average: decay of the running average of the memory that is
            kept as the result; 0 keeps the last memory.
    """

    memory_learning_rate: float = 0.0
    memory_momentum: float = 0.5
    memory_average: float = 0.0

    def __post_init__(self):
        check_least("memory_learning_rate", self.memory_learning_rate, 0)
        check_least("memory_momentum", self.memory_momentum, 0)
        if not 0 <= self.memory_average < 1:
            raise ValueError(
                "`distiller.memory_average` is a decay, from 0, which keeps "
                f"the last memory, to below 1. Received: {self.memory_average}."
            )


@dataclasses.dataclass(frozen=True)
class ExpertsConfig:
    """How experts are trained, and how their trajectories are stored.

    Attributes:
        dtype: in which parameters are stored, see `trajectory_array`.
        stored_epochs: epochs whose parameters are stored, from the first on;
            0 means all. Epochs that no student starts from or aims at only
            take room.
    """

    count: int = 100
    epochs: int = 50
    batch_size: int = 256
    learning_rate: float = 0.01
    momentum: float = 0.0
    dtype: str = "float32"
    stored_epochs: int = 0

    def __post_init__(self):
        for name in ("count", "epochs", "batch_size"):
            check_least(f"experts.{name}", getattr(self, name), 1)
        check_positive("experts.learning_rate", self.learning_rate)
        check_least("experts.momentum", self.momentum, 0)
        check_one_of("experts.dtype", self.dtype, DTYPES)
        if not 0 <= self.stored_epochs <= self.epochs:
            raise ValueError(
                "`experts.stored_epochs` must be between 0, which means all, "
                f"and `experts.epochs` ({self.epochs}). Received: "
                f"{self.stored_epochs}. Lower it or train longer experts."
            )

    @property
    def epochs_on_disk(self) -> int:
        """Epochs that a stored trajectory covers."""
        return self.stored_epochs or self.epochs


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """Arguments of `Evaluator`; `learning_rate` 0 means the learned one."""

    networks: int = 5
    epochs: int = 1000
    batch_size: int = 256
    learning_rate: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 5e-4

    def __post_init__(self):
        for name in ("networks", "epochs", "batch_size"):
            check_least(f"evaluation.{name}", getattr(self, name), 1)
        for name in ("learning_rate", "momentum", "weight_decay"):
            check_least(f"evaluation.{name}", getattr(self, name), 0)


@dataclasses.dataclass(frozen=True)
class Config:
    """A whole run: a preset with its overrides.

    Attributes:
        dataset: a name that `datasets.load` knows.
        ipc: budget in images per class.
        objective: settings of a member of `OBJECTIVES`.
        outer_steps: steps of the distiller.
        augmentation: operations joined by `_`, or `none`.
        seed: the one integer from which everything random follows.
        holdout: share of the training images of each class that replaces the
            test split, to choose settings by; 0 leaves the splits as they are.
        parameterization: settings of a member of `PARAMETERIZATIONS`.
        network: settings of a member of `NETWORKS`; it is matched, and
            trained in the evaluation.
        convolutions: what those of the network multiply, one of
            `CONVOLUTIONS`; see `convolve_in`.
    """

    dataset: str
    ipc: int
    objective: Settings
    outer_steps: int
    augmentation: str = "color_crop_cutout_flip_scale_rotate"
    seed: int = 0
    holdout: float = 0.0
    parameterization: Settings = Frequency.Settings()
    network: Settings = ConvNet.Settings()
    convolutions: str = "float32"
    distiller: DistillerConfig = DistillerConfig()
    experts: ExpertsConfig = ExpertsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    def __post_init__(self):
        check_least("ipc", self.ipc, 1)
        check_least("outer_steps", self.outer_steps, 0)
        if not 0 <= self.holdout < 1:
            raise ValueError(
                "`holdout` is a share of the training images, from 0 to below "
                f"1. Received: {self.holdout}."
            )
        check_one_of("convolutions", self.convolutions, CONVOLUTIONS)
        instances = None
        if self.dataset in KNOWN:
            known = KNOWN[self.dataset]
            shape, classes = known.image_shape, known.classes
            instances = classes * instances_per_class(self, shape, classes)
            memory_learning_rate(self, shape)
        self.objective.check_run(self, instances)


def instances_per_class(
    config: Config, image_shape: tuple[int, ...], classes: int
) -> int:
    """Returns how many images of each class the budget of `config` holds.

    Raises:
        ValueError: the budget cannot be met with images of this shape.
    """
    stored = config.parameterization
    member = PARAMETERIZATIONS[stored.name]
    return member.instances_within(stored, image_shape, classes, config.ipc)


def memory_learning_rate(config: Config, image_shape: tuple[int, ...]) -> float:
    """Returns the step size for the memory that a run takes.

    Raises:
        ValueError: none is set, and the parameterization knows none for the
            objective.
    """
    stored = config.parameterization
    return config.distiller.memory_learning_rate or PARAMETERIZATIONS[
        stored.name
    ].usual_learning_rate(stored, config.objective.name, image_shape)


def resolved(config: Config, image_shape: tuple[int, ...]) -> Config:
    """Returns a config with the step size for the memory that a run takes."""
    rate = memory_learning_rate(config, image_shape)
    return replace(config, {"distiller.memory_learning_rate": rate})


def to_json(config: Config) -> dict[str, Any]:
    """Returns a config as JSON values; `from_json` undoes it."""
    values = dataclasses.asdict(config)
    for section in FAMILIES:
        name = getattr(config, section).name
        values[section] = {"name": name, **values[section]}
    return values


def from_json(values: Mapping[str, Any]) -> Config:
    """Rebuilds a config from `to_json`.

    Raises:
        ValueError: a field is unknown, missing or out of its range.
    """
    values = dict(values)
    for field in dataclasses.fields(Config):
        if field.name in FAMILIES and field.name in values:
            arguments = dict(values[field.name])
            section = member_settings(field.name, arguments.pop("name", ""))
            values[field.name] = _section(section, arguments)
        elif dataclasses.is_dataclass(field.type) and field.name in values:
            values[field.name] = _section(field.type, values[field.name])
    return _section(Config, values)


def member_settings(section: str, name: str) -> type[Settings]:
    """Returns the settings of the member `name` of a family.

    Raises:
        ValueError: there is no such member.
    """
    check_one_of(f"{section}.name", name, FAMILIES[section])
    return FAMILIES[section][name].Settings


def _section(section: type, arguments: Mapping[str, Any]) -> Any:
    known = [field.name for field in dataclasses.fields(section)]
    for name in arguments:
        if name not in known:
            raise ValueError(
                f"{section.__name__} has no field {name!r}; it has {known}."
                f"{nearest(name, known)}"
            )
    return section(**arguments)


# Another one of these means other units of the memory, or other gradients.
_CHANGE_THE_RATE = (
    "objective.name",
    "parameterization.name",
    "parameterization.transform",
    "parameterization.norm",
    "parameterization.channels",
)


def replace(config: Config, values: Mapping[str, Any]) -> Config:
    """Returns `config` with the dotted fields of `values` replaced.

    Another member of a family (`{"parameterization.name": "pixel"}`) starts
    from its own defaults, and the step size for the memory falls back to the
    usual one where what it is tuned for changes. Checks run once, after all
    replacements.
    """
    changed = to_json(config)

    def present(path: str) -> Any:
        section, _, last = path.rpartition(".")
        return (changed[section] if section else changed).get(last)

    if any(
        path in values and values[path] != present(path)
        for path in _CHANGE_THE_RATE
    ):
        changed["distiller"]["memory_learning_rate"] = 0.0
    for section in FAMILIES:
        path = f"{section}.name"
        if path in values and values[path] != present(path):
            changed[section] = {"name": values[path]}
    for path, value in values.items():
        section, _, last = path.rpartition(".")
        (changed[section] if section else changed)[last] = value
    return from_json(changed)
