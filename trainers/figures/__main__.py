"""Draws what a run is about, for a paper or a talk: PNG and SVG.

    python -m trainers.figures --run_dir=runs/cifar10 \\
        --compare pixels=runs/cifar10_pixel --data_dir=~/tensorflow_datasets

writes into `<run_dir>/figures` what `--figures` names, or all that the run has
what they need for:

    passes              real images, their low and their high frequencies
    compaction          energy held by the best positions, frequencies or pixels
    explained_variance  per frequency, real and distilled
    explained_variance_held   the same, held by the best positions
    gradient_energy     what the objective wants to change, per frequency
    masks               kept frequencies per class
    beside              random real images, the run and those compared with it
    over_time           an image of each class at several steps
    spectra             energy per frequency, real and distilled
    spectra_by_frequency      the same as curves
    accuracy_by_step    from `trainers.distill --evaluate_every`
    accuracy_by_budget  of all runs, from `trainers.evaluate`
"""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import flags, logging
from matplotlib.figure import Figure

from fred_tf import assembly, figures, scoring, seeds
from fred_tf import config as config_lib
from fred_tf.coresets import random_set
from fred_tf.datasets import ImageData
from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.figures import Curve, spectra
from fred_tf.parameterizations import TITLES, Frequency
from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.transforms import DCT, DFT, Identity, Wavelet
from trainers import run_flags

COMPARE = flags.DEFINE_multi_string(
    "compare", [], "Another run to draw beside this one, name=run_dir."
)
NAMES = flags.DEFINE_list("figures", [], "Which ones; default all.")

_DCT = DCT(norm="ortho")
_REAL = "real images"
# More real images than this change no curve that can be seen.
_MOST = 10_000
# Less than this share of the highest energy is rounding, and not drawn.
_NOTHING = 1e-9
_SHARE = "{} of each channel (share)"


def _title(config: config_lib.Config) -> str:
    """Returns what people call the way in which a set is stored."""
    name = config.parameterization.name
    return TITLES.get(name, name)


