import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets, seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.networks import ConvNet, Functional
from fred_tf.networks.network import Network
from fred_tf.objectives import FeatureAlignment
from tests.objectives.promises import check_resumes, check_slope

SEED = seeds.named(0, "test")
REAL = 5
OFF = dict.fromkeys(
    (
        "early_weight",
        "last_weight",
        "features_weight",
        "discrimination_weight",
    ),
    0.0,
)
# A window of two, and nothing that would end a loop but its cap.
CAPPED = {
    "window": 2,
    "settled_range": 0.0,
    "moved_range": 1.0,
    "most_steps": 3,
    "most_epochs": 4,
}


@pytest.fixture
def make(digits):
    def make(strategy="none", dtype=None, depth=2, norm="instance", **values):
        settings = ConvNet.Settings(width=3, depth=depth, norm=norm)
        network = ConvNet((8, 8, 1), 10, settings, dtype=dtype)
        objective = FeatureAlignment(
            Functional(network),
            SiameseAugmentation(strategy),
            ClassBatches(digits.train, digits.normalization, 10),
            FeatureAlignment.Settings(
                **{"real_batch_per_class": REAL, **values}
            ),
        )
        assign(objective, objective.initial_state(0))
        return objective

    return make


def assign(objective, state):
    for variable, value in zip(objective.non_trainable_variables, state):
        variable.assign(value)


@pytest.fixture
def reference(make):
    return next(iter(make().references(0, tf.data.Dataset.range(1))))


@pytest.fixture
def synthetic(generator):
    images = generator.normal(size=(20, 8, 8, 1))
    return images, np.repeat(np.arange(10, dtype=np.int32), 2)


def maps_of(objective, images):
    theta = objective.network.unflatten(tf.constant(objective.theta.numpy()))
    maps = objective.network.maps(theta, tf.cast(images, tf.float32))
    return [np.asarray(m, np.float64) for m in maps]


def means_of(objective, images, classes=10):
    """Returns the mean maps of images that come class by class."""
    return [
        m.reshape(classes, -1, *m.shape[1:]).mean(1)
        for m in maps_of(objective, images)
    ]


@pytest.mark.parametrize(
    ("depth", "values", "weights"),
    [
        # As published: the features count as the pooled map and flattened.
        (2, {}, [0.1, 1.0, 2.0]),
        (1, {}, [1.0, 2.0]),
        (3, {}, [0.1, 0.1, 1.0, 2.0]),
        (2, {**OFF, "early_weight": 3.0}, [3.0, 0.0, 0.0]),
        (2, {**OFF, "last_weight": 3.0}, [0.0, 3.0, 0.0]),
        (2, {**OFF, "features_weight": 3.0}, [0.0, 0.0, 3.0]),
    ],
)
def test_sums_weighted_distances_of_mean_maps(
    depth, values, weights, make, reference, synthetic
):
    objective = make(depth=depth, **{**values, "discrimination_weight": 0.0})
    images, labels = synthetic
    ours = means_of(objective, images)
    theirs = means_of(objective, tf.reshape(reference["images"], [-1, 8, 8, 1]))
    expected = sum(
        weight * np.sum((a - b) ** 2)
        for weight, a, b in zip(weights, ours, theirs, strict=True)
    )
    loss = objective(tf.cast(images, tf.float32), labels, reference, SEED)
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_real_images_tell_the_synthetic_classes_apart(
    make, reference, synthetic
):
    objective = make(**{**OFF, "discrimination_weight": 0.5})
    images, labels = synthetic
    centres = means_of(objective, images)[-1]
    real = maps_of(objective, tf.reshape(reference["images"], [-1, 8, 8, 1]))[
        -1
    ]
    logits = real @ centres.T
    own = logits[np.arange(50), np.repeat(np.arange(10), REAL)]
    expected = 0.5 * np.sum(np.log(np.exp(logits).sum(1)) - own)
    loss = objective(tf.cast(images, tf.float32), labels, reference, SEED)
    assert float(loss) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "strategy",
    [pytest.param("none", marks=pytest.mark.slow), "color_crop_flip"],
)
def test_the_real_images_themselves_are_aligned(strategy, make, reference):
    """Siamese: both sides are augmented alike, or this would not be 0."""
    images = tf.reshape(reference["images"], [-1, 8, 8, 1])
    labels = np.repeat(np.arange(10), REAL)
    objective = make(strategy, discrimination_weight=0.0)
    for seed in range(3):
        loss = objective(images, labels, reference, seeds.named(seed))
        assert float(loss) == pytest.approx(0, abs=1e-6)


