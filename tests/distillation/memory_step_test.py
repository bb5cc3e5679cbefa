"""How a step size is found, and how it grows."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.distillation import memory_step, outliers


def test_a_share_is_met_at_the_median():
    watch = outliers.start(tf.float32)
    for move in (3.0, 1.0, 500.0, 2.0, 4.0):
        watch = outliers.moved(watch, tf.constant(move))
    for step, before, expected in (
        (-1, 0.0, 0.0),  # Not before all are measured.
        (0, 0.0, 0.3 / 3),
        (7, 0.0, 0.3 / 3),
        (7, 9.0, 9.0),
    ):
        found = memory_step.known_rate(
            tf.constant(before), watch, tf.constant(step), 0.3, 0
        )
        assert float(found) == pytest.approx(expected)
    given = memory_step.known_rate(
        tf.constant(2.0), watch, tf.constant(0), 0.0, 0
    )
    assert float(given) == 2


def test_a_step_size_follows_until_gradients_have_settled():
    """The first gradients are a hundred times those of later steps."""
    watch, rate, rates = outliers.start(tf.float32), tf.constant(0.0), []
    for step in range(-3, 30):
        rate = memory_step.known_rate(rate, watch, tf.constant(step), 0.5, 20)
        rates.append(float(rate))
        move = tf.constant(100.0 if step < 2 else 1.0)
        watch = memory_step.followed(
            watch, tf.constant(step), 0.5, 20, lambda move=move: move
        )
    assert rates[:3] == [0, 0, 0]
    assert rates[3] == pytest.approx(0.005)
    # The median is of the later ones as soon as they are more.
    assert rates[3 + 7] == pytest.approx(0.5)
    assert rates[3 + 20 :] == [rates[-1]] * 10
    assert int(tf.reduce_sum(tf.cast(watch.moves >= 0, tf.int32))) == 23


def test_a_step_size_that_was_set_follows_no_more():
    watch = outliers.moved(outliers.start(tf.float32), tf.constant(2.0))
    for step in (3, 5):
        args = tf.constant(step), 0.5, 20
        found = memory_step.known_rate(tf.constant(7.0), watch, *args)
        assert float(found) == 0.25
        none = outliers.start(tf.float32)
        kept = memory_step.known_rate(tf.constant(7.0), none, *args)
        assert float(kept) == 7
        after = memory_step.followed(none, *args, lambda: tf.constant(1.0))
        assert float(outliers.usual(after.moves)) == 0


def test_it_grows_to_its_full_size():
    rates = [
        float(memory_step.scheduled(tf.constant(8.0), tf.constant(step), 4, 0))
        for step in range(-1, 6)
    ]
    assert rates == [0, 2, 4, 6, 8, 8, 8]
    at_once = memory_step.scheduled(tf.constant(8.0), tf.constant(0), 0, 0)
    assert float(at_once) == 8


def test_it_falls_to_a_tenth_along_half_a_cosine():
    for step, expected in ((0, 8), (5, 4.4), (10, 0.8), (11, 0.8)):
        rate = memory_step.scheduled(tf.constant(8.0), tf.constant(step), 0, 10)
        assert float(rate) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_how_far_a_step_moves_images(scale, generator):
    """Of a linear memory, whatever its unit, as NumPy finds it."""
    memory = generator.normal(size=(6, 5))
    slopes = generator.normal(size=(6, 5)) * 1e-3 * scale
    basis = generator.normal(size=(5, 5)) / scale

    found = memory_step.move(
        lambda values: tf.matmul(values[0], tf.constant(basis)),
        [tf.constant(memory * scale)],
        [tf.constant(slopes)],
        0.1,
    )
    moved = (slopes @ basis) ** 2
    expected = np.sqrt(moved.mean()) / np.std(memory @ basis * scale)
    assert float(found) == pytest.approx(expected, rel=1e-6)
