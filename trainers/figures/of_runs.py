"""Figures of runs: what they keep, what became of it, how well it does."""

from typing import Any

from matplotlib.figure import Figure

from fred_tf import figures, scoring
from fred_tf.coresets import random_set
from fred_tf.datasets.data_facts import on_split
from fred_tf.disk.evaluation_files import curve
from fred_tf.figures import Curve
from fred_tf.parameterizations import Frequency
from trainers.figures.subject import (
    SOME_REAL,
    MissingError,
    Subject,
    title,
)


def _accuracy(subject: Subject) -> str:
    """Returns what an axis of accuracies is called."""
    splits = {run.facts.tested_on for run in subject.runs.values()}
    others = map(on_split, sorted(splits))
    return f"test accuracy{' or'.join(filter(None, others))} (%)"


def masks(subject: Subject) -> Figure:
    """Kept frequencies per class."""
    memory = subject.run.parameterization
    if not isinstance(memory, Frequency):
        raise MissingError("only a frequency memory has masks")
    names = subject.run.facts.class_names
    return figures.masks(memory.masks, names, memory.transform.axis)


def labels(subject: Subject) -> Figure:
    """Learned labels per class."""
    decoded = subject.run.synthetic_set()
    if decoded.soft_labels is None:
        raise MissingError("only a memory that learns labels has them to show")
    return figures.labels(
        decoded.soft_labels, decoded.labels, decoded.class_names
    )


def beside(subject: Subject) -> Figure:
    """Random real images, the run and those compared with it."""
    subject.check_seen()
    config = subject.run.config
    real = random_set(subject.data, config.ipc, config.seed)
    return figures.beside({SOME_REAL: real, **subject.sets()})


def views(subject: Subject) -> Figure:
    """Volumes from three sides and in slices."""
    subject.check_seen()
    if len(subject.run.facts.image_shape) != 4:
        raise MissingError("only volumes have sides and slices")
    return figures.views(subject.run.synthetic_set())


def over_time(subject: Subject) -> Figure:
    """An image of each class at several steps."""
    subject.check_seen()
    facts, snapshots = subject.run.facts, subject.run.folder.snapshots()
    if not snapshots:
        raise MissingError("the run has no snapshots")
    return figures.strips(snapshots, facts.class_names, facts.normalization)


def accuracy_by_step(subject: Subject) -> Figure:
    """From `trainers.distill --evaluate_every`."""
    lines = {}
    for name, run in subject.runs.items():
        if evaluations := curve(run.folder.path):
            lines[name] = Curve.of_accuracies(evaluations)
    if not lines:
        raise MissingError("no run has evaluations of --evaluate_every")
    return figures.curves(lines, "outer step", _accuracy(subject))


def accuracy_by_budget(subject: Subject) -> Figure:
    """Of all runs, from `trainers.evaluate`."""
    groups: dict[str, dict[int, Any]] = {}
    for name, run in subject.runs.items():
        config, folder = run.config, run.folder.path
        found = scoring.measured(folder, run.synthetic_set(), run.facts)
        if own := scoring.by_own_network(found, config):
            objective = config.objective.name.replace("_", " ")
            group = f"{title(config)}, {objective}"
            floats = run.parameterization.floats_stored
            there = groups.get(group, {})
            if floats in there or not all(
                scoring.are_alike(own[0], x) for x in there.values()
            ):
                group = name  # What else sets them apart, its name may tell.
            groups.setdefault(group, {})[floats] = own[0]
    if not groups:
        raise MissingError("no set of a run has been evaluated")
    lines = {name: Curve.of_accuracies(group) for name, group in groups.items()}
    return figures.curves(
        lines, "floats stored", _accuracy(subject), log_x=True
    )
