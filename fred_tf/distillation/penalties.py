"""What a memory itself adds to the loss of a step, e.g. the bits it takes.

It is looked at once a step, after the gradients of all references were
averaged: it is the same on every replica, and no objective knows of it. The
`loss` that is shown stays the objective's own, which tells how a run goes.
"""

import tensorflow as tf

from fred_tf.distillation.state import Gradients
from fred_tf.optimizers.optimizer import Tensors
from fred_tf.parameterizations import Parameterization


def added(
    parameterization: Parameterization, memory: Tensors, gradients: Gradients
) -> tuple[Gradients, dict[str, tf.Tensor]]:
    """Returns gradients with those of the penalty, and what there is to watch.

    Args:
        parameterization: which reads `memory` as its trainable weights.
        memory: these.
        gradients: of the objective's loss.
    """
    with tf.GradientTape() as tape:
        tape.watch(memory)
        penalty, scalars = parameterization.penalty()
    if penalty is not None:
        own = tape.gradient(penalty, memory, unconnected_gradients="zero")
        both = zip(gradients.memory, own, strict=True)
        gradients = gradients._replace(memory=[a + b for a, b in both])
    norms = parameterization.gradient_norms(gradients.memory)
    return gradients, {**norms, **scalars}
