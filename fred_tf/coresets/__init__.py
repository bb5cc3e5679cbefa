"""Real images as synthetic sets: the baselines without any distillation."""

from fred_tf.coresets.coreset import coreset, full_set, random_set
from fred_tf.coresets.features import (
    check_choice,
    class_features,
    select_by_features,
)
from fred_tf.coresets.herding import herd
from fred_tf.coresets.k_center import k_center
from fred_tf.coresets.random_selection import (
    Choice,
    chosen_rows,
    select_random,
)

# Choices by the features of a trained network; random ones need none.
CORESETS = {"herding": herd, "k_center": k_center}
RANDOM = "random"
METHODS = RANDOM, *CORESETS

__all__ = [
    "CORESETS",
    "METHODS",
    "RANDOM",
    "Choice",
    "check_choice",
    "chosen_rows",
    "class_features",
    "coreset",
    "full_set",
    "herd",
    "k_center",
    "random_set",
    "select_by_features",
    "select_random",
]
