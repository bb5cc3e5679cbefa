"""Everything a run is made of, as frozen dataclasses that check themselves.

The fields of a section match the arguments of the constructor it feeds.
Checks run when a config is made, before any data are read.
"""

import dataclasses
import difflib
import math
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from fred_tf import budget
from fred_tf.datasets.dataset_spec import KNOWN
from fred_tf.expert_array import DTYPES
from fred_tf.objectives.student import STUDENT_MEMORY, chunks_of
from fred_tf.parameterizations.frequency import MASK_STATISTICS
from fred_tf.parameterizations.frequency_mask import MASK_RULES
from fred_tf.transforms.dct import NORMS


def _least(name: str, value: float, least: float) -> None:
    if not (math.isfinite(value) and value >= least):
        raise ValueError(
            f"`{name}` must be a finite number of at least {least}. "
            f"Received: {value}."
        )


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(
            f"`{name}` must be a finite number above 0. Received: {value}."
        )


def _one_of(name: str, value: str, known: Iterable[str]) -> None:
    known = sorted(known)
    if value not in known:
        raise ValueError(
            f"`{name}` must be one of {known}. Received: "
            f"{value!r}.{nearest(value, known)}"
        )


def nearest(value: str, known: Iterable[str]) -> str:
    """Returns ` Did you mean 'x'?` for the closest known name, or nothing."""
    close = difflib.get_close_matches(value, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


@dataclasses.dataclass(frozen=True)
class ParameterizationConfig:
    """What is stored. All but `name` concern `frequency` only."""

    name: str = "frequency"
    coefficients_per_channel: int = 64
    transform: str = "dct"
    norm: str = "none"
    mask_rule: str = "explained_variance"
    mask_statistics: str = "initial_images"

    def __post_init__(self):
        _one_of("parameterization.name", self.name, ("frequency", "pixel"))
        _least("coefficients_per_channel", self.coefficients_per_channel, 1)
        _one_of("transform", self.transform, ("dct",))
        _one_of("norm", self.norm, NORMS)
        _one_of("mask_rule", self.mask_rule, MASK_RULES)
        _one_of("mask_statistics", self.mask_statistics, MASK_STATISTICS)


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """The network that is matched and evaluated."""

    name: str = "convnet"
    width: int = 128
    depth: int = 3
    norm: str = "instance"

    def __post_init__(self):
        _one_of("network.name", self.name, ("convnet",))
        _least("width", self.width, 1)
        _least("depth", self.depth, 1)


@dataclasses.dataclass(frozen=True)
class DistributionMatchingConfig:
    """Arguments of `DistributionMatching`."""

    name: typing.ClassVar[str] = "distribution_matching"
    real_batch_per_class: int = 256
    batches_per_step: int = 0

    def __post_init__(self):
        _least("real_batch_per_class", self.real_batch_per_class, 1)
        _least("batches_per_step", self.batches_per_step, 0)


@dataclasses.dataclass(frozen=True)
class TrajectoryMatchingConfig:
    """Arguments of `TrajectoryMatching`."""

    name: typing.ClassVar[str] = "trajectory_matching"
    student_steps: int = 50
    expert_epochs: int = 2
    max_start_epoch: int = 5
    student_batch: int = 0
    student_learning_rate: float = 0.01
    student_learning_rate_step: float = 1e-7
    minimum_student_learning_rate: float = 1e-3
    student_memory: str = "recompute"
    student_chunk: int = 0
    segments_per_step: int = 0

    def __post_init__(self):
        _least("student_steps", self.student_steps, 1)
        _least("expert_epochs", self.expert_epochs, 1)
        _least("max_start_epoch", self.max_start_epoch, 1)
        _least("student_batch", self.student_batch, 0)
        _positive("student_learning_rate", self.student_learning_rate)
        _least("student_learning_rate_step", self.student_learning_rate_step, 0)
        _positive(
            "minimum_student_learning_rate", self.minimum_student_learning_rate
        )
        _one_of("student_memory", self.student_memory, STUDENT_MEMORY)
        _least("student_chunk", self.student_chunk, 0)
        _least("segments_per_step", self.segments_per_step, 0)


ObjectiveConfig = DistributionMatchingConfig | TrajectoryMatchingConfig
OBJECTIVE_CONFIGS = {
    section.name: section for section in typing.get_args(ObjectiveConfig)
}


@dataclasses.dataclass(frozen=True)
class DistillerConfig:
    """Arguments of `Distiller`."""

    memory_learning_rate: float = 1e6
    memory_momentum: float = 0.5

    def __post_init__(self):
        _positive("memory_learning_rate", self.memory_learning_rate)
        _least("memory_momentum", self.memory_momentum, 0)


@dataclasses.dataclass(frozen=True)
class ExpertsConfig:
    """How experts are trained, and how their trajectories are stored.

    Attributes:
        dtype: in which parameters are stored, see `expert_array`.
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
            _least(f"experts.{name}", getattr(self, name), 1)
        _positive("experts.learning_rate", self.learning_rate)
        _least("experts.momentum", self.momentum, 0)
        _one_of("experts.dtype", self.dtype, DTYPES)
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
            _least(f"evaluation.{name}", getattr(self, name), 1)
        for name in ("learning_rate", "momentum", "weight_decay"):
            _least(f"evaluation.{name}", getattr(self, name), 0)


@dataclasses.dataclass(frozen=True)
class Config:
    """A whole run: a preset with its overrides.

    Attributes:
        dataset: a name that `datasets.load` knows.
        ipc: budget in images per class.
        outer_steps: steps of the distiller.
        augmentation: operations joined by `_`, or `none`.
        seed: the one integer from which everything random follows.
    """

    dataset: str
    ipc: int
    objective: ObjectiveConfig
    outer_steps: int
    augmentation: str = "color_crop_cutout_flip_scale_rotate"
    seed: int = 0
    parameterization: ParameterizationConfig = ParameterizationConfig()
    network: NetworkConfig = NetworkConfig()
    distiller: DistillerConfig = DistillerConfig()
    experts: ExpertsConfig = ExpertsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    def __post_init__(self):
        _least("ipc", self.ipc, 1)
        _least("outer_steps", self.outer_steps, 0)
        objective = self.objective
        if self.dataset in KNOWN:
            known = KNOWN[self.dataset]
            instances = known.classes * check_budget(self, known.image_shape)
            if isinstance(objective, TrajectoryMatchingConfig):
                chunks_of(
                    instances, objective.student_batch, objective.student_chunk
                )
        if isinstance(objective, TrajectoryMatchingConfig):
            start, length = objective.max_start_epoch, objective.expert_epochs
            last, experts = start - 1 + length, self.experts
            if last > experts.epochs_on_disk:
                raise ValueError(
                    "`max_start_epoch` - 1 + `expert_epochs` must not exceed "
                    f"the {experts.epochs_on_disk} stored epochs of the "
                    f"experts. Received: {start} - 1 + {length} = {last}, with "
                    f"`experts.stored_epochs` {experts.stored_epochs} (0 means "
                    f"all) and `experts.epochs` {experts.epochs}. Lower one of "
                    "the former or raise the latter."
                )


def check_budget(config: Config, image_shape: tuple[int, ...]) -> int:
    """Returns the instances per class that `config` asks for.

    Raises:
        ValueError: the budget cannot be met with images of this shape.
    """
    stored = config.parameterization
    if stored.name == "pixel":
        return config.ipc
    kept = stored.coefficients_per_channel
    instances = budget.instances_per_class(image_shape, config.ipc, kept)
    if instances < 2 and kept < budget.positions(image_shape):
        raise ValueError(
            f"`coefficients_per_channel` {kept} leaves {instances} instance "
            f"per class at `ipc` {config.ipc}, and explained variance needs 2. "
            f"Keep at most {config.ipc * budget.positions(image_shape) // 2}, "
            "or raise `ipc`."
        )
    return instances


def to_json(config: Config) -> dict[str, Any]:
    """Returns a config as JSON values; `from_json` undoes it."""
    values = dataclasses.asdict(config)
    values["objective"] = {"name": config.objective.name, **values["objective"]}
    return values


def from_json(values: Mapping[str, Any]) -> Config:
    """Rebuilds a config from `to_json`.

    Raises:
        ValueError: a field is unknown, missing or out of its range.
    """
    values = dict(values)
    for field in dataclasses.fields(Config):
        section = field.type
        if field.name == "objective":
            arguments = dict(values["objective"])
            name = arguments.pop("name", "")
            _one_of("objective.name", name, OBJECTIVE_CONFIGS)
            values["objective"] = _section(OBJECTIVE_CONFIGS[name], arguments)
        elif dataclasses.is_dataclass(section):
            values[field.name] = _section(section, values.get(field.name, {}))
    return _section(Config, values)


def _section(section: type, arguments: Mapping[str, Any]) -> Any:
    known = [field.name for field in dataclasses.fields(section)]
    for name in arguments:
        if name not in known:
            raise ValueError(
                f"{section.__name__} has no field {name!r}; it has {known}."
                f"{nearest(name, known)}"
            )
    return section(**arguments)


def replace(config: Config, values: Mapping[str, Any]) -> Config:
    """Returns `config` with the dotted fields of `values` replaced.

    Checks run once, after all replacements.
    """
    changed = to_json(config)
    for path, value in values.items():
        target = changed
        *sections, last = path.split(".")
        for section in sections:
            target = target[section]
        target[last] = value
    return from_json(changed)
