"""Synthetic sets and masks as pictures, for papers and for a first look."""

import pathlib
from collections.abc import Sequence

from fred_tf import figures
from fred_tf.disk import files
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet


def write_gallery(
    synthetic_set: SyntheticSet, path: files.Path, per_class: int = 10
) -> pathlib.Path:
    """Writes `figures.gallery` as the PNG `path` and returns it."""
    return figures.save(figures.gallery(synthetic_set, per_class), path)


def write_masks(
    memory: Frequency, class_names: Sequence[str], path: files.Path
) -> pathlib.Path:
    """Writes `figures.masks` of a memory as the PNG `path` and returns it."""
    drawn = figures.masks(memory.masks, class_names, memory.transform.axis)
    return figures.save(drawn, path)
