import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets, seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.networks import ConvNet, Functional
from fred_tf.objectives import GradientMatching
from fred_tf.objectives.gradient_distance import layerwise_distance
from tests.objectives.promises import check_resumes, check_slope

SEED = seeds.named(0, "test")
REAL = 5


@pytest.fixture
def make(digits):
    def make(strategy="none", dtype=None, **arguments):
        network = ConvNet(
            (8, 8, 1), 10, ConvNet.Settings(width=3, depth=1), dtype=dtype
        )
        objective = GradientMatching(
            Functional(network),
            SiameseAugmentation(strategy),
            ClassBatches(digits.train, digits.normalization, 10),
            GradientMatching.Settings(real_batch_per_class=REAL, **arguments),
        )
        theta, served = objective.initial_state(0)
        objective.theta.assign(theta)
        objective.served.assign(served)
        return objective

    return make


@pytest.fixture
def reference(make):
    return next(iter(make().references(0, tf.data.Dataset.range(1))))


@pytest.fixture
def synthetic(generator):
    images = generator.normal(size=(20, 8, 8, 1))
    return images, np.repeat(np.arange(10, dtype=np.int32), 2)


def gradient_of_class(objective, images, label):
    theta = objective.network.unflatten(tf.constant(objective.theta.numpy()))
    with tf.GradientTape() as tape:
        tape.watch(theta)
        logits = objective.network.logits(theta, images)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            np.full(len(images), label), logits
        )
        loss = tf.reduce_mean(losses)
    return tape.gradient(loss, theta)


def test_sums_the_distance_over_classes(make, reference, synthetic):
    objective = make()
    images, labels = synthetic
    expected = sum(
        layerwise_distance(
            gradient_of_class(objective, images[labels == label], label),
            gradient_of_class(objective, reference["images"][label], label),
        )
        for label in range(10)
    )
    loss = objective(tf.cast(images, tf.float32), labels, reference, SEED)
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize(
    ("strategy", "draws"),
    [("none", 1), pytest.param("color_crop_flip", 4, marks=pytest.mark.slow)],
)
def test_the_real_images_themselves_match(strategy, draws, make, reference):
    """Siamese: both sides are augmented alike, or this would not be 0."""
    images = tf.reshape(reference["images"], [-1, 8, 8, 1])
    labels = np.repeat(np.arange(10), REAL)
    for seed in range(draws):
        loss = make(strategy)(images, labels, reference, seeds.named(seed))
        assert float(loss) == pytest.approx(0, abs=1e-3)


def test_gradient_equals_central_differences(make, reference, synthetic):
    objective = make("color_crop", dtype="float64")
    check_slope(objective, synthetic, reference, SEED, length=1e-5)


def test_a_network_serves_its_steps_and_is_trained_between(make, synthetic):
    objective = make("crop", network_steps=2, network_epochs=2, network_batch=8)
    images, labels = tf.cast(synthetic[0], tf.float32), synthetic[1]
    before = objective.theta.numpy()

    def mean_loss(theta):
        parameters = objective.network.unflatten(tf.constant(theta))
        logits = objective.network.logits(parameters, images)
        return np.mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        )

    @tf.function(autograph=False)
    def advance(theta, served, seed):
        scope = [*zip(objective.non_trainable_variables, (theta, served))]
        with keras.StatelessScope(state_mapping=scope):
            return objective.advance(images, labels, 0.0, seed, {})

    trained, served = advance(before, 0, SEED)
    assert served == 1
    assert np.abs(trained - before).max() > 0
    assert mean_loss(trained) < mean_loss(before)
    fresh, served = advance(trained, served, SEED)
    assert served == 0
    assert np.linalg.norm(fresh - trained) > 1
    again, _ = advance(before, 0, SEED)
    np.testing.assert_array_equal(again, trained)


def test_batch_statistics_are_refused(digits):
    network = Functional(
        ConvNet((8, 8, 1), 10, ConvNet.Settings(width=4, depth=1, norm="batch"))
    )
    batches = ClassBatches(digits.train, digits.normalization, 10)
    with pytest.raises(ValueError, match="without moving statistics"):
        GradientMatching(
            network,
            SiameseAugmentation(),
            batches,
            GradientMatching.Settings(real_batch_per_class=REAL),
        )


TINY = presets.preset("digits_ipc1_dc_tiny")


def distiller(digits, jit=False, **changes):
    settings = config.replace(TINY, changes)
    made = assembly.distiller(settings, digits, jit=jit)
    assembly.adapt(made.parameterization, digits, settings.seed)
    return made


def test_lowers_its_loss_and_resumes_with_its_network(digits, tmp_path):
    changes = {
        "objective.network_steps": 3,
        "augmentation": "none",
        "network.depth": 1,
    }
    make = functools.partial(distiller, digits, **changes)
    check_resumes(make, tmp_path, 4, 26, ends=9)


@pytest.mark.slow
def test_compiles_under_xla(digits):
    changes = {"network.depth": 1, "objective.network_steps": 2}
    compiled = distiller(digits, jit=True, **changes)
    assert all(np.isfinite(compiled()["loss"]) for _ in range(3))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network_epochs", 50),
        ("network_batch", 8),
        ("network_learning_rate", 0.5),
    ],
)
def test_a_network_of_one_step_is_not_trained(name, value):
    GradientMatching.Settings(network_steps=2, **{name: value})
    with pytest.raises(ValueError, match=f"`{name}` {value} and.*Raise the"):
        GradientMatching.Settings(**{name: value})
