"""A run folder brought back to life: its config, memory and decoded set."""

import dataclasses
import pathlib
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from fred_tf import assembly, budget
from fred_tf import config as config_lib
from fred_tf.datasets import DataFacts, ImageData, names
from fred_tf.disk import claims, files, paths, records
from fred_tf.disk.checkpoints import Checkpoints
from fred_tf.disk.files import Path
from fred_tf.disk.run_folder import CONFIG, RunFolder
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import Parameterization
from fred_tf.synthetic_set import PROBABILITIES, SyntheticSet

# Checkpoints of fewer bytes may be too short for their budget.
_SMALL = 1 << 20


def identity(
    config: config_lib.Config,
    jit: bool,
    start: "DistilledRun | None" = None,
) -> dict[str, Any]:
    """Returns the settings by which a run folder tells its run from others.

    Args:
        config: the run's.
        jit: whether the step is compiled, which changes the numbers so much
            that resuming otherwise would mix two runs.
        start: the run whose memory it begins with, if any.
    """
    described = {**config_lib.to_json(config), "jit": jit}
    if start is not None:
        weights = start.parameterization.get_weights()
        memory = b"".join(weight.tobytes() for weight in weights)
        described["start"] = {
            "memory": files.digest(memory),
            "outer_steps": start.step,
        }
    return described


def check_start(
    config: config_lib.Config,
    start: "DistilledRun",
    facts: DataFacts | None = None,
) -> None:
    """Refuses to begin a run with the memory of another that does not fit.

    Args:
        config: the run that is to begin; where the data are known, as it is
            recorded on them, see `fitting`.
        start: the other one.
        facts: of the data; None where they are not read yet, and the name of
            the data set must do: what a memory has of small data is not known.

    Raises:
        ValueError: the data sets differ, what numbers of the memories mean, or
            their shapes.
    """
    alike = "dataset", "holdout", "normalization"
    asked, there = (
        {
            **{name: getattr(x, name) for name in alike},
            **x.preparation.to_json(),
        }
        for x in (config, start.config)
    )
    if asked != there:
        raise ValueError(
            "A run starts from one of the same data, normalised alike. "
            f"Received: {there}{start.place}, asked for: {asked}."
        )
    meaning = ("name", *config.parameterization.meaning)
    records.refuse(
        "The run to start from" + start.place,
        _differing(config, start, meaning),
        "Its numbers would be read as others: override them as they are there.",
    )
    if facts is None:
        return
    stated = (
        records.plain({**x.to_json(), "test": None})
        for x in (start.facts, facts)
    )
    records.refuse(
        "The run to start from" + start.place,
        records.differences(*stated),
        "Start from a run of the same images, or restore them.",
    )
    empty = assembly.parameterization(
        config, start.facts.image_shape, len(start.facts.class_names)
    )
    shapes, shapes_there = (
        [tuple(weight.shape) for weight in memory.weights]
        for memory in (empty, start.parameterization)
    )
    if shapes != shapes_there:
        raise ValueError(
            "A run starts from one whose memory has the same shapes. Received: "
            f"{shapes_there}{start.place}, asked for: {shapes}. Override "
            "`ipc` and `parameterization` as that run's config has them."
        )


def check_beginning(config: config_lib.Config, start: "DistilledRun") -> None:
    """Refuses settings that count for nothing where a run starts from another.

    Of a run that has not begun: those that have go on.

    Args:
        config, start: as for `check_start`, which comes first.

    Raises:
        ValueError: they say of real images how a memory begins with them, and
            differ from what the other run began with.
    """
    records.refuse(
        "The run to start from" + start.place,
        _differing(config, start, config.parameterization.beginning),
        "They would count for nothing, as the memory begins as that run "
        "ended: override them as they are there.",
    )


def _differing(
    config: config_lib.Config, start: "DistilledRun", fields: Iterable[str]
) -> records.Differences:
    """Returns which fields of the memory differ, as `(there, asked)`."""
    asked, there = (
        {f"parameterization.{f}": getattr(x, f, None) for f in fields}
        for x in (config.parameterization, start.config.parameterization)
    )
    return records.differences(there, asked)


def _check_size(
    folder: RunFolder, config: config_lib.Config, facts: DataFacts
) -> None:
    """Refuses settings of a memory that no checkpoint of a folder could hold.

    Raises:
        ValueError: they are of far more than its files have.
    """
    wanted = config_lib.float_bytes(
        config, facts.image_shape, len(facts.class_names)
    )
    paths_there = folder.checkpoint_folder.glob("ckpt-*.data-*")
    there = sum(path.lstat().st_size for path in paths_there)
    if not budget.is_held(wanted, max(there, _SMALL)):
        raise ValueError(
            f"`ipc` {config.ipc} of images {facts.image_shape} in "
            f"{len(facts.class_names)} classes must be what its checkpoints "
            f"hold. Received: {there:,} bytes of them for a budget of "
            f"{wanted:,}."
        )


