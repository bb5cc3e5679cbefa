"""Volumes are augmented slice by slice, all slices alike."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.augmentations import OPERATIONS, SiameseAugmentation

OF_VOLUMES = [name for name in OPERATIONS if name != "color"]
SEED = [5, 2]


@pytest.mark.parametrize("strategy", [*OF_VOLUMES, "crop_flip", "none"])
@pytest.mark.parametrize("shared", [False, True])
def test_each_slice_is_augmented_as_a_picture(strategy, shared, generator):
    volumes = generator.normal(size=(3, 4, 8, 6, 2)).astype(np.float32)
    augment = SiameseAugmentation(strategy)
    result = augment(volumes, tf.constant(SEED), shared)
    assert result.shape == volumes.shape
    for depth in range(4):
        pictures = augment(volumes[:, depth], tf.constant(SEED), shared)
        np.testing.assert_allclose(result[:, depth], pictures, atol=1e-6)


def test_what_is_of_pictures_is_refused_or_left_out(generator):
    volumes = generator.normal(size=(2, 4, 4, 4, 1)).astype(np.float32)
    everything = SiameseAugmentation()
    with pytest.raises(ValueError, match="no color to augment.*Leave it out"):
        everything(volumes, tf.constant(SEED))
    suited = everything.suited((4, 4, 4, 1))
    assert suited.names == tuple(OF_VOLUMES)
    assert suited(volumes, tf.constant(SEED)).shape == volumes.shape
    assert everything.suited((4, 4, 1)) == everything
    only = SiameseAugmentation("color").suited((4, 4, 4, 1))
    assert only.strategy == "none"


def test_the_gradient_reaches_every_slice(generator):
    volumes = tf.constant(generator.normal(size=(1, 3, 8, 8, 1)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(volumes)
        total = tf.reduce_sum(
            SiameseAugmentation("rotate")(volumes, tf.constant(SEED)) ** 2
        )
    of_slices = tf.reduce_sum(tf.abs(tape.gradient(total, volumes)), [2, 3, 4])
    assert (of_slices.numpy() > 0).all()
