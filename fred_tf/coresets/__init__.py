"""Real images as synthetic sets: the baselines without any distillation."""

from fred_tf.coresets.random_selection import random_set, select_random

__all__ = ["random_set", "select_random"]
