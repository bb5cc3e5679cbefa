"""What others made and the evaluator takes."""

from fred_tf.foreign.foreign_arrays import ForeignArrays, foreign_set
from fred_tf.foreign.meaning import SOFT_LABELS, VALUES

__all__ = ["SOFT_LABELS", "VALUES", "ForeignArrays", "foreign_set"]
