import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets, seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.networks import ConvNet, Functional
from fred_tf.objectives import TrainedGradientMatching
from tests.objectives.promises import check_resumes

SEED = seeds.named(0, "test")
PLAIN = {"network_augmentation": "none", "network_cutmix": 0.0}


@pytest.fixture
def make(digits):
    def make(**arguments):
        network = ConvNet((8, 8, 1), 10, ConvNet.Settings(width=3, depth=2))
        objective = TrainedGradientMatching(
            Functional(network),
            SiameseAugmentation("none"),
            ClassBatches(digits.train, digits.normalization, 10),
            TrainedGradientMatching.Settings(
                **{
                    "real_batch_per_class": 5,
                    "network_images": 12,
                    **PLAIN,
                    **arguments,
                }
            ),
        )
        for weight, value in zip(objective.weights, objective.initial_state(0)):
            weight.assign(value)
        return objective

    return make


def reference_of(objective, number=0):
    numbers = tf.data.Dataset.range(number, number + 1)
    return next(iter(objective.references(0, numbers)))


def gradient_of(objective, theta, images, labels):
    """Of the mean cross-entropy, by parameter."""
    parameters = objective.network.unflatten(tf.constant(theta))
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        logits = objective.network.logits(parameters, images)
        losses = keras.losses.sparse_categorical_crossentropy(
            labels, logits, from_logits=True
        )
        loss = tf.reduce_mean(losses)
    return tape.gradient(loss, parameters)


