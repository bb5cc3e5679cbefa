"""What is remembered of steps, and what follows from it."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.distillation import outliers
from fred_tf.objectives.objective import Health

FACTOR = 4.0


@tf.function
def after(watch, step, norm, finite, good, lost):
    """One step, as `OuterStep.update` takes it."""
    made = ~outliers.is_outlier(watch, norm, finite, FACTOR)
    seen = outliers.measured(watch, norm, finite)
    return made, outliers.after_step(seen, step, made, Health(good, lost))


def follow(norms, watch=None, losses=None):
    """Returns which of some steps are made, and the watch after them."""
    watch = watch or outliers.start(tf.float32)
    made = []
    for step, norm in enumerate(norms):
        loss = 0.5 if losses is None else losses[step]
        one, watch = after(
            watch,
            tf.constant(step),
            tf.constant(norm, tf.float32),
            tf.constant(bool(np.isfinite(norm))),
            tf.constant(loss < 1),
            tf.constant(loss >= 1),
        )
        made.append(bool(one))
    return made, watch


def known(value=1.0):
    """Returns the watch of a run whose usual norm was measured."""
    watch = outliers.start(tf.float32)
    for _ in range(outliers.MEASURED):
        watch = outliers.measured(watch, tf.constant(value), tf.constant(True))
    return watch


def trouble(watch, factor=FACTOR):
    return int(outliers.trouble(watch, factor))


def test_usual_is_the_median_of_the_last_norms(generator):
    norms = generator.lognormal(size=40).astype(np.float32)
    watch = outliers.start(tf.float32)
    assert outliers.usual(watch.norms) == 0
    for count, norm in enumerate(norms, start=1):
        watch = outliers.measured(watch, tf.constant(norm), tf.constant(True))
        last = norms[max(0, count - outliers.RECENT) : count]
        smaller = np.sort(last)[(len(last) - 1) // 2]
        assert outliers.usual(watch.norms).numpy() == smaller


def test_an_outlier_among_usual_steps_is_not_made():
    norms = [1, 2, 1, 2000, 0.5, 4.1, 3, 0]
    made, watch = follow(norms, known())
    assert made == [norm <= 4 for norm in norms]
    assert watch.skipped == 2 and trouble(watch) == 0
    # One that is not a number, too; the usual norm does not know it.
    made, watch = follow([float("nan"), 1, float("inf"), 1], watch)
    assert made == [False, True, False, True]
    assert watch.skipped == 4 and trouble(watch) == 0
    assert np.isfinite(watch.norms.numpy()).all()


def test_without_a_known_norm_a_step_is_made():
    made, watch = follow([7.0, 100.0])
    assert made == [True, False]
    assert follow([0.0, 5.0])[0] == [True, True]


def test_a_factor_of_zero_makes_all_that_is_finite():
    for norm, finite in ((1e9, True), (1.0, False)):
        found = outliers.is_outlier(
            known(), tf.constant(norm), tf.constant(finite), 0.0
        )
        assert found == (not finite)


@pytest.mark.parametrize("scale", [10.0, 1e6])
def test_a_lasting_change_of_scale_does_not_starve_a_run(scale):
    _, watch = follow([1.0] * 60, known())
    made, watch = follow([scale] * 60, watch)
    waited = outliers.RECENT // 2 + 1
    assert made == [False] * waited + [True] * (60 - waited)
    assert trouble(watch) == 0
    # And back again at once.
    assert all(follow([1.0] * 30, watch)[0])


def test_a_slow_change_of_scale_costs_nothing():
    assert all(follow(1.05 ** np.arange(300), known())[0])


def test_too_many_outliers_end_a_run():
    """Two of five: too many for chance, too few for a new scale."""
    norms = [1, 50, 1, 50, 1] * 20
    _, watch = follow(norms[:45], known())
    assert trouble(watch) == 0
    _, watch = follow(norms, known())
    assert outliers.TROUBLES[trouble(watch)].startswith("is one of 20 among")


def test_what_is_not_finite_again_and_again_ends_a_run():
    nan = float("nan")
    _, watch = follow([1, nan, nan, 1, nan, nan], known())
    assert trouble(watch) == 0
    assert trouble(watch, factor=0.0) == outliers.NOT_FINITE
    _, watch = follow([nan], watch)
    assert trouble(watch) == outliers.NOT_FINITE
    # Measured steps count, so that a run of two steps is told.
    watch = outliers.start(tf.float32)
    for _ in range(outliers.MEASURED):
        watch = outliers.measured(watch, tf.constant(nan), tf.constant(False))
    assert trouble(follow([nan], watch)[1]) == outliers.NOT_FINITE


def test_a_run_that_learns_nothing_is_lost_in_the_end():
    losses = [0.7] * 10 + [1.2] * outliers.PATIENCE
    _, watch = follow([1.0] * 59, known(), losses[:59])
    assert trouble(watch) == 0
    _, watch = follow([1.0] * 60, known(), losses)
    assert trouble(watch) == 3
    # Step 10 told of the memory after 9 steps that it is good.
    assert watch.good == 9
    _, watch = follow([1.0] * 61, known(), [*losses[:59], 0.9, 1.2])
    assert trouble(watch) == 0
