"""Which references a step takes, and which replica treats them."""

from collections.abc import Iterator

import tensorflow as tf

from fred_tf.objectives import Objective, Reference


def references_per_replica(asked: int, replicas: int) -> int:
    """Returns how many references each replica treats in a step.

    Args:
        asked: references in a step, over all replicas; 0 means one each.
        replicas: devices of all processes together.

    Raises:
        ValueError: `asked` is not a multiple of `replicas`.
    """
    if asked % replicas:
        raise ValueError(
            "`distiller.references_per_step` must be a multiple of the "
            f"replicas ({replicas}), or 0 for one each. Received: {asked}. "
            "Override it, or use other devices."
        )
    return asked // replicas or 1


class ReferenceStream:
    """Shares an objective's references out over the replicas.

    Step k takes the references k * `per_step` and on, in order: the first
    replica the first `per_replica` of them, and so on. Each process makes
    those of its own replicas only, and reads ahead.

    Args:
        objective: makes references by their number.
        asked: references of a step; 0 means one per replica.
        seed: the run's integer seed.
        strategy: knows the replicas.

    Raises:
        ValueError: `asked` is not a multiple of the replicas.
    """

    def __init__(
        self,
        objective: Objective,
        asked: int,
        seed: int,
        strategy: tf.distribute.Strategy,
    ):
        self.per_replica = references_per_replica(
            asked, strategy.num_replicas_in_sync
        )
        self.per_step = self.per_replica * strategy.num_replicas_in_sync
        self._objective = objective
        self._seed = seed
        self._strategy = strategy
        self._iterators: dict[int, Iterator[Reference]] = {}
        self._expected = 0

    def next(self, step: int) -> Reference:
        """Returns a step's references, `[per_replica, ...]` per replica.

        Args:
            step: read ahead where it follows the one before.
        """
        if step != self._expected:
            self._iterators = {}
        self._expected = step + 1

        def of_replica(context):
            replica = context.replica_id_in_sync_group
            if replica not in self._iterators:
                self._iterators[replica] = iter(self.of_replica(replica, step))
            return next(self._iterators[replica])

        return self._strategy.experimental_distribute_values_from_function(
            of_replica
        )

    def of_replica(self, replica: int, step: int) -> tf.data.Dataset:
        """Streams what one replica treats from a step on."""
        each, all_replicas = self.per_replica, self.per_step
        first = step * all_replicas + replica * each

        @tf.autograph.experimental.do_not_convert
        def of_step(number):
            return tf.data.Dataset.range(number, number + each)

        steps = tf.data.Dataset.counter(first, all_replicas)
        numbers = steps.flat_map(of_step)
        references = self._objective.references(self._seed, numbers)
        # An iterator that tunes itself is deleted only when its tuner wakes
        # up, which takes up to a minute each.
        options = tf.data.Options()
        options.autotune.enabled = False
        # Read ahead as whole batches, so that no step waits for one.
        batches = references.batch(each, drop_remainder=True).prefetch(2)
        return batches.with_options(options)


def of_first_replica(
    strategy: tf.distribute.Strategy, reference: Reference
) -> Reference:
    """Returns what the first replica has, to all; called across replicas.

    Args:
        strategy: knows the replicas.
        reference: numbers or booleans, another one per replica.
    """
    if not reference:
        return {}

    def carried(value):
        # Kinds that every way of reducing takes and that lose nothing; what is
        # left out is not multiplied, since it may hold NaN.
        kind = value.dtype
        if kind not in (tf.float32, tf.float64):
            kind = tf.float32 if kind.is_floating else tf.int64
        value = tf.cast(value, kind)
        context = tf.distribute.get_replica_context()
        is_first = tf.equal(context.replica_id_in_sync_group, 0)
        return tf.where(is_first, value, tf.zeros_like(value))

    def received(value, offered):
        total = strategy.reduce(tf.distribute.ReduceOp.SUM, offered, axis=None)
        kind = strategy.experimental_local_results(value)[0].dtype
        return tf.cast(total, kind)

    offered = strategy.run(
        lambda reference: tf.nest.map_structure(carried, reference),
        args=(reference,),
    )
    return tf.nest.map_structure(received, reference, offered)
