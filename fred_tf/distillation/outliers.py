"""Steps that are not made, and runs that are lost.

One step in a hundred of trajectory matching has a gradient hundreds of times as
long as the usual; made, it ends the run for good, with the student's step size
at its bound and a loss above 1, though nothing was ever infinite. So a step is
compared with those before it:

    usual    the median gradient norm of the last `RECENT` steps, of those that
             were not made, too
    outlier  a step whose norm is above `factor` times the usual, or whose loss,
             gradient or update is not finite

An outlier changes nothing but what is counted here. Because its norm counts
like any other, a lasting change of scale is followed after half of `RECENT`
steps, and at most half of all steps can be outliers. Before the first step
`MEASURED` steps are only measured: their norms, and where the memory's step
size is to be found how far they would move the images, see `memory_step.py`.

A run is lost when outliers are no exception, or when the objective says so of
`PATIENCE` steps in a row. The last good state is the last one whose loss was
seen to be good: a step tells the loss of the state that it begins with.
"""

from typing import NamedTuple

import tensorflow as tf

from fred_tf.objectives.objective import Health

RECENT = 25
MEASURED = 5
PATIENCE = 50
# Of the last `PATIENCE` steps, more than a lasting change of scale costs.
TOO_MANY = 20
NOT_FINITE_IN_A_ROW = 3

# What ends a run, by the number that a step reports as `trouble`; 0 is none.
NOT_FINITE = 1
TROUBLES = (
    "",
    "is not finite: its loss, its gradient or its update",
    f"is one of {TOO_MANY} among {PATIENCE} whose gradients are far beyond the "
    "usual",
    f"is the last of {PATIENCE} in which the student learned nothing, with a "
    "loss of about 1 or above and its step size at its bound",
)


class Watch(NamedTuple):
    """What is remembered of the steps so far.

    Attributes:
        norms: of the last gradients, the newest last, `[RECENT]`; -1 where
            there were none yet.
        moves: how far the steps that were only measured would have moved the
            images at a step size of 1, over their deviation, likewise.
        skips: 1 where one of the last steps was not made, `[PATIENCE]`.
        skipped: how many steps were not made in all, int32.
        not_finite: how many in a row were not finite, int32.
        lost: how many in a row the objective calls lost, int32.
        good: the last state known to be good, by the steps made before it;
            int32.
    """

    norms: tf.Tensor
    moves: tf.Tensor
    skips: tf.Tensor
    skipped: tf.Tensor
    not_finite: tf.Tensor
    lost: tf.Tensor
    good: tf.Tensor


def start(dtype: tf.DType) -> Watch:
    """Returns what is remembered before anything was seen."""
    none, zero = -tf.ones([RECENT], dtype), tf.zeros([], tf.int32)
    skips = tf.zeros([PATIENCE], tf.int32)
    return Watch(none, none, skips, *[zero] * len(Watch._fields[3:]))


def usual(seen: tf.Tensor) -> tf.Tensor:
    """Returns the median of what was seen, of two the smaller; 0 for nothing.

    Args:
        seen: `norms` or `moves` of a watch.
    """
    count = tf.reduce_sum(tf.cast(seen >= 0, tf.int32))
    # Places that are empty come first.
    middle = RECENT - count + (count - 1) // 2
    median = tf.sort(seen)[tf.clip_by_value(middle, 0, RECENT - 1)]
    return tf.maximum(median, 0)


def is_outlier(
    watch: Watch, norm: tf.Tensor, finite: tf.Tensor, factor: float
) -> tf.Tensor:
    """Returns whether a step is not to be made.

    Args:
        watch: before the step.
        norm: of its gradient.
        finite: whether all of its numbers are.
        factor: see above; 0 takes every step that is finite.
    """
    if not factor:
        return ~finite
    known = usual(watch.norms)
    return ~finite | ((known > 0) & (norm > factor * known))


def measured(watch: Watch, norm: tf.Tensor, finite: tf.Tensor) -> Watch:
    """Returns the watch after the gradient of a step was seen.

    Args:
        watch: before it.
        norm: of its gradient.
        finite: whether all of its numbers are.
    """
    return watch._replace(
        norms=_pushed(watch.norms, _bounded(norm)),
        not_finite=tf.where(finite, 0, watch.not_finite + 1),
    )


def moved(watch: Watch, move: tf.Tensor) -> Watch:
    """Returns the watch after it was seen how far a step would move images.

    Args:
        watch: before it.
        move: at a step size of 1, over their deviation.
    """
    return watch._replace(moves=_pushed(watch.moves, _bounded(move)))


def after_step(
    watch: Watch, step: tf.Tensor, made: tf.Tensor, health: Health
) -> Watch:
    """Returns the watch after a step that has been `measured`.

    Args:
        watch: before it.
        step: integer scalar, steps made or skipped before it.
        made: whether it was made.
        health: of the state before it.
    """
    skip = tf.cast(~made, tf.int32)
    return watch._replace(
        skips=_pushed(watch.skips, skip),
        skipped=watch.skipped + skip,
        lost=tf.where(health.lost, watch.lost + 1, 0),
        good=tf.where(health.good & made, tf.cast(step, tf.int32), watch.good),
    )


def trouble(watch: Watch, factor: float) -> tf.Tensor:
    """Returns the number of what ends the run, see `TROUBLES`; int32.

    Args:
        watch: after a step.
        factor: as for `is_outlier`; where it is 0, one step that is not finite
            ends a run.
    """
    allowed = NOT_FINITE_IN_A_ROW if factor else 1
    number = tf.where(watch.lost >= PATIENCE, 3, 0)
    number = tf.where(tf.reduce_sum(watch.skips) >= TOO_MANY, 2, number)
    return tf.where(watch.not_finite >= allowed, NOT_FINITE, number)


def _bounded(value: tf.Tensor) -> tf.Tensor:
    """Returns the largest number for what is infinite, or none."""
    largest = tf.constant(value.dtype.max, value.dtype)
    return tf.where(value <= largest, value, largest)


def _pushed(queue: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    return tf.concat([queue[1:], value[None]], axis=0)