def _located(
    folder: RunFolder, config: config_lib.Config, facts: DataFacts
) -> tuple[config_lib.Config, DataFacts, pathlib.Path | None]:
    """Returns config and facts without the paths that earlier versions state.

    And the folder that the data set was found in.
    """
    name, data_dir = names.located(config.dataset, folder.data_dir)
    return (
        dataclasses.replace(config, dataset=name),
        dataclasses.replace(
            facts, name=facts.name.replace(config.dataset, name, 1)
        ),
        data_dir,
    )


@dataclasses.dataclass(frozen=True)
class DistilledRun:
    """The newest state of a run, without its data or experts.

    Attributes:
        kept_in: the run folder; None for a run that left nothing on disk.
        config: the run's config as resolved.
        facts: what is known of its data set.
        parameterization: the restored memory; where the run averages it, the
            average.
        learned: what the objective learned, e.g. the student learning rate.
        step: outer steps made.
        data_dir: the folder that its data set was found in, if it says.
        began_after: outer steps of the run with whose memory it began; None if
            it began with real images.
    """

    kept_in: RunFolder | None
    config: config_lib.Config
    facts: DataFacts
    parameterization: Parameterization
    learned: dict[str, float]
    step: int
    data_dir: pathlib.Path | None = None
    began_after: int | None = None

    @property
    def folder(self) -> RunFolder:
        """The run folder.

        Raises:
            ValueError: the run left nothing on disk.
        """
        if self.kept_in is None:
            raise ValueError(
                "Only a run that was made with a `run_dir` has a folder. "
                "Received: one without. Give it one."
            )
        return self.kept_in

    @property
    def place(self) -> str:
        """Where the run is, for a message: ` in <folder>`, or nothing."""
        return "" if self.kept_in is None else f" in {self.kept_in.path}"

    @classmethod
    def restore(cls, run_dir: Path) -> "DistilledRun":
        """Restores the newest checkpoint of a run folder.

        Raises:
            FileNotFoundError: there is no run, or it has no checkpoint yet.
            ValueError: the folder is damaged; the message says how.
        """
        folder = RunFolder.read(paths.folder(run_dir, "run_dir"))
        beside = ("jit", "start")
        with records.stating(folder.path / CONFIG):
            facts = DataFacts.from_json(folder.data)
            config = config_lib.from_json(
                {k: v for k, v in folder.identity.items() if k not in beside}
            )
            config, facts, data_dir = _located(folder, config, facts)
            began_after = None
            if start := folder.identity.get("start"):
                began_after = claims.integer(start, "outer_steps")
            _check_size(folder, config, facts)
            memory = assembly.parameterization(
                config, facts.image_shape, len(facts.class_names)
            )
        names = OBJECTIVES[config.objective.name].weight_names
        learned = [tf.Variable(0.0, trainable=False) for _ in names]
        part = "average" if config.distiller.memory_average else "memory"
        checkpoint = tf.train.Checkpoint(
            learned=learned, **{part: [v.value for v in memory.variables]}
        )
        step = Checkpoints(
            folder.checkpoint_folder, checkpoint
        ).restore_latest()
        if step is None:
            raise FileNotFoundError(
                f"{folder.path} holds no checkpoint yet. Give the command that "
                "began it, `python -m trainers.distill ...`, until its first "
                "save."
            )
        values = {n: float(v.numpy()) for n, v in zip(names, learned)}
        told = values, step, data_dir, began_after
        return cls(folder, config, facts, memory, *told)

    def fitted(
        self, data_dir: Path | None = None, download: bool = False
    ) -> "DistilledRun":
        """Returns the run with a normalisation that can be undone.

        A run folder holds no matrices of whitenings: they are made again of
        the training images, which are read for nothing else.

        Args:
            data_dir: where the data are; where the run found them if None.
            download: whether missing data may be downloaded.

        Raises:
            FileNotFoundError, ValueError: the images cannot be read, see
                `datasets.load`, or are others than when the run was made.
        """
        if self.facts.normalization.is_fitted:
            return self
        place = self.data_dir if data_dir is None else data_dir
        return self.fitted_on(assembly.load_data(self.config, place, download))

    def fitted_on(self, data: ImageData) -> "DistilledRun":
        """Returns the run with a normalisation that can be undone.

        Args:
            data: what the run was made of.

        Raises:
            ValueError: a whitening was fitted on other images.
        """
        own = data.fit_of(self.facts.normalization)
        facts = dataclasses.replace(self.facts, normalization=own)
        return dataclasses.replace(self, facts=facts)

    def synthetic_set(self) -> SyntheticSet:
        """Returns the decoded set."""
        soft_labels = self.parameterization.soft_labels()
        details = {
            "config": config_lib.to_json(self.config),
            "data": self.facts.description(),
            "outer_steps": self.step,
        }
        if self.began_after is not None:
            details["began_after"] = self.began_after
        return SyntheticSet(
            images=self.parameterization.decode().numpy(),
            labels=self.parameterization.labels,
            class_names=self.facts.class_names,
            normalization=self.facts.normalization,
            dataset=self.facts.name,
            floats_stored=self.parameterization.floats_stored,
            student_learning_rate=self.learned.get("student_learning_rate"),
            soft_labels=None if soft_labels is None else soft_labels.numpy(),
            label_kind=self.parameterization.label_kind or PROBABILITIES,
            views=self.parameterization.views,
            details=details,
        )
