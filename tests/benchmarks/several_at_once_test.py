"""Networks trained at once end where each ends alone."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import several_at_once
from fred_tf import seeds

NETWORKS, SIZE, WIDTH, BATCH = 3, 8, 8, 6


@pytest.fixture(scope="module")
def starts():
    trainer = several_at_once.training(SIZE, WIDTH)
    each = [trainer.start(seeds.named(i, "network")) for i in range(NETWORKS)]
    return trainer, each


def test_groups_are_networks_side_by_side(starts):
    trainer, each = starts
    images, _ = several_at_once.batches(NETWORKS, BATCH, SIZE)
    parameters, _, _ = several_at_once.stacked(each)
    # Forward there is a kernel of grouped convolutions without XLA.
    logits = several_at_once.grouped_logits(parameters, images)
    alone = [
        trainer.network.apply(own, [], images[i], True)[0]
        for i, (own, _, _) in enumerate(each)
    ]
    np.testing.assert_allclose(logits, tf.stack(alone), atol=1e-5)
    # None sees another's images.
    other = tf.concat([images[:1], images[1:] + 1.0], 0)
    first, *_ = several_at_once.grouped_logits(parameters, other)
    np.testing.assert_allclose(first, logits[0], atol=1e-5)


@pytest.mark.slow  # XLA compiles three of the sides.
def test_all_sides_end_at_the_same_weights():
    seconds, apart = several_at_once.compared(
        several_at_once.SIDES, NETWORKS, SIZE, WIDTH, BATCH, rounds=1
    )
    assert [*seconds] == [*several_at_once.SIDES]
    assert max(apart.values()) < 1e-5
