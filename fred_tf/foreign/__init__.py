"""What others made and the evaluator takes: sets, and networks."""

from fred_tf.foreign.foreign_arrays import ForeignArrays, foreign_set
from fred_tf.foreign.keras_network import KerasNetwork
from fred_tf.foreign.meaning import SOFT_LABELS, VALUES

__all__ = [
    "SOFT_LABELS",
    "VALUES",
    "ForeignArrays",
    "KerasNetwork",
    "foreign_set",
]
