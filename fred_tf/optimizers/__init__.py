"""How tensors move against their gradients, as pure functions."""

from fred_tf.optimizers.adam import Adam
from fred_tf.optimizers.group import Group
from fred_tf.optimizers.lamb import LAMB
from fred_tf.optimizers.optimizer import Optimizer
from fred_tf.optimizers.sgd import SGD

__all__ = ["LAMB", "SGD", "Adam", "Group", "Optimizer"]