@pytest.mark.parametrize(
    ("distance", "size", "matched", "chosen"),
    [
        # Kernel and bias of two blocks and their norms, and of the classifier.
        ("squared", np.square, "features", lambda shape: len(shape) == 4),
        pytest.param(
            *("absolute", np.abs, "features", lambda shape: len(shape) == 4),
            marks=pytest.mark.slow,  # Other pairs have each of the two.
        ),
        ("absolute", np.abs, "weights", lambda shape: len(shape) > 1),
        pytest.param(
            *("squared", np.square, "all", lambda shape: True),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_sums_differences_of_what_is_matched(
    distance, size, matched, chosen, make, generator
):
    objective = make(distance=distance, matched=matched)
    images = generator.normal(size=(20, 8, 8, 1)).astype(np.float32)
    labels = np.repeat(np.arange(10, dtype=np.int32), 2)
    reference, theta = reference_of(objective), objective.theta.numpy()
    expected, parts = 0.0, set()
    traced = tf.function(functools.partial(gradient_of, objective, theta))
    for label in range(10):
        sides = [
            [g.numpy() for g in traced(x, tf.fill([len(x)], label))]
            for x in (images[labels == label], reference["images"][label])
        ]
        for ours, theirs in zip(*sides):
            if chosen(ours.shape):
                parts.add(ours.shape)
                expected += np.sum(size(ours - theirs), dtype=np.float64)
    assert (3, 3, 1, 3) in parts and (3, 3, 3, 3) in parts
    assert ((27, 10) in parts) == (matched != "features")
    loss = objective(images, labels, reference, SEED)
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def advanced(objective, state, reference, seed=SEED):
    scope = [*zip(objective.non_trainable_variables, state)]
    with keras.StatelessScope(state_mapping=scope):
        return objective.advance(
            tf.zeros([20, 8, 8, 1]),
            tf.zeros([20], tf.int32),
            0.0,
            seed,
            reference,
        )


def test_the_network_learns_from_real_images_by_hand(make):
    """SGD with momentum and decay, whose velocity lives with the network."""
    objective = make(network_steps=3, network_learning_rate=0.1)
    theta, served, velocity = (w.numpy() for w in objective.weights)
    assert served == 0 and not velocity.any()
    for number in (0, 1):
        reference = reference_of(objective, number)
        images, labels = (reference[f"any_{x}"] for x in ("images", "labels"))
        gradient = gradient_of(objective, theta, images, labels)
        flat = np.concatenate([np.ravel(g) for g in gradient]) + 5e-4 * theta
        expected = theta - 0.1 * (0.9 * velocity + flat)
        state = advanced(objective, (theta, served, velocity), reference)
        theta, served, velocity = (x.numpy() for x in state)
        assert served == number + 1
        np.testing.assert_allclose(theta, expected, atol=2e-5)
    assert np.abs(velocity).max() > 0
    fresh, served, velocity = advanced(
        objective, (theta, served, velocity), reference
    )
    assert served == 0 and not velocity.numpy().any()
    assert np.linalg.norm(fresh - theta) > 1


def test_it_is_augmented_and_mixed(make):
    reference = reference_of(make())
    state = [w.numpy() for w in make().weights]
    plain, augmented, mixed = (
        advanced(make(**how), state, reference)[0].numpy()
        for how in (
            {},
            {"network_augmentation": "color+crop"},
            {"network_cutmix": 1.0},
        )
    )
    assert np.abs(plain - augmented).max() > 1e-5
    assert np.abs(plain - mixed).max() > 1e-5


def test_references_hold_real_images_of_any_class(make, digits):
    """Distinct, with their own labels, and fixed by seed and number."""
    objective = make(network_images=40)
    first, again, other = (reference_of(objective, n) for n in (0, 0, 7))
    np.testing.assert_array_equal(first["any_images"], again["any_images"])
    assert np.any(first["any_images"] != other["any_images"])
    real = digits.normalization(digits.train.images)
    rows = [
        int(np.abs(real - image).max((1, 2, 3)).argmin())
        for image in first["any_images"].numpy()
    ]
    assert len(set(rows)) == 40
    np.testing.assert_array_equal(
        digits.train.labels[rows], first["any_labels"]
    )
    assert len(set(first["any_labels"].numpy())) > 5
    assert objective.recipe()["of_any"] == 40


def test_there_are_no_more_real_images_than_there_are(make, digits):
    objective = make(network_images=10**6)
    assert objective.images_of_any_class == len(digits.train)
    counts = np.bincount(reference_of(objective)["any_labels"])
    np.testing.assert_array_equal(counts, np.bincount(digits.train.labels))


def test_networks_of_one_step_draw_no_images_to_be_trained_on(make):
    objective = make(network_steps=1)
    assert list(reference_of(objective)) == ["images"]
    assert "of_any" not in objective.recipe()
    np.testing.assert_array_equal(
        reference_of(objective)["images"], reference_of(make())["images"]
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network_images", 7),
        ("network_momentum", 0.1),
        ("network_weight_decay", 0.1),
        ("network_augmentation", "none"),
        ("network_cutmix", 1.0),
    ],
)
def test_what_counts_for_nothing_of_networks_of_one_step_is_told(name, value):
    """Runs of presets that set it were made, and are read."""
    changes = {f"objective.{name}": value, "objective.network_steps": 1}
    usual = {"objective.network_images": 2000}
    one = config.replace(TINY, {**usual, **changes})
    (remark,) = one.objective.remarks(one)
    assert remark.endswith(f"Count for nothing: `{name}` {value}.")
    several = config.replace(one, {"objective.network_steps": 2})
    assert not several.objective.remarks(several)


def test_a_step_looks_at_some_images_of_each_class(make):
    objective = make(synthetic_batch_per_class=4)
    np.testing.assert_array_equal(objective.used(40, SEED), np.arange(40))
    seen = set()
    for number in range(20):
        used = objective.used(60, seeds.named(number)).numpy()
        assert len(set(used)) == 40
        np.testing.assert_array_equal(used // 6, np.repeat(np.arange(10), 4))
        seen.update(used)
    assert len(seen) == 60


def test_a_step_sees_one_view_of_each_stored_thing(make):
    objective = make(synthetic_batch_per_class=2)
    objective.views = 3
    for number in range(5):
        used = objective.used(90, seeds.named(number)).numpy()
        np.testing.assert_array_equal(used // 9, np.repeat(np.arange(10), 2))
        assert len(set(used)) == 20 and len(set(used % 3)) == 1


def test_one_class_is_refused_where_images_are_mixed(digits):
    one = digits.train.labels == 0
    split = dataclasses.replace(
        digits.train,
        images=digits.train.images[one],
        labels=digits.train.labels[one],
    )
    network = ConvNet((8, 8, 1), 1, ConvNet.Settings(width=3, depth=1))
    arguments = (
        Functional(network),
        SiameseAugmentation("none"),
        ClassBatches(split, digits.normalization, 1),
    )
    with pytest.raises(
        ValueError, match="network_cutmix.*Received: 0.5 with 1"
    ):
        TrainedGradientMatching(*arguments)
    settings = TrainedGradientMatching.Settings(network_cutmix=0.0)
    TrainedGradientMatching(*arguments, settings)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("network_cutmix", 1.5, "at most 1"),
        ("network_momentum", 1.0, "a decay"),
        ("network_images", 0, "at least 1"),
        ("synthetic_batch_per_class", 0, "at least 1"),
        ("network_augmentation", "colour", "Did you mean 'color'"),
        ("matched", "feature", "Did you mean 'features'"),
        ("distance", "absolut", "Did you mean 'absolute'"),
    ],
)
def test_settings_are_checked(name, value, message):
    with pytest.raises(ValueError, match=message):
        TrainedGradientMatching.Settings(**{name: value})


def test_volumes_lose_colour():
    settings = TrainedGradientMatching.Settings()
    assert settings.sized((4, 4, 4, 1)).network_augmentation == "crop"
    assert settings.sized((4, 4, 1)) == settings


TINY = presets.preset("digits_ipc1_idc_tiny")


def distiller(digits, jit=False, **changes):
    settings = config.replace(TINY, changes)
    made = assembly.distiller(settings, digits, jit=jit)
    made.adapt(digits.normalized_train, digits.train.labels)
    return made


@pytest.mark.slow  # Gradient matching's twin is quick.
def test_lowers_its_loss_and_resumes_with_its_network(digits, tmp_path):
    changes = {
        "objective.network_steps": 4,
        "distiller.memory_learning_rate": 0.03,
    }
    make = functools.partial(distiller, digits, **changes)
    check_resumes(make, tmp_path, 5, 35, ends=8, share=0.9)


@pytest.mark.slow
def test_compiles_under_xla(digits):
    compiled = distiller(digits, jit=True, **{"network.depth": 1})
    assert all(np.isfinite(compiled()["loss"]) for _ in range(3))
