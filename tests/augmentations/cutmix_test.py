import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import check_mixed, mixed
from tests.lowering import lowered


def batch(generator, *sizes):
    images = generator.normal(size=(5, *sizes, 2)).astype(np.float32)
    return images, np.eye(5, dtype=np.float32)


@pytest.mark.parametrize("sizes", [(8, 6), (4, 5, 6)])
def test_labels_are_the_shares_of_pixels(sizes, generator):
    """Each pixel is the image's own or its partner's, and is counted."""
    images, targets = batch(generator, *sizes)
    shares = []
    for number in range(12):
        seed = seeds.named(number)
        found, labels = mixed(images, targets, seed, 1.0)
        for i, row in enumerate(labels.numpy()):
            assert row.sum() == pytest.approx(1)
            own = (found[i] == images[i]).numpy().all(-1)
            assert row[i] == pytest.approx(own.mean())
            if own.all():  # No box, or its own partner.
                continue
            (partner,) = np.flatnonzero(np.delete(row, i))
            others = np.delete(images, i, axis=0)[partner]
            taken = (found[i] == others).numpy().all(-1)
            np.testing.assert_array_equal(taken, ~own)
            places = np.argwhere(taken)  # A box.
            extent = places.max(0) - places.min(0) + 1
            assert taken.sum() == np.prod(extent)
        shares.append(1 - labels.numpy().diagonal().min())
    assert np.ptp(shares) > 0.1


def test_a_box_by_hand(generator):
    """Sides are the root of the share, of even pixels, cut off at borders."""
    images, targets = batch(generator, 8, 8)
    seed = seeds.named(3)
    own = seeds.fold(seed, 1000)
    _, area = tf.random.stateless_uniform([2], seeds.fold(own, 0)).numpy()
    half = int(np.sqrt(area) * 8) // 2
    spans = []
    for axis in (0, 1):
        middle = int(
            tf.random.stateless_uniform(
                [], seeds.fold(own, 1 + axis), 0, 8, tf.int32
            )
        )
        spans.append(slice(max(middle - half, 0), min(middle + half, 8)))
    order = np.argsort(tf.random.stateless_uniform([5], seeds.fold(own, 3)))
    expected = images.copy()
    expected[:, spans[0], spans[1]] = images[order][:, spans[0], spans[1]]
    found, labels = mixed(images, targets, seed, 1.0)
    np.testing.assert_array_equal(found, expected)
    share = np.prod([s.stop - s.start for s in spans]) / 64
    assert 0 < share < 1
    np.testing.assert_allclose(
        labels, (1 - share) * targets + share * targets[order], atol=1e-6
    )


def test_about_half_of_the_batches_are_mixed(generator):
    images, targets = batch(generator, 8, 8)

    @tf.function
    def changed(number):
        found, labels = mixed(images, targets, tf.stack([number, 1]), 0.5)
        return tf.reduce_any(found != images), tf.reduce_any(labels != targets)

    both = tf.map_fn(changed, tf.range(400), (tf.bool, tf.bool))
    np.testing.assert_array_equal(*both)
    assert 0.35 < both[0].numpy().mean() < 0.6


def test_xla_knows_each_of_its_operations(generator):
    images, targets = batch(generator, 8, 8)
    program = lowered(mixed, images, targets, seeds.named(0), 1.0)
    assert "->(f32[5,8,8,2]{3,2,1,0}, f32[5,5]{1,0})" in program


@pytest.mark.slow  # The test before shows that it can be compiled.
def test_compiles(generator):
    images, targets = batch(generator, 8, 8)
    compiled = tf.function(mixed, jit_compile=True)
    found, labels = compiled(images, targets, seeds.named(0), 1.0)
    assert found.shape == images.shape and labels.shape == targets.shape


@pytest.mark.parametrize(("share", "classes"), [(0.5, 1), (1.0, 1), (0.01, 0)])
def test_one_class_is_refused(share, classes):
    with pytest.raises(ValueError, match="Override it by 0"):
        check_mixed("evaluation.cutmix", share, classes)
    check_mixed("evaluation.cutmix", 0.0, classes)
    check_mixed("evaluation.cutmix", share, 2)
