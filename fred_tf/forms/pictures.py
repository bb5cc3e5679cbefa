"""Synthetic sets and masks as pictures, for papers and for a first look."""

import pathlib

from fred_tf import figures
from fred_tf.forms.form import Form
from fred_tf.parameterizations import Frequency


class Picture(Form):
    """A form that is only looked at: one PNG."""

    def check_replaceable(self, path):
        figures.check_replaceable(path)


class Gallery(Picture):
    """The images as one PNG, a row per class; see `figures.gallery`.

    `per_class` says how many images of each class are shown at most.
    """

    name = "gallery"
    path = "gallery.png"

    def fits(self, decoded, memory):
        return decoded.images.shape[-1] in (1, 3)

    def write(self, decoded, memory, path, per_class: int = 10):
        self.check_replaceable(pathlib.Path(path))
        return figures.save(figures.gallery(decoded, per_class), path)


class Views(Picture):
    """Volumes as one PNG, from three sides and in slices; `figures.views`."""

    name = "views"
    path = "views.png"

    def fits(self, decoded, memory):
        return decoded.images.ndim == 5 and decoded.images.shape[-1] in (1, 3)

    def write(self, decoded, memory, path, slices: int = 5):
        self.check_replaceable(pathlib.Path(path))
        return figures.save(figures.views(decoded, slices), path)


class Masks(Picture):
    """The kept frequencies of each class as one PNG; see `figures.masks`."""

    name = "masks"
    path = "masks.png"

    def fits(self, decoded, memory):
        return isinstance(memory, Frequency)

    def write(self, decoded, memory, path):
        self.check_replaceable(pathlib.Path(path))
        drawn = figures.masks(
            memory.masks, decoded.class_names, memory.transform.axis
        )
        return figures.save(drawn, path)
