"""What people look at: arrays in, a matplotlib figure out, no global state."""

from fred_tf.figures.accuracy_per_byte import Panel, accuracy_per_byte
from fred_tf.figures.canvas import (
    about,
    check_replaceable,
    on_dark,
    read_png,
    save,
    to_array,
)
from fred_tf.figures.curves import Curve, curves
from fred_tf.figures.gallery import beside, gallery, strips
from fred_tf.figures.labels import labels
from fred_tf.figures.maps import frequency_maps
from fred_tf.figures.masks import masks
from fred_tf.figures.tiles import displayable, tiles
from fred_tf.figures.volumes import views

__all__ = [
    "Curve",
    "Panel",
    "about",
    "accuracy_per_byte",
    "beside",
    "check_replaceable",
    "curves",
    "displayable",
    "frequency_maps",
    "gallery",
    "labels",
    "masks",
    "on_dark",
    "read_png",
    "save",
    "strips",
    "tiles",
    "to_array",
    "views",
]
