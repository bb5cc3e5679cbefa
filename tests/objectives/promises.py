"""What several objectives promise alike; their own tests ask for it."""

import numpy as np
import pytest
import tensorflow as tf


def check_slope(objective, synthetic, reference, seed, length):
    """The gradient says how the loss changes along random directions.

    Args:
        objective: in float64.
        synthetic: images and labels.
        reference: of the objective.
        seed: of the call.
        length: of the central differences.
    """
    images, labels = tf.constant(synthetic[0]), synthetic[1]

    @tf.function(autograph=False)
    def loss_of(images):
        return objective.call(images, labels, reference, seed)

    @tf.function(autograph=False)
    def gradient_of(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = 3 * loss_of(images)
        return tape.gradient(loss, images)

    generator = np.random.default_rng(1)
    gradient = gradient_of(images)
    for _ in range(3):
        direction = generator.normal(size=images.shape)
        step = length * direction
        slope = (loss_of(images + step) - loss_of(images - step)) / (2 * length)
        expected = float(tf.reduce_sum(gradient * direction)) / 3
        assert float(slope) == pytest.approx(expected, rel=1e-5)


def check_resumes(make, folder, first, more, ends, share=1.0):
    """Losses fall; and from a checkpoint on they are what they were.

    Args:
        make: returns a distiller as it begins.
        folder: of the checkpoint.
        first: steps before it.
        more: steps after it.
        ends: losses at either end that are compared.
        share: of the first ones, below which the last ones are.

    Returns:
        The distiller and the resumed one.
    """
    one = make()
    losses = [one()["loss"] for _ in range(first)]
    path = one.checkpoint.save(str(folder / "checkpoint"))
    losses += [one()["loss"] for _ in range(more)]
    assert np.mean(losses[-ends:]) < share * np.mean(losses[:ends])

    other = make()
    other.checkpoint.restore(path).assert_consumed()
    assert [other()["loss"] for _ in range(more)] == losses[first:]
    return one, other
