"""What people look at: arrays in, a matplotlib figure out, no global state."""

from fred_tf.figures.canvas import save, to_array
from fred_tf.figures.gallery import gallery
from fred_tf.figures.masks import masks

__all__ = ["gallery", "masks", "save", "to_array"]
