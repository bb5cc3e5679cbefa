"""How far work is that takes long."""

from fred_tf.progress.remaining import seconds_left
from fred_tf.progress.showing import Report, each, is_watched, shown

__all__ = ["Report", "each", "is_watched", "seconds_left", "shown"]