class MissingError(ValueError):
    """What a figure needs, the run does not have."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """What figures are drawn of.

    Attributes:
        runs: the run and those it is compared with, by name, itself first.
        data: the real data.
        expert_dir: folder of the expert store, for objectives that need it.
    """

    runs: Mapping[str, DistilledRun]
    data: ImageData
    expert_dir: str | None = None

    @property
    def run(self) -> DistilledRun:
        """The run itself."""
        return next(iter(self.runs.values()))

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


def _check_seen(subject: Subject) -> None:
    channels = subject.data.image_shape[-1]
    if channels not in (1, 3):
        raise MissingError(f"images of {channels} channels cannot be seen")


def _passes(subject: Subject) -> Figure:
    _check_seen(subject)
    split = subject.data.train
    names = subject.data.class_names[:6]
    first = [split.indices_of(label)[0] for label in range(len(names))]
    chosen = subject.data.normalization(split.images[first])
    columns = {"real": chosen}
    for share in (1 / 16, 1 / 4):
        percent = f"{100 * share:.0f} %"
        columns[f"lowest\n{percent}"] = spectra.band(chosen, _DCT, 0, share)
        columns[f"highest\n{100 - 100 * share:.0f} %"] = spectra.band(
            chosen, _DCT, share, 1
        )
    shown = [
        figures.displayable(x, subject.data.normalization)
        for x in columns.values()
    ]
    rows = [[column[label] for column in shown] for label in range(len(names))]
    return figures.tiles(
        rows,
        names,
        chosen.shape[-3:-1],
        list(columns),
        column_label="frequencies kept",
    )


def _compaction(subject: Subject) -> Figure:
    images, _ = subject.real()
    shown = {
        "DCT": (images, _DCT),
        "DFT": (images, DFT()),
        "Haar wavelets": (images, Wavelet("haar")),
        "pixels": (images, Identity()),
    }
    if images.shape[-1] > 1:
        shown = {"DCT, joint channels": (images[..., None], _DCT), **shown}
    return figures.curves(
        {
            name: Curve(*spectra.kept_share(spectra.energy(*seen)))
            for name, seen in shown.items()
        },
        "best positions (share)",
        "energy held (share)",
        log_x=True,
    )


def _variances(subject: Subject) -> dict[str, np.ndarray]:
    maps = {_REAL: spectra.explained_variance(*subject.real(), _DCT)}
    for name, chosen in subject.sets().items():
        if np.bincount(chosen.labels).max() > 1:
            maps[name] = spectra.explained_variance(
                chosen.images, chosen.labels, _DCT
            )
    return maps


def _without_rounding(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: np.where(x > x.max() * _NOTHING, x, 0) for name, x in maps.items()
    }


def _explained_variance(subject: Subject) -> Figure:
    return figures.frequency_maps(
        _without_rounding(_variances(subject)),
        "explained variance (share)",
        _DCT.axis,
    )


def _explained_variance_held(subject: Subject) -> Figure:
    return figures.curves(
        {
            name: Curve(*spectra.kept_share(values))
            for name, values in _variances(subject).items()
        },
        _SHARE.format("best frequencies"),
        "explained variance held (share)",
        log_x=True,
    )


def _gradient_energy(subject: Subject, references: int = 4) -> Figure:
    """The gradient of the loss by the decoded images, as if all were free."""
    run = subject.run
    decoded = run.synthetic_set()
    free = config_lib.replace(
        run.config,
        {
            "parameterization.name": "pixel",
            "ipc": run.parameterization.instances_per_class,
        },
    )
    try:
        distiller = assembly.distiller(free, subject.data, subject.expert_dir)
    except ValueError as error:
        raise MissingError(str(error)) from error
    state = distiller.objective.non_trainable_variables
    numbers = tf.data.Dataset.range(references)
    stream = distiller.objective.references(run.config.seed, numbers)
    rates = [tf.constant(run.learned[n]) for n in run.learned]
    total = 0.0
    for number, reference in enumerate(stream.batch(1)):
        _, gradients = distiller.gradients(
            [tf.constant(decoded.images), *rates],
            [],
            [tf.convert_to_tensor(v.value) for v in state],
            reference,
            tf.constant(seeds.named(run.config.seed, "figures")),
            tf.constant(number, tf.int64),
        )
        total = total + spectra.energy(gradients[0].numpy(), _DCT)
    share = total / total.sum()
    return figures.frequency_maps(
        {run.config.objective.name.replace("_", " "): share},
        "energy of the gradient (share)",
        _DCT.axis,
    )


def _masks(subject: Subject) -> Figure:
    memory = subject.run.parameterization
    if not isinstance(memory, Frequency):
        raise MissingError("only a frequency memory has masks")
    names = subject.run.facts.class_names
    return figures.masks(memory.masks, names, memory.transform.axis)


def _beside(subject: Subject) -> Figure:
    _check_seen(subject)
    config = subject.run.config
    chosen = random_set(subject.data, config.ipc, config.seed)
    return figures.beside({"random real": chosen, **subject.sets()})


def _over_time(subject: Subject) -> Figure:
    _check_seen(subject)
    facts, snapshots = subject.run.facts, subject.run.folder.snapshots()
    if not snapshots:
        raise MissingError("the run has no snapshots")
    return figures.strips(snapshots, facts.class_names, facts.normalization)


def _spectra(subject: Subject) -> dict[str, np.ndarray]:
    images, _ = subject.real()
    return {
        _REAL: spectra.energy(images, _DCT),
        **{
            name: spectra.energy(chosen.images, _DCT)
            for name, chosen in subject.sets().items()
        },
    }


def _spectrum_maps(subject: Subject) -> Figure:
    return figures.frequency_maps(
        _without_rounding(_spectra(subject)),
        "energy (squared deviations)",
        _DCT.axis,
    )


def _spectrum_curves(subject: Subject) -> Figure:
    lines = {}
    for name, values in _spectra(subject).items():
        place, mean = spectra.by_frequency(values, _DCT)
        seen = mean > mean.max() * _NOTHING
        lines[name] = Curve(place[seen], mean[seen])
    return figures.curves(
        lines,
        "frequency (share of the highest)",
        "energy (squared deviations)",
        log_y=True,
    )


def _accuracy_by_step(subject: Subject) -> Figure:
    lines = {}
    for name, run in subject.runs.items():
        if found := scoring.curve(run.folder.path):
            lines[name] = Curve.of_accuracies(found)
    if not lines:
        raise MissingError("no run has evaluations of --evaluate_every")
    return figures.curves(lines, "outer step", "test accuracy (%)")


def _accuracy_by_budget(subject: Subject) -> Figure:
    groups: dict[str, dict[int, Any]] = {}
    for name, run in subject.runs.items():
        config, folder = run.config, run.folder.path
        own = [
            found
            for found in scoring.measured(folder, run.synthetic_set())
            if found["network"]["name"] == config.network.name
        ]
        if own:
            objective = config.objective.name.replace("_", " ")
            group = f"{_title(config)}, {objective}"
            floats = run.parameterization.floats_stored
            if floats in groups.get(group, {}):
                group = name  # What else sets them apart, its name may tell.
            groups.setdefault(group, {})[floats] = own[0]
    if not groups:
        raise MissingError("no set of a run has been evaluated")
    return figures.curves(
        {name: Curve.of_accuracies(found) for name, found in groups.items()},
        "floats stored",
        "test accuracy (%)",
        log_x=True,
    )


FIGURES: dict[str, Callable[[Subject], Figure]] = {
    "passes": _passes,
    "compaction": _compaction,
    "explained_variance": _explained_variance,
    "explained_variance_held": _explained_variance_held,
    "gradient_energy": _gradient_energy,
    "masks": _masks,
    "beside": _beside,
    "over_time": _over_time,
    "spectra": _spectrum_maps,
    "spectra_by_frequency": _spectrum_curves,
    "accuracy_by_step": _accuracy_by_step,
    "accuracy_by_budget": _accuracy_by_budget,
}
# What a page says under them.
CAPTIONS = {
    "passes": "real images, and their low and high frequencies",
    "compaction": "energy that the best positions of a transform hold",
    "explained_variance": "explained variance per frequency",
    "explained_variance_held": "explained variance that the best frequencies "
    "hold",
    "gradient_energy": "what the objective wants to change, per frequency",
    "masks": "what each class keeps of its spectrum",
    "beside": "random real images beside distilled ones",
    "over_time": "one of each class, by outer step",
    "spectra": "energy per frequency, real and distilled",
    "spectra_by_frequency": "energy from low to high frequencies",
    "accuracy_by_step": "test accuracy while distilling",
    "accuracy_by_budget": "test accuracy against floats stored",
}


def run(
    subject: Subject, folder: files.Path, names: list[str] | None = None
) -> list[pathlib.Path]:
    """Draws figures, each as PNG and as SVG.

    Args:
        subject: what is drawn.
        folder: where; files of the same name are replaced.
        names: keys of `FIGURES`; all that can be drawn if None or empty.

    Returns:
        The PNG files.

    Raises:
        ValueError: a name is unknown.
        MissingError: what a figure that was named needs is missing.
    """
    folder = pathlib.Path(folder)
    for name in names or ():
        check_one_of("--figures", name, FIGURES)
    written = []
    for name in names or FIGURES:
        try:
            figure = FIGURES[name](subject)
        except MissingError as error:
            if names:
                raise
            logging.info("No figure %s: %s.", name, error)
            continue
        for suffix in ("png", "svg"):
            path = figures.save(figure, folder / f"{name}.{suffix}")
        written.append(path.with_suffix(".png"))
    return written


def named_runs(
    run_dir: files.Path, compared: list[str]
) -> dict[str, DistilledRun]:
    """Restores a run and those it is compared with.

    Args:
        run_dir: the run, named as people call its parameterization.
        compared: `name=run_dir` each.

    Raises:
        ValueError: one is not written like this, two names are equal, or the
            runs are of different data sets.
    """
    first = DistilledRun.restore(run_dir)
    runs = {_title(first.config): first}
    for text in compared:
        name, separator, folder = text.partition("=")
        if not separator or not name or name in runs:
            raise ValueError(
                "--compare is written name=run_dir, each name once. "
                f"Received: {text!r} beside {list(runs)}."
            )
        runs[name] = DistilledRun.restore(folder)
        if runs[name].facts.name != first.facts.name:
            raise ValueError(
                "Runs that are compared must be of one data set. Received: "
                f"{first.facts.name!r} and, in {folder}, "
                f"{runs[name].facts.name!r}."
            )
    return runs


@run_flags.program
def main() -> None:
    run_flags.set_determinism()
    run_dir = pathlib.Path(run_flags.required(run_flags.RUN_DIR))
    for name in NAMES.value:
        check_one_of("--figures", name, FIGURES)
    runs = named_runs(run_dir, COMPARE.value)
    data = assembly.load_data(
        next(iter(runs.values())).config,
        run_flags.DATA_DIR.value,
        run_flags.DOWNLOAD.value,
    )
    subject = Subject(runs, data, run_flags.EXPERT_DIR.value)
    for path in run(subject, run_dir / "figures", NAMES.value):
        print(path)


if __name__ == "__main__":
    main()