def test_gradient_equals_central_differences(make, reference, synthetic):
    objective = make("color_crop", dtype="float64")
    check_slope(objective, synthetic, reference, SEED, length=1e-6)


def advancing(objective, synthetic, reference):
    """Returns a function from a state and a seed to the next state."""
    images, labels = tf.cast(synthetic[0], tf.float32), synthetic[1]

    @tf.function(autograph=False)
    def advance(state, seed):
        scope = [*zip(objective.non_trainable_variables, state)]
        with keras.StatelessScope(state_mapping=scope):
            return objective.advance(images, labels, 0.0, seed, reference)

    return advance


def accuracy_of(objective, theta, images):
    parameters = objective.network.unflatten(theta)
    flat = tf.reshape(images, [-1, 8, 8, 1])
    predicted = np.argmax(objective.network.logits(parameters, flat), -1)
    return np.mean(predicted == np.repeat(np.arange(10), images.shape[1]))


def test_both_loops_end_under_their_caps(make, synthetic, reference):
    """Nothing is below a range of 0 or above one of 1: only the caps end."""
    objective = make(**CAPPED)
    advance = advancing(objective, synthetic, reference)
    state = first = objective.initial_state(0)
    for served in (1, 2):
        theta = state[0]
        accuracy = accuracy_of(objective, theta, reference["images"])
        state = advance(state, seeds.fold(SEED, served))
        assert state[2] == served
        assert float(state[1][-1]) == pytest.approx(accuracy)
        expected = trained(
            objective, theta, synthetic, 4, seeds.fold(SEED, served)
        )
        np.testing.assert_allclose(state[0], expected, rtol=1e-4, atol=1e-6)
    fresh = advance(state, SEED)
    assert fresh[2] == 0
    assert np.linalg.norm(fresh[0] - first[0]) > 1
    np.testing.assert_array_equal(fresh[1], np.zeros(2))


def trained(objective, theta, synthetic, epochs, seed):
    """Returns theta after plain SGD on all twenty images at a time."""
    images, labels = tf.cast(synthetic[0], tf.float32), synthetic[1]
    for _ in range(epochs):
        with tf.GradientTape() as tape:
            tape.watch(theta)
            logits = objective.network.logits(
                objective.network.unflatten(theta), images
            )
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )
        theta -= 0.01 * tape.gradient(loss, theta)
    return theta


def test_loops_end_where_accuracies_say(make, synthetic, reference):
    settled = make(**{**CAPPED, "settled_range": 1.0})
    advance = advancing(settled, synthetic, reference)
    state = advance(settled.initial_state(0), SEED)
    assert state[2] == 1  # The window is not full.
    assert advance(state, SEED)[2] == 0
    # Long steps move the accuracy at once, but the window must be full.
    quick = {"network_learning_rate": 1.0, "most_epochs": 1000}
    moved = make(**{**CAPPED, **quick, "window": 3, "moved_range": 0.0})
    state = moved.initial_state(0)
    found = advancing(moved, synthetic, reference)(state, SEED)[0]
    fewer = make(**{**CAPPED, **quick, "window": 3, "most_epochs": 3})
    expected = advancing(fewer, synthetic, reference)(state, SEED)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_accuracy_is_of_so_many_real_images(make, synthetic, reference):
    """Of all that there are, where these are fewer: see the test of caps."""
    objective = make(**CAPPED, accuracy_images=2)
    state = objective.initial_state(0)
    after = advancing(objective, synthetic, reference)(state, SEED)
    expected = accuracy_of(objective, state[0], reference["images"][:, :2])
    assert float(after[1][-1]) == pytest.approx(expected)


