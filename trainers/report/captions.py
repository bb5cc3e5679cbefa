"""What the pictures of a run show, in sentences that hold for this run."""

import numpy as np

from fred_tf import budget
from fred_tf.figures.canvas import MAX_CLASSES
from fred_tf.figures.tiles import contrasted
from fred_tf.normalizations import ZCA
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet

# Of a change that is seen, in [0, 1] units: a level of a screen.
_SEEN = 1 / 255
# Of the positions that a class keeps, by the rule that chose them.
_RULES = {
    "explained_variance": "those along which its real images vary most",
    "energy": "those that hold most energy of its real images",
    "low_frequency": "the lowest",
    "high_frequency": "the highest",
    "random": "drawn at random",
}


def sentence(words: str) -> str:
    """Returns words as a sentence."""
    return f"{words[:1].upper()}{words[1:]}."


def images(decoded: SyntheticSet, most: int) -> str:
    """Returns what is said of the images of a set.

    Args:
        decoded: the set.
        most: images of each class that are drawn at most.
    """
    per_class = int(np.bincount(decoded.labels).max())
    first = "All images"
    if per_class == 1:
        first = "The image"
    elif per_class > most:
        first = f"The first {most} of {per_class} images"
    each = "class"
    if decoded.classes > MAX_CLASSES:
        each = f"of the first {MAX_CLASSES} classes"
    return " ".join([f"{first} of each {each}.", *_changes(decoded, most)])


def _changes(decoded: SyntheticSet, most: int) -> list[str]:
    """Returns what was done to images so that they can be looked at."""
    said = []
    if isinstance(decoded.normalization, ZCA):
        said.append("Their whitening is undone.")
    drawn = [
        np.flatnonzero(decoded.labels == label)[:most]
        for label in range(min(decoded.classes, MAX_CLASSES))
    ]
    pixels = decoded.pixels()[np.concatenate(drawn)]
    changes = np.abs(contrasted(pixels) - np.clip(pixels, 0, 1))
    changed = (changes.reshape(len(pixels), -1).max(1) > _SEEN).sum()
    if changed:
        of = "all" if changed == len(pixels) else f"{changed:,} of them"
        said.append(
            f"Pixels leave the range of real ones: {of} are drawn with less "
            "contrast."
        )
    return said


def masks(memory: Frequency, chosen: bool) -> str:
    """Returns what is said of the masks of a memory.

    Args:
        memory: the memory.
        chosen: whether its own settings say how they were chosen.
    """
    settings, spectrum = memory.settings, memory.spectrum_shape[:-1]
    kept, of = memory.mask_size, budget.positions(memory.spectrum_shape)
    what = "frequencies" if memory.transform.has_frequencies else "positions"
    said = f"What each class keeps: {kept:,} of {of:,} {what}"
    if chosen and kept < of:
        said += f", {_RULES[settings.mask_rule]}"
    said += "."
    if settings.channels == "joint":
        said += " Channels are one more axis of the transform."
    elif memory.image_shape[-1] > 1:
        said += " The same of every channel."
    if len(spectrum) > 2:
        said += (
            " The picture counts along the other axes: the darker, the more "
            "are kept."
        )
    return said


def labels(decoded: SyntheticSet) -> str:
    """Returns what is said of learned labels."""
    what = "probabilities of"
    if decoded.kind_of_soft_labels == "scores":
        what = "scores, to be regressed on, of"
    return f"The mean label of each class's images: {what} all classes."


def over_time(decoded: SyntheticSet) -> str:
    """Returns what is said of images at several steps."""
    undone = isinstance(decoded.normalization, ZCA)
    said = "The first image of each class after so many outer steps."
    return f"{said} Its whitening is undone." if undone else said


def accuracy_by_step() -> str:
    """Returns what is said of the accuracies of `--evaluate_every`."""
    return "Mean accuracy while distilling, and one deviation around it."


def curve(label: str, mean_of: int) -> str:
    """Returns what is said of curves.

    Args:
        label: of the axis.
        mean_of: see `Curve`.
    """
    if mean_of == 1:
        return sentence(label)
    return sentence(
        f"{label}: strong, the mean of {mean_of} steps; faint, each"
    )
