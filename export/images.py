"""Synthetic sets and masks as pictures, for papers and for a first look."""

import pathlib
from collections.abc import Sequence

import numpy as np

from fred_tf import figures, files
from fred_tf.synthetic_set import SyntheticSet


def write_gallery(
    synthetic_set: SyntheticSet, path: files.Path, per_class: int = 10
) -> pathlib.Path:
    """Writes `figures.gallery` as the PNG `path` and returns it."""
    return figures.save(figures.gallery(synthetic_set, per_class), path)


def write_masks(
    masks: np.ndarray, class_names: Sequence[str], path: files.Path
) -> pathlib.Path:
    """Writes `figures.masks` as the PNG `path` and returns it."""
    return figures.save(figures.masks(masks, class_names), path)