def test_an_epoch_sees_every_image_once(make):
    """Also where batches do not divide them, by one step each."""
    training = make(network_batch=8)._training

    def step(state, images, labels, seed, rate):
        parameters, *rest = state
        return [parameters[0] + tf.reduce_sum(images)], *rest

    training.step = step
    images = tf.constant(2.0 ** np.arange(20))
    start = [tf.constant(0.0, tf.float64)]
    (total,), _ = training.epoch(
        (start, start), images, tf.range(20), SEED, 0.1
    )
    assert float(total) == 2**20 - 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"most_steps": 9}, r"`most_steps` is at least.*\(10\).*Received: 9"),
        ({"most_epochs": 9}, "`most_epochs` is at least.*Received: 9. Raise"),
        ({"window": 1}, "`objective.window` must be.*at least 2"),
        ({"settled_range": 1.5}, "`settled_range` must be.*at most 1"),
        ({"moved_range": -0.1}, "`moved_range` must be.*at least 0"),
        ({"moved_range": float("nan")}, "`moved_range` must be.*finite"),
        ({"early_weight": -1.0}, "`early_weight` must be"),
        ({"accuracy_images": 0}, "`accuracy_images` must be"),
        ({"network_learning_rate": 0.0}, "`network_learning_rate` must be"),
    ],
)
def test_settings_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        FeatureAlignment.Settings(**values)


def test_networks_without_such_features_are_refused(make, digits):
    with pytest.raises(ValueError, match="without moving statistics"):
        make(norm="batch")

    class Flat(Network):
        Settings = ConvNet.Settings

        def make_layers(self, image_shape):
            return [keras.layers.Flatten()]

    with pytest.raises(ValueError, match="activation. Received: Flat, none"):
        FeatureAlignment(
            Functional(Flat((8, 8, 1), 10)),
            SiameseAugmentation("none"),
            ClassBatches(digits.train, digits.normalization, 10),
            FeatureAlignment.Settings(real_batch_per_class=REAL),
        )


def test_is_called_as_in_tables():
    assert FeatureAlignment.called_with("none") == "CAFE"
    assert FeatureAlignment.called_with("color_flip") == "CAFE+DSA"


TINY = "digits_ipc1_cafe_tiny"


def distiller(digits, strategy=None, jit=False, **changes):
    settings = config.replace(presets.preset(TINY), changes)
    made = assembly.distiller(settings, digits, strategy=strategy, jit=jit)
    made.adapt(digits.normalized_train, digits.train.labels)
    return made


@pytest.mark.slow  # Gradient matching's twin is quick.
def test_lowers_its_loss_and_resumes_with_its_network(digits, tmp_path):
    both = check_resumes(lambda: distiller(digits), tmp_path, 4, 26, ends=9)
    for mine, theirs in zip(*(d.tensors()[0].objective for d in both)):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.slow  # The conformance tests have a quick one.
def test_two_devices_equal_one(digits):
    changes = {"distiller.references_per_step": 2}
    one = distiller(digits, **changes)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    two = distiller(digits, strategy, **changes)
    for _ in range(3):
        assert one() == pytest.approx(two(), rel=1e-3)
    for mine, theirs in zip(*(d.tensors()[0].objective for d in (one, two))):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_compiles_under_xla(digits):
    compiled = distiller(digits, jit=True, **{"network.depth": 1})
    assert all(np.isfinite(compiled()["loss"]) for _ in range(3))
