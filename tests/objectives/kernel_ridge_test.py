import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets, seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.distillation.loop import DivergedError, run
from fred_tf.networks import ConvNet, Functional
from fred_tf.objectives import KernelRidge

SEED = seeds.named(0, "test")
LABELS = np.repeat(np.arange(10, dtype=np.int32), 2)


@pytest.fixture
def make(digits):
    def make(**arguments):
        network = ConvNet((8, 8, 1), 10, ConvNet.Settings(width=2, depth=1))
        return KernelRidge(
            Functional(network),
            SiameseAugmentation("none"),
            ClassBatches(digits.train, digits.normalization, 10),
            KernelRidge.Settings(real_batch_per_class=5, **arguments),
        )

    return make


@pytest.fixture
def reference(make):
    return next(iter(make().references(0, tf.data.Dataset.range(1))))


@pytest.fixture
def images(generator):
    return generator.normal(size=(20, 8, 8, 1))


def predictions(make, images, reference, labels, **arguments):
    """By NumPy's solver, with the kernel of the objective."""
    objective = make(**arguments)
    real = np.reshape(reference["images"], (-1, 8, 8, 1))
    ours, theirs = (
        objective.kernel.represent(tf.constant(x), SEED)
        for x in (images, real.astype(images.dtype))
    )
    inner = objective.kernel.between(ours).numpy()
    ridge = objective.settings.regularization * np.trace(inner) / len(inner)
    weights = np.linalg.solve(inner + ridge * np.eye(len(inner)), labels)
    return objective.kernel.between(theirs, ours).numpy() @ weights


def one_hot(labels):
    return np.eye(10)[labels]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"kind": "nngp", "depth": 3},
        {"kernel": "random_features", "width": 4, "networks": 2, "depth": 2},
    ],
    ids=lambda x: x.get("kernel", x.get("kind", "ntk")),
)
def test_equals_regression_by_numpy(make, images, reference, arguments):
    # Features are float32.
    arguments = {"regularization": 0.01, **arguments}
    found = predictions(
        make, images, reference, one_hot(LABELS) - 0.1, **arguments
    )
    wanted = one_hot(np.repeat(np.arange(10), 5)) - 0.1
    loss = make(**arguments)(tf.constant(images), LABELS, reference, SEED)
    mean = ((found - wanted) ** 2).mean() / 2
    np.testing.assert_allclose(loss, mean, rtol=1e-4)


def test_learned_labels_are_regressed_on(make, images, reference, generator):
    scores = generator.normal(size=(20, 10))
    found = predictions(make, images, reference, scores)
    wanted = one_hot(np.repeat(np.arange(10), 5)) - 0.1
    labels = tf.constant(scores)
    with tf.GradientTape() as tape:
        tape.watch(labels)
        loss = make()(tf.constant(images), labels, reference, SEED)
    np.testing.assert_allclose(
        loss, ((found - wanted) ** 2).mean() / 2, rtol=1e-6
    )
    assert np.linalg.norm(tape.gradient(loss, labels)) > 0


def test_platt_is_the_cross_entropy_of_scaled_predictions(
    make, images, reference
):
    objective = make(loss="platt")
    objective.log_scale.assign(1.5)
    found = predictions(make, images, reference, one_hot(LABELS) - 0.1)
    logits = np.exp(1.5) * found
    wanted = np.repeat(np.arange(10), 5)
    chosen = logits[np.arange(50), wanted]
    entropy = np.log(np.exp(logits).sum(1)) - chosen
    loss = objective(tf.constant(images), LABELS, reference, SEED)
    np.testing.assert_allclose(loss, entropy.mean(), rtol=1e-6)


def test_equal_images_and_no_ridge_are_refused_before_any_step(digits):
    settings = config.override(
        presets.preset("digits_ipc1_kip_tiny"),
        ["ipc=2", "regularization=0", "real_batch_per_class=4"],
    )
    distiller = assembly.distiller(settings, digits)
    one = digits.normalization(digits.train.images[:10])
    alike = np.repeat(one, 2, axis=0)
    with pytest.raises(ValueError, match="`regularization`.*occur twice"):
        distiller.start_from([alike], {})


def test_a_kernel_that_becomes_singular_ends_the_run(digits):
    settings = config.override(
        presets.preset("digits_ipc1_kip_tiny"),
        ["ipc=2", "regularization=0", "real_batch_per_class=4"],
    )
    distiller = assembly.distiller(settings, digits)
    distiller.adapt(digits.normalized_train, digits.train.labels)
    images = distiller.parameterization.pixels.numpy()
    distiller.parameterization.pixels.assign(np.repeat(images[::2], 2, 0))
    with pytest.raises(DivergedError, match="step 1 is not finite"):
        run(distiller, 2, [], progress=False)
