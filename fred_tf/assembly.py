"""From a config to the objects of a run."""

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import tensorflow as tf

from fred_tf import datasets
from fred_tf.augmentations import SiameseAugmentation, check_mixed
from fred_tf.config import Config, known_images, to_json
from fred_tf.datasets import DataFacts, ImageData
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.disk import claims, files, records
from fred_tf.distillation.distiller import Distiller
from fred_tf.experts import of_run
from fred_tf.experts.store import WAY_OUT, ExpertStore
from fred_tf.experts.trainer import STANDARDIZED, ExpertTrainer
from fred_tf.foreign import KerasNetwork
from fred_tf.kernels import KernelEvaluator
from fred_tf.networks import Functional, building
from fred_tf.objectives import OBJECTIVES, Objective
from fred_tf.objectives.kernel_ridge import KernelRidgeSettings
from fred_tf.parameterizations import PARAMETERIZATIONS, Parameterization
from fred_tf.presets import fitting, general
from fred_tf.settings import MOST, check_one_of
from fred_tf.training.evaluator import Evaluator


def load_data(
    config: Config, data_dir: files.Path | None = None, download: bool = False
) -> ImageData:
    """Loads the data of a config as it says; see `datasets.load`.

    Raises:
        ValueError: the config names no data set; see also `datasets.load`.
    """
    if config.dataset == general.ANY:
        raise ValueError(
            "The presets `dm` and `tm` suit any data set, and need the name of "
            "one. Received: none. Give --dataset=..., e.g. folder:photos."
        )
    return datasets.load(
        config.dataset,
        data_dir,
        download,
        config.holdout,
        normalization=config.normalization,
        preparation=config.preparation,
    )


def facts_of(
    configs: Iterable[Config],
    data_dir: files.Path | None = None,
    download: bool = False,
    check: Callable[[Config, ImageData], None] = lambda config, data: None,
) -> list[DataFacts]:
    """Returns the facts of each config's data, which are loaded once.

    `check` may refuse a config on its data, while they are in memory.
    """
    named = "dataset", "holdout", "normalization", "preparation"
    source = operator.attrgetter(*named)
    settings, facts = tuple(configs), {}
    for first in settings:
        if (key := source(first)) not in facts:
            data = load_data(first, data_dir, download)
            for config in (c for c in settings if source(c) == key):
                check(config, data)
            facts[key] = data.facts
    return [facts[source(config)] for config in settings]


def network(
    config: Config, image_shape: Sequence[int], classes: int
) -> Functional:
    """Returns the network of a config as a function of its parameters."""
    settings = config.network.sized(image_shape)
    layout = config.convolutions, config.norm_layout
    return Functional(building.build(settings, image_shape, classes, *layout))


def check_network(config: Config, data: ImageData | None = None) -> None:
    """Refuses a network that cannot be trained on images of a data set.

    Args:
        config: the run.
        data: the real data; None as long as they are not loaded, when only
            known data sets are looked at.

    Raises:
        ValueError: the images are too small, have other axes, or are of one
            class where the evaluation mixes them; or see `check_schedule`.
    """
    if config.evaluation.by == "networks":
        config.evaluation.check_schedule()
    known = known_images(config)
    if data is not None:
        known = data.image_shape, data.classes
    if known:
        settings = config.network.sized(known[0])
        layout = config.convolutions, config.norm_layout
        building.check(settings, *known, *layout)
        check_mixed("evaluation.cutmix", config.evaluation.cutmix, known[1])


def augmentation(config: Config) -> SiameseAugmentation:
    """Returns the augmentation of a config."""
    return SiameseAugmentation(config.augmentation)


def parameterization(
    config: Config, image_shape: Sequence[int], classes: int
) -> Parameterization:
    """Returns an empty memory of the config's budget."""
    settings = config.parameterization
    return PARAMETERIZATIONS[settings.name].within_budget(
        settings, image_shape, classes, config.ipc
    )


def expert_description(config: Config, facts: DataFacts) -> dict[str, Any]:
    """Returns what a manifest must say of experts that a config can match.

    Whether enough epochs are stored, the objective checks. Of the data only
    what experts are trained on counts.
    """
    stated = facts.to_json()
    return {
        **_expert_settings(config),
        "data": {k: stated[k] for k in ("name", "normalization", "train")},
    }


def check_experts(
    config: Config, experts: files.Path | ExpertStore | None
) -> None:
    """Refuses experts that were trained otherwise, before any data are read.

    Args:
        config: the run, or what the experts are trained by.
        experts: the store or its folder; what is not there is not looked at.

    Raises:
        ValueError: a setting differs, such as what images are normalised by;
            or the manifest of the store is damaged.
    """
    if experts is None:
        return
    try:
        if not isinstance(experts, ExpertStore):
            experts = ExpertStore(experts)
    except FileNotFoundError:
        return  # Who needs them says so.
    normalization = {"name": config.normalization}
    if "image_shape" in (told := experts.data or {}):
        # What settings leave to the images follows from those there.
        shape = claims.shape(told, "image_shape", range(3, 5), MOST)
        config = fitting.sized(config, shape)
    different = records.differences(
        {**experts.description, "data": experts.data},
        {**_expert_settings(config), "data": {"normalization": normalization}},
        subset=True,
    )
    there, asked = different.get("experts.batch_size", (0, 0))
    if isinstance(there, int) and there < asked:
        # It may have been all images, see `fitting.fitted`.
        del different["experts.batch_size"]
    records.refuse(experts.path, different, WAY_OUT)


