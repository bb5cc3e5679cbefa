import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.networks import ConvNet, Functional
from fred_tf.objectives import DistributionMatching

SEED = seeds.named(0, "test")


@pytest.fixture
def make(digits):
    def make(
        strategy="color_crop_cutout_flip_scale_rotate", real=6, norm="instance"
    ):
        settings = ConvNet.Settings(width=8, depth=2, norm=norm)
        return DistributionMatching(
            Functional(ConvNet((8, 8, 1), 10, settings)),
            SiameseAugmentation(strategy),
            ClassBatches(digits.train, digits.normalization, 10),
            DistributionMatching.Settings(real_batch_per_class=real),
        )

    return make


@pytest.fixture
def reference(make):
    return next(iter(make().references(0, tf.data.Dataset.range(1))))


LABELS = tf.constant(np.repeat(np.arange(10), 6), tf.int32)


def flat(reference):
    return tf.reshape(reference["images"], [-1, 8, 8, 1])


def test_identical_batches_give_zero(make, reference):
    objective = make()

    @tf.function
    def loss_of(seed):
        return objective(flat(reference), LABELS, reference, seed)

    for seed in range(6):
        loss = loss_of(tf.constant(seeds.named(seed)))
        assert float(loss) == pytest.approx(0, abs=1e-6)


def test_batch_norm_sees_all_classes_on_both_sides(make, reference):
    objective = make("none", norm="batch")
    loss = float(objective(flat(reference), LABELS, reference, SEED))
    assert loss == pytest.approx(0, abs=1e-6)


def test_equals_numpy(make, reference, generator):
    objective = make("none")
    images = generator.normal(size=(30, 8, 8, 1)).astype(np.float32)
    labels = np.repeat(np.arange(10), 3)
    parameters = objective.network.initialize(seeds.fold(SEED, 0))
    fake = objective.network.embed(parameters, images).numpy()
    real = objective.network.embed(parameters, flat(reference)).numpy()
    expected = 0.0
    for label in range(10):
        ours = fake[labels == label].mean(0)
        theirs = real[6 * label : 6 * label + 6].mean(0)
        expected += ((theirs - ours) ** 2).sum()
    loss = float(objective(images, labels, reference, SEED))
    assert loss == pytest.approx(expected, rel=1e-5)


def test_order_within_a_class_does_not_matter(make, reference, generator):
    images = generator.normal(size=(10, 6, 8, 8, 1)).astype(np.float32)
    shuffled = images[:, ::-1]
    losses = [
        float(make()(x.reshape(60, 8, 8, 1), LABELS, reference, SEED))
        for x in (images, shuffled)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_gradient_reaches_the_images_only(make, reference):
    images = flat(reference) + 0.1
    objective = make()
    with tf.GradientTape() as tape:
        tape.watch([images, reference["images"]])
        loss = objective(images, LABELS, reference, SEED)
    gradient, none = tape.gradient(loss, [images, reference["images"]])
    assert np.abs(gradient).max() > 0
    assert none is None
    assert objective.trainable_variables == []


def test_references_follow_their_number(make):
    stream = list(make().references(3, tf.data.Dataset.range(6)))
    chosen = tf.data.Dataset.from_tensor_slices(tf.constant([5, 2], tf.int64))
    for number, again in zip([5, 2], make().references(3, chosen), strict=True):
        np.testing.assert_array_equal(stream[number]["images"], again["images"])
    assert np.any(stream[0]["images"] != stream[1]["images"])
    assert stream[0]["images"].shape == (10, 6, 8, 8, 1)


def test_refuses_batches_larger_than_a_class(make):
    with pytest.raises(ValueError, match="real_batch_per_class|per_class"):
        make(real=10_000)
