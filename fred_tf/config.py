"""Everything a run is made of, as frozen dataclasses that check themselves.

A section is the settings of what it is named for. Three sections belong to
families: their `name` chooses the member, whose own `Settings` says which other
fields there are (see `settings.py`). Checks run when a config is made, before
any data are read.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from fred_tf import assignments as written
from fred_tf import budget
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.dataset_spec import KNOWN
from fred_tf.datasets.names import check_name
from fred_tf.datasets.preparation import Preparation
from fred_tf.distillation.distiller_settings import DistillerSettings
from fred_tf.distillation.fallen_back import RATE, SHARE, fallen_back
from fred_tf.distillation.memory_step import usual_step
from fred_tf.experts.trainer import ExpertSettings
from fred_tf.networks import CONVOLUTIONS, LAYOUTS, NETWORKS, ConvNet
from fred_tf.normalizations import NORMALIZATIONS
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import PARAMETERIZATIONS, Frequency
from fred_tf.parameterizations.labels import MemorySettings, check_learned
from fred_tf.settings import (
    MOST_STEPS,
    Member,
    Settings,
    check_least,
    check_one_of,
    check_share,
    check_types,
    field_types,
    later,
    made_of,
)
from fred_tf.training.evaluator_settings import EvaluatorSettings

# Images per class; and a seed that is an int64 for other tools.
MOST_IPC, _MOST_SEED = 1_000_000, 2**63 - 1

# Sections whose `name` chooses a member.
FAMILIES: Mapping[str, Mapping[str, type[Member]]] = {
    "objective": OBJECTIVES,
    "parameterization": PARAMETERIZATIONS,
    "network": NETWORKS,
}


@dataclasses.dataclass(frozen=True)
class Config:
    """A whole run: a preset with its overrides.

    Attributes:
        dataset: a name that `datasets.load` knows.
        ipc: budget in images per class; of a memory with `budget_bytes` the
            fewest whole images that have as many floats, once there are data.
        objective: settings of a member of `OBJECTIVES`.
        outer_steps: steps of the distiller.
        augmentation: operations joined by `_`, or `none`.
        seed: the one integer from which everything random follows.
        holdout: share of the training images of each class that replaces the
            test split, to choose settings by; 0 leaves the splits as they are.
        normalization: what images are mapped by before networks see them, a
            name in `NORMALIZATIONS`.
        preparation: what is done to images before that: their size, colour,
            and which classes.
        parameterization: settings of a member of `PARAMETERIZATIONS`.
        network: settings of a member of `NETWORKS`; it is matched, and
            trained in the evaluation.
        convolutions: what those of the network multiply, one of
            `CONVOLUTIONS`; see `convolve_in`.
        distiller: how the memory is trained.
        experts: how those that the objective matches are trained.
        evaluation: how fresh networks are trained on the set, and how many.
        norm_layout: how its instance norms lay out images, one of `LAYOUTS`;
            see `lay_out`.

    Raises:
        TypeError, ValueError: a setting is of another type, out of its range,
            or does not fit the others.
    """

    dataset: str
    ipc: int
    objective: Settings
    outer_steps: int
    augmentation: str = "color_crop_cutout_flip_scale_rotate"
    seed: int = 0
    holdout: float = 0.0
    normalization: str = "standardize"
    preparation: Preparation = Preparation()
    parameterization: MemorySettings = Frequency.Settings()
    network: Settings = ConvNet.Settings()
    convolutions: str = "float32"
    distiller: DistillerSettings = DistillerSettings()
    experts: ExpertSettings = ExpertSettings()
    evaluation: EvaluatorSettings = EvaluatorSettings()
    norm_layout: str = later("windows")

    def __post_init__(self):
        check_types(self)
        check_name("dataset", self.dataset)
        check_least("ipc", self.ipc, 1, MOST_IPC)
        check_least("outer_steps", self.outer_steps, 0, MOST_STEPS)
        check_least("seed", self.seed, 0, _MOST_SEED)
        check_share("holdout", self.holdout, "a share of the training images")
        SiameseAugmentation(self.augmentation)  # Refuses unknown operations.
        check_one_of("convolutions", self.convolutions, CONVOLUTIONS)
        check_one_of("norm_layout", self.norm_layout, LAYOUTS)
        check_one_of("normalization", self.normalization, NORMALIZATIONS)
        instances = None
        if known := known_images(self):
            shape, classes = known
            instances = classes * instances_per_class(self, shape, classes)
        check_learned(
            self.parameterization,
            self.objective.name,
            self.distiller.memory_optimizer,
        )
        self.parameterization.check_run(self, instances)
        self.objective.check_run(self, instances)


def known_images(config: Config) -> tuple[tuple[int, ...], int] | None:
    """Returns shape of the images and number of classes before data are read.

    None where the data set is not among `KNOWN`.
    """
    if not (known := KNOWN.get(config.dataset)):
        return None
    return config.preparation.known(known.image_shape, known.classes)


def instances_per_class(
    config: Config, image_shape: tuple[int, ...], classes: int
) -> int:
    """Returns how many images of each class the budget of `config` holds.

    Raises:
        ValueError: the budget cannot be met with images of this shape.
    """
    settings = config.parameterization
    member = PARAMETERIZATIONS[settings.name]
    return member.instances_within(settings, image_shape, classes, config.ipc)


def float_bytes(
    config: Config, image_shape: tuple[int, ...], classes: int
) -> int:
    """Returns the bytes that the budget of `config` takes in float32.

    Raises:
        ValueError: see `instances_per_class`.
    """
    memory = config.parameterization.sized(image_shape)
    if not memory.budget_bytes:
        return budget.bytes_of(image_shape, config.ipc, classes)
    images = classes * instances_per_class(config, image_shape, classes)
    return 4 * images * memory.coefficients_per_channel * image_shape[-1]


def resolved(config: Config, image_shape: tuple[int, ...]) -> Config:
    """Returns a config with the step size that its memory usually takes.

    It stays 0 where none is usual, or a share is given; the run then measures
    one.
    """
    if config.distiller.memory_share:
        return config
    about = config.objective.name, image_shape, config.normalization
    rate = config.distiller.memory_learning_rate or usual_step(
        config.parameterization, *about, config.distiller.memory_optimizer
    )
    return replace(config, {"distiller.memory_learning_rate": rate})


def prepared(config: Config, described: Mapping[str, Any]) -> Config:
    """Returns `config` with the preparation that facts of data describe."""
    return dataclasses.replace(config, preparation=Preparation.of(described))


def to_json(config: Config) -> dict[str, Any]:
    """Returns a config as JSON values; `from_json` undoes it.

    Where nothing is done to images no `preparation` is stated: records of
    earlier versions have none, and such work continues; see also `later`.
    """
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Config):
        name, part = field.name, getattr(config, field.name)
        if field.metadata.get("later") and part == field.default:
            continue
        if isinstance(part, Settings):
            named = {"name": part.name} if name in FAMILIES else {}
            values[name] = {**named, **part.to_json()}
        elif name != "preparation":
            values[name] = part
        elif stated := part.to_json():
            values[name] = stated
    return values


def from_json(values: Mapping[str, Any]) -> Config:
    """Rebuilds a config from `to_json`.

    Raises:
        ValueError: a field is unknown, missing or out of its range.
    """
    values = dict(values)
    for name, kind in field_types(Config).items():
        if name in FAMILIES and name in values:
            if not isinstance(values[name], Mapping):
                raise ValueError(
                    f"`{name}` is made of fields by name. Received: "
                    f"{values[name]!r}."
                )
            arguments = dict(values[name])
            section = member_settings(name, arguments.pop("name", ""))
            values[name] = section.from_json(arguments)
        elif dataclasses.is_dataclass(kind) and name in values:
            values[name] = made_of(kind, values[name])
    return made_of(Config, values)


def member_settings(section: str, name: str) -> type[Settings]:
    """Returns the settings of the member `name` of a family.

    Raises:
        ValueError: there is no such member.
    """
    check_one_of(f"{section}.name", name, FAMILIES[section])
    return FAMILIES[section][name].Settings


# Of two of these, one is in the place of the other.
_EITHER = (
    (RATE, SHARE),
    (
        "parameterization.coefficients_per_channel",
        "parameterization.kept_share",
    ),
    ("ipc", "parameterization.budget_bytes"),
)
# What is said of two that are given together.
_BOTH = {
    _EITHER[1]: "Kept coefficients are a number or a share.",
    _EITHER[2]: "A budget is `ipc` images per class or `budget_bytes`.",
}


def replace(config: Config, values: Mapping[str, Any]) -> Config:
    """Returns `config` with the dotted fields of `values` replaced.

    Another member of a family (`{"parameterization.name": "pixel"}`) starts
    from its own defaults, and the step size for the memory falls back to the
    usual one where what it is tuned for changes, see `fallen_back`. A step size
    replaces a share, and a share a step size, as does a number of kept
    coefficients their share. Checks run once, after all replacements.
    """
    changed = to_json(config)

    def present(path: str) -> Any:
        section, _, last = path.rpartition(".")
        return getattr(getattr(config, section, config), last, None)

    for path, value in fallen_back(present, values).items():
        section, _, last = path.rpartition(".")
        changed[section][last] = value
    for section in FAMILIES:
        path = f"{section}.name"
        if path in values and values[path] != present(path):
            changed[section] = {"name": values[path]}
    for number, share in _EITHER:
        section, _, last = share.rpartition(".")
        part = changed[section]  # By now perhaps of a member without it.
        if values.get(number) and share not in values and last in part:
            part[last] = 0
    if values.get(SHARE) and RATE not in values:
        changed["distiller"]["memory_learning_rate"] = 0.0
    for paths, rule in _BOTH.items():
        if all(values.get(path) for path in paths):
            raise ValueError(
                f"{rule} Received both: {[values[path] for path in paths]}. "
                "Leave one out."
            )
    for path, value in values.items():
        section, _, last = path.rpartition(".")
        (changed.setdefault(section, {}) if section else changed)[last] = value
    return from_json(changed)


def override(config: Config, assignments: Iterable[str]) -> Config:
    """Returns `config` with `name=value` assignments applied.

    A name is dotted (`objective.student_steps=30`) or, where only one section
    has it, bare (`student_steps=30`). `parameterization.name=pixel` takes
    another member of a family, with its own fields, at their defaults unless
    they are overridden as well.

    Raises:
        ValueError: a name is unknown or ambiguous, or a value has the wrong
            type or range; the message suggests the nearest name.
    """
    pairs = [written.pair(each) for each in written.listed(assignments)]
    members = {
        name.removesuffix(".name"): text
        for name, text in pairs
        if name.removesuffix(".name") in FAMILIES and name.endswith(".name")
    }
    fields = _fields(config, members)
    owners, values = written.owners(FAMILIES), {}
    chosen = {x: members.get(x, getattr(config, x).name) for x in FAMILIES}
    for name, text in pairs:
        path = written.resolved(name, fields, owners, chosen)
        values[path] = written.parsed(path, text, fields[path])
    return replace(config, values)


def _fields(config: Config, members: Mapping[str, str]) -> dict[str, type]:
    """Returns the type of every leaf field under its dotted name.

    Args:
        config: what is overridden.
        members: the members asked for, by section.
    """
    types: dict[str, type] = {}
    for name, kind in field_types(Config).items():
        if name in FAMILIES:
            types[f"{name}.name"] = str
            kind = type(getattr(config, name))
        if name in members:
            kind = member_settings(name, members[name])
        if dataclasses.is_dataclass(kind):
            for inner, inner_kind in field_types(kind).items():
                types[f"{name}.{inner}"] = inner_kind
        else:
            types[name] = kind
    return types