def _expert_settings(config: Config) -> dict[str, Any]:
    """Returns how an expert is trained, for however many epochs.

    How many experts there are, how long they were trained and how they are
    stored is the store's business: an expert's first epochs do not depend on
    how many follow.
    """
    values = to_json(config)
    stores = ("count", "epochs", "dtype", "stored_epochs")
    # Beside the augmentation, which is always stated: experts of batches that
    # are standardised differ from others either way.
    alone = "standardized_batches"
    before = STANDARDIZED if config.experts.standardized_batches else ""
    return {
        "network": values["network"],
        "augmentation": f"{before}{config.augmentation}",
        "experts": {
            name: value
            for name, value in values["experts"].items()
            if name not in (*stores, alone)
        },
    }


def expert_store(
    config: Config, data: ImageData, expert_dir: files.Path
) -> ExpertStore:
    """Returns the store that a config's experts are written to.

    It states convolutions that are not of float32, so that experts of both are
    not mixed; runs may match either.

    Args:
        config: the run.
        data: the real data.
        expert_dir: folder of the store; made if missing.

    Raises:
        ValueError: the folder holds experts of other settings or data.
    """
    config = fitting.fitted(config, data)
    settings = _expert_settings(config)
    settings["experts"]["epochs"] = config.experts.epochs
    if config.convolutions != "float32":
        settings["convolutions"] = config.convolutions
    return ExpertStore.create_or_open(
        expert_dir,
        {
            **settings,
            "parameters": network(config, data.image_shape, data.classes).size,
            "epochs": config.experts.epochs_on_disk,
            "dtype": config.experts.dtype,
            "seed": config.seed,
        },
        data.facts.to_json(),
    )


def expert_trainer(config: Config, data: ImageData) -> ExpertTrainer:
    """Returns the trainer of a config's experts."""
    config = fitting.fitted(config, data)
    return ExpertTrainer(
        network(config, data.image_shape, data.classes),
        augmentation(config),
        data,
        config.experts,
        config.seed,
    )


def objective(
    config: Config, data: ImageData, experts: files.Path | ExpertStore | None
) -> Objective:
    """Returns the objective of a config.

    Args:
        config: the run.
        data: the real data.
        experts: the expert store or its folder, for objectives that need it.

    Raises:
        FileNotFoundError: the expert store is missing.
        ValueError: it is not given, or holds experts of another data set or
            network.
    """
    config = fitting.fitted(config, data)
    member = OBJECTIVES[config.objective.name]
    source: ClassBatches | ExpertStore
    if not member.needs_experts:
        source = ClassBatches(data.train, data.normalization, data.classes)
    elif isinstance(experts, ExpertStore) or experts:  # It may be empty yet.
        asked = expert_description(config, data.facts)
        source = of_run.opened(experts, asked)
    else:
        raise ValueError(
            f"{config.objective.name!r} needs `--expert_dir`, in Python "
            "`experts`. Train them with `python -m trainers.train_experts "
            "--expert_dir=...`, or `fred_tf.train_experts`, first."
        )
    return member(
        network(config, data.image_shape, data.classes),
        augmentation(config),
        source,
        config.objective,
    )


def distiller(
    config: Config,
    data: ImageData,
    experts: files.Path | ExpertStore | None = None,
    strategy: tf.distribute.Strategy | None = None,
    jit: bool = False,
) -> Distiller:
    """Returns the distiller of a config, its memory still empty.

    Fill it by `adapt`, or restore a checkpoint. Raises as `objective` does, and
    ValueError of damaged experts.

    Args:
        config: the run.
        data: the real data.
        experts: the expert store or its folder, for objectives that need it.
        strategy: where variables live; the default strategy if None.
        jit: whether to compile the step with XLA.
    """
    strategy = strategy or tf.distribute.get_strategy()
    config = fitting.recorded(config, data)
    with strategy.scope():
        memory = parameterization(config, data.image_shape, data.classes)
        matched = memory.complete(objective(config, data, experts))
    if isinstance(matched.source, ExpertStore):
        of_run.verify(matched.source)
    return Distiller(
        memory, matched, config.distiller, config.seed, jit, strategy
    )


def adapt(memory: Parameterization, data: ImageData, seed: int) -> None:
    """Fills an empty memory from random images of the training split."""
    memory.adapt(data.normalized_train, data.train.labels, seed)


def kernel_settings(config: Config) -> KernelRidgeSettings:
    """Returns what kernel scores the sets of a config."""
    if isinstance(config.objective, KernelRidgeSettings):
        return config.objective
    return KernelRidgeSettings()


def evaluator(
    config: Config, data: ImageData, foreign: KerasNetwork | None = None
) -> Evaluator | KernelEvaluator:
    """Returns the evaluator of a config; `foreign` is in place of its network.

    Raises:
        ValueError: `foreign` is given, and no networks are trained, or they
            would multiply other numbers than float32.
    """
    config = fitting.fitted(config, data)
    if foreign is not None:
        check_one_of("evaluation.by", config.evaluation.by, ["networks"])
        check_one_of("convolutions", config.convolutions, ["float32"])
    if config.evaluation.by != "networks":
        settings = kernel_settings(config)
        solves = config.evaluation.by == "label_solve"
        return KernelEvaluator(
            settings.make_kernel(data.image_shape),
            settings.regularization,
            data.scored,
            data.train if solves else None,
        )
    return Evaluator(
        foreign or network(config, data.image_shape, data.classes),
        augmentation(config),
        data.scored,
        config.evaluation,
    )
