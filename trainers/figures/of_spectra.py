"""Figures of frequencies: where images and gradients keep their energy."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from fred_tf import assembly, figures, seeds
from fred_tf import config as config_lib
from fred_tf.figures import Curve, spectra
from fred_tf.figures.tiles import clearest, seen_size
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.transforms import DCT, DFT, Identity, Wavelet
from trainers.figures.subject import ALL_REAL, MissingError, Subject, seen

_DCT = DCT(norm="ortho")
# Less than this share of the highest energy is rounding, and not drawn.
_NOTHING = 1e-9
_ENERGY = "energy (squared deviations)"


def passes(subject: Subject) -> Figure:
    """Real images, their low and their high frequencies."""
    subject.check_seen()
    split, normalization = subject.data.train, subject.data.normalization
    names = subject.data.class_names[:6]
    first = [split.indices_of(label)[0] for label in range(len(names))]
    images = normalization(split.images[first])
    columns = {"real": images}
    for share in (1 / 16, 1 / 4):
        percent = f"{100 * share:.0f} %"
        columns[f"lowest\n{percent}"] = spectra.band(images, _DCT, 0, share)
        columns[f"highest\n{100 - 100 * share:.0f} %"] = spectra.band(
            images, _DCT, share, 1
        )
    along = clearest(images)
    shown = [
        figures.displayable(x, normalization, along) for x in columns.values()
    ]
    rows = [[column[label] for column in shown] for label in range(len(names))]
    return figures.tiles(
        rows,
        names,
        seen_size(images.shape[1:], along),
        list(columns),
        column_label="frequencies kept",
    )


def compaction(subject: Subject) -> Figure:
    """Energy held by the best positions, frequencies or pixels."""
    images = seen(subject.real()[0], subject.data.normalization)
    haar = {"Haar wavelets": (images, Wavelet("haar"))}
    even = all(size % 2 == 0 for size in images.shape[1:-1])
    bases = {
        "DCT": (images, _DCT),
        "DFT": (images, DFT()),
        **(haar if even else {}),  # Which halves every axis.
        "pixels": (images, Identity()),
    }
    if images.shape[-1] > 1:
        bases = {"DCT, joint channels": (images[..., None], _DCT), **bases}
    energies = {name: spectra.energy(*basis) for name, basis in bases.items()}
    return _held(energies, "best positions (share)", "energy held (share)")


def explained_variance(subject: Subject) -> Figure:
    """Explained variance per frequency, real and distilled."""
    return _maps(_variances(subject), "explained variance (share)")


def explained_variance_held(subject: Subject) -> Figure:
    """The same, held by the best frequencies."""
    return _held(
        _variances(subject),
        "best frequencies of each channel (share)",
        "explained variance held (share)",
    )


def gradient_energy(subject: Subject) -> Figure:
    """The gradient of the loss by the decoded images, as if all were free."""
    energies = (spectra.energy(x, _DCT) for x in _gradients(subject))
    total = sum(energies, np.zeros(()))
    name = subject.run.config.objective.name.replace("_", " ")
    share = total / total.sum()
    return figures.frequency_maps(
        {name: share}, "energy of the gradient (share)", _DCT.axis
    )


def energy_maps(subject: Subject) -> Figure:
    """Energy per frequency, real and distilled."""
    return _maps(_energies(subject), _ENERGY)


def energy_of(sets: Mapping[str, SyntheticSet]) -> Figure:
    """Draws the energy per frequency of sets, by name, without real images."""
    images = {n: seen(x.images, x.normalization) for n, x in sets.items()}
    energies = {n: spectra.energy(x, _DCT) for n, x in images.items()}
    return _maps(energies, _ENERGY)


def energy_curves(subject: Subject) -> Figure:
    """The same from low to high frequencies."""
    lines = {}
    for name, values in _energies(subject).items():
        place, mean = spectra.by_frequency(values, _DCT)
        seen = mean > mean.max() * _NOTHING
        lines[name] = Curve(place[seen], mean[seen])
    return figures.curves(
        lines, "frequency (share of the highest)", _ENERGY, log_y=True
    )


def _energies(subject: Subject) -> dict[str, np.ndarray]:
    return _of_each(subject, lambda images, _: spectra.energy(images, _DCT))


def _variances(subject: Subject) -> dict[str, np.ndarray]:
    def variance(images, labels):
        if np.bincount(labels).max() > 1:
            return spectra.explained_variance(images, labels, _DCT)
        return None  # A single image of each class has none.

    if not (found := _of_each(subject, variance)):
        raise MissingError("a single image of each class varies in nothing")
    return found


def _of_each(
    subject: Subject,
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray | None],
) -> dict[str, np.ndarray]:
    """Returns what is measured of real images and of each set, by name."""
    images, labels = subject.real()
    images = seen(images, subject.data.normalization)
    measured = {ALL_REAL: measure(images, labels)}
    for name, distilled in subject.sets().items():
        images = seen(distilled.images, distilled.normalization)
        measured[name] = measure(images, distilled.labels)
    return {name: x for name, x in measured.items() if x is not None}


def _maps(values: dict[str, np.ndarray], label: str) -> Figure:
    visible = {
        name: np.where(x > x.max() * _NOTHING, x, 0)
        for name, x in values.items()
    }
    return figures.frequency_maps(visible, label, _DCT.axis)


def _held(values: dict[str, np.ndarray], x_label: str, y_label: str) -> Figure:
    lines = {name: Curve(*spectra.kept_share(x)) for name, x in values.items()}
    return figures.curves(lines, x_label, y_label, log_x=True)


def _gradients(subject: Subject, references: int = 4) -> Iterator[np.ndarray]:
    """Yields the gradient by the decoded images for each reference."""
    run = subject.run
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
    state, constants = distiller.tensors()
    state = state._replace(
        memory=[tf.constant(run.synthetic_set().images)],
        learned=[tf.constant(rate) for rate in run.learned.values()],
    )
    numbers = tf.data.Dataset.range(references)
    stream = distiller.objective.references(run.config.seed, numbers)
    for number, reference in enumerate(stream.batch(1)):
        _, gradients = distiller.outer_step.gradients(
            state,
            constants,
            reference,
            tf.constant(number, tf.int64),
            tf.constant(seeds.named(run.config.seed, "figures")),
        )
        yield gradients.memory[0].numpy()
