import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.networks import ConvNet, Functional
from fred_tf.networks.norms import BatchNorm
from fred_tf.objectives import FeatureRegression

SEED = tf.constant(seeds.named(0, "test"))
LABELS = np.repeat(np.arange(10, dtype=np.int32), 2)


@pytest.fixture
def make(digits):
    def make(norm="none", **arguments):
        network = ConvNet(
            (8, 8, 1), 10, ConvNet.Settings(width=3, depth=1, norm=norm)
        )
        settings = {"pool": 3, "most_steps": 6, "mirror": False, **arguments}
        objective = FeatureRegression(
            Functional(network),
            SiameseAugmentation("none"),
            ClassBatches(digits.train, digits.normalization, 10),
            FeatureRegression.Settings(real_batch_per_class=5, **settings),
        )
        assign(objective, objective.initial_state(0))
        return objective

    return make


def assign(objective, state):
    for variable, value in zip(
        objective.non_trainable_variables, state, strict=True
    ):
        variable.assign(value)


def state_of(objective):
    return [v.numpy() for v in objective.non_trainable_variables]


@pytest.fixture
def reference(make):
    return next(iter(make().references(0, tf.data.Dataset.range(1))))


@pytest.fixture
def images(generator):
    return tf.constant(generator.normal(size=(20, 8, 8, 1)), tf.float32)


def features(objective, images):
    """Of the drawn network, with its running moments."""
    drawn = objective.drawn.numpy()
    network = objective.network
    statistics = objective._statistics(objective.statistics[drawn])
    parameters = network.unflatten(objective.thetas[drawn])
    embedded = network.embed(parameters, tf.constant(images), statistics)
    return embedded.numpy().astype(np.float64)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_equals_regression_by_numpy(
    make, images, reference, generator, mirror, norm
):
    objective = make(norm, mirror=mirror)
    labels = generator.normal(size=(20, 10)).astype(np.float32)
    loss = objective(images, tf.constant(labels), reference, SEED)
    seen, targets = images.numpy(), labels.astype(np.float64)
    if mirror:
        seen = np.concatenate([seen, seen[:, :, ::-1]])
        targets = np.concatenate([targets, targets])
    ours = features(objective, seen)
    theirs = features(objective, np.reshape(reference["images"], (-1, 8, 8, 1)))
    inner = ours @ ours.T
    ridge = 1e-6 * np.trace(inner) / len(inner) * np.eye(len(inner))
    found = theirs @ ours.T @ np.linalg.solve(inner + ridge, targets)
    wanted = np.eye(10)[np.repeat(np.arange(10), 5)] - 0.1
    best = np.sort(labels, 1)[:, ::-1]
    margin = np.minimum(best[:, 0] - best[:, 1], 0.1).mean()
    error = ((found - wanted) ** 2).sum(1).mean() / 2
    np.testing.assert_allclose(loss, error - margin, rtol=1e-3)


def test_ages_are_staggered_and_only_the_drawn_network_moves(make, images):
    objective = make()
    before = state_of(objective)
    np.testing.assert_array_equal(before[-2], [0, 2, 4])
    drawn = before[-1]
    after = [
        np.asarray(x)
        for x in objective.advance(images, LABELS, tf.constant(1.0), SEED, {})
    ]
    for old, new in zip(before[:-1], after[:-1]):
        moved = [bool((a != b).any()) for a, b in zip(old, new)]
        assert moved in ([i == drawn for i in range(3)], [False] * 3)
    assert after[-2][drawn] == before[-2][drawn] + 1


def test_a_network_takes_adams_step_on_the_set(make, images):
    objective = make()
    drawn = objective.drawn.numpy()
    theta = tf.constant(objective.thetas[drawn])
    network = objective.network
    with tf.GradientTape() as tape:
        tape.watch(theta)
        logits = network.logits(network.unflatten(theta), images)
        wanted = np.eye(10, dtype=np.float32)[LABELS] - 0.1
        error = tf.reduce_mean(tf.reduce_sum((logits - wanted) ** 2, 1)) / 2
    gradient = tape.gradient(error, theta).numpy()
    new = objective.advance(images, LABELS, tf.constant(1.0), SEED, {})
    # Adam's first step has the sign of the gradient and the step size' length.
    step = new[0][drawn] - theta
    large = np.abs(gradient) > 1e-5
    assert large.any()
    np.testing.assert_allclose(
        step.numpy()[large], -3e-4 * np.sign(gradient[large]), rtol=1e-2
    )


def test_old_networks_are_drawn_anew(make, images):
    """After 7 steps, one beyond `most_steps`; the visit after makes none."""
    objective = make(pool=1)
    first = objective.thetas.numpy()
    ages, thetas = [], []
    advance = tf.function(objective.advance, autograph=False)
    for number in range(9):
        seed = seeds.fold(SEED, number)
        assign(objective, advance(images, LABELS, tf.constant(1.0), seed, {}))
        ages.append(int(objective.ages.numpy()[0]))
        thetas.append(objective.thetas.numpy())
    assert ages == [1, 2, 3, 4, 5, 6, 7, 0, 1]
    assert objective.counts.numpy() == [1]
    near, far = (np.abs(thetas[i] - first).max() for i in (6, 7))
    assert near < 0.01 < far


def test_running_moments_are_those_of_the_last_batches(make, images):
    objective = make("batch")
    drawn = objective.drawn.numpy()
    new = objective.advance(images, LABELS, tf.constant(1.0), SEED, {})
    network = objective.network
    parameters = network.unflatten(objective.thetas[drawn])
    x = images
    with network._scope(parameters, network.initial_statistics()):
        for step in network.network.steps:
            if isinstance(step, BatchNorm):
                break
            x = step(x)
    mean = new[4][drawn].numpy()[:3]
    np.testing.assert_allclose(mean, 0.9 * np.mean(x, (0, 1, 2)), atol=1e-5)


def test_fixed_labels_have_no_margin(make, images, reference):
    """Hard labels and equal scores differ by the margin's bound only."""
    objective = make()
    hard = objective(images, LABELS, reference, SEED)
    scores = tf.constant(np.eye(10, dtype=np.float32)[LABELS] - 0.1)
    soft = objective(images, scores, reference, SEED)
    np.testing.assert_allclose(hard - soft, 0.1, rtol=1e-3)
