"""Figures of runs, for papers and talks: each by its name."""

from collections.abc import Callable
from typing import NamedTuple

from matplotlib.figure import Figure

from trainers.figures import of_runs, of_spectra
from trainers.figures.subject import MissingError, Subject, named_runs, title

__all__ = [
    "FIGURES",
    "MissingError",
    "NamedFigure",
    "Subject",
    "named_runs",
    "title",
]


class NamedFigure(NamedTuple):
    """A figure that the program draws.

    Attributes:
        draw: draws it, or raises MissingError with what the run lacks.
        caption: what a page says under it.
    """

    draw: Callable[[Subject], Figure]
    caption: str


FIGURES = {
    "passes": NamedFigure(
        of_spectra.passes, "real images, and their low and high frequencies"
    ),
    "compaction": NamedFigure(
        of_spectra.compaction,
        "energy that the best positions of a transform hold",
    ),
    "explained_variance": NamedFigure(
        of_spectra.explained_variance, "explained variance per frequency"
    ),
    "explained_variance_held": NamedFigure(
        of_spectra.explained_variance_held,
        "explained variance that the best frequencies hold",
    ),
    "gradient_energy": NamedFigure(
        of_spectra.gradient_energy,
        "what the objective wants to change, per frequency",
    ),
    "masks": NamedFigure(
        of_runs.masks, "what each class keeps of its spectrum"
    ),
    "labels": NamedFigure(
        of_runs.labels, "what the learned labels of each class say"
    ),
    "beside": NamedFigure(
        of_runs.beside, "random real images beside distilled ones"
    ),
    "views": NamedFigure(
        of_runs.views,
        "one volume of each class, from three sides and in slices",
    ),
    "over_time": NamedFigure(
        of_runs.over_time, "one of each class, by outer step"
    ),
    "spectra": NamedFigure(
        of_spectra.energy_maps, "energy per frequency, real and distilled"
    ),
    "spectra_by_frequency": NamedFigure(
        of_spectra.energy_curves, "energy from low to high frequencies"
    ),
    "accuracy_by_step": NamedFigure(
        of_runs.accuracy_by_step, "test accuracy while distilling"
    ),
    "accuracy_by_budget": NamedFigure(
        of_runs.accuracy_by_budget, "test accuracy against floats stored"
    ),
}
