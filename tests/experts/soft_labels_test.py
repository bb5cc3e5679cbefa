"""Experts that label images: against a mean of softmaxes by NumPy."""

import numpy as np
import pytest
import tensorflow as tf

import fred_tf
from fred_tf import assembly, config, datasets, presets
from fred_tf.chosen_images import feature_network
from fred_tf.experts.soft_labels import soft_labels
from fred_tf.experts.store import ExpertStore

TM = presets.preset("digits_ipc1_tm_tiny")


def network(digits, **changes):
    settings = config.replace(TM, changes)
    return assembly.network(settings, digits.image_shape, digits.classes)


@pytest.fixture
def images(digits):
    return digits.normalization(digits.test.images[:7])


def by_numpy(digits, store, number, images):
    """Returns what one expert thinks, from its last stored parameters."""
    expert = network(digits)
    vector = np.array(store.trajectory(number)[-1], np.float32)
    logits = expert.logits(expert.unflatten(vector), images).numpy()
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_equals_the_mean_of_the_experts(expert_dir, digits, images):
    store = ExpertStore.open(expert_dir)
    found = soft_labels(network(digits), store, images)
    each = [by_numpy(digits, store, number, images) for number in range(2)]
    assert (found.dtype, found.shape) == (np.float32, (7, 10))
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert np.abs(each[0] - each[1]).max() > 1e-3


@pytest.fixture(scope="module")
def of_batches(tmp_path_factory):
    """Experts without norm, of whitened batches that are standardised."""
    data = datasets.load("digits", normalization="zca")
    settings = config.replace(
        TM,
        {
            "normalization": "zca",
            "network.name": "mlp",
            "augmentation": "none",
            "experts.count": 1,
            "experts.learning_rate": 0.1,
            "experts.batch_size": 16,
            "experts.standardized_batches": True,
        },
    )
    folder = tmp_path_factory.mktemp("of_batches")
    return settings, data, fred_tf.train_experts(data, settings, folder)


def test_experts_see_images_as_they_learned_to(of_batches):
    settings, data, store = of_batches
    expert = assembly.network(settings, data.image_shape, data.classes)
    images = data.normalization(data.test.images[:100])
    parameters = expert.unflatten(store.trajectory(0)[-1].astype(np.float32))
    seen = (images - images.mean()) / images.std(ddof=1)
    expected = tf.nn.softmax(expert.logits(parameters, seen)).numpy()
    other = tf.nn.softmax(expert.logits(parameters, images)).numpy()
    assert np.abs(other - expected).sum(1).mean() > 0.1
    found = soft_labels(expert, store, images)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_expert_that_embeds_is_as_good_as_it_was(of_batches):
    settings, data, store = of_batches
    features, score = feature_network.features(settings, data, store, 1)
    assert score == store.facts(0)["test_accuracy"]
    images = data.normalization(data.train.images[data.train.indices_of(3)])
    seen = (images - images.mean()) / images.std(ddof=1)
    expert = assembly.network(settings, data.image_shape, data.classes)
    parameters = expert.unflatten(store.trajectory(0)[-1].astype(np.float32))
    expected = expert.embed(parameters, tf.constant(seen))
    np.testing.assert_allclose(features(3), expected, atol=1e-4)


def test_asks_no_more_than_most(expert_dir, digits, images):
    store = ExpertStore.open(expert_dir)
    found = soft_labels(network(digits), store, images, most=1)
    expected = by_numpy(digits, store, 0, images)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_halves_are_read_as_floats(expert_dir, digits, images, tmp_path):
    store = ExpertStore.open(expert_dir)
    half = ExpertStore.create_or_open(
        tmp_path,
        {
            "epochs": store.epochs,
            "parameters": store.parameters,
            "dtype": "bfloat16",
        },
    )
    half.append(store.trajectory(0))
    found = soft_labels(network(digits), half, images)
    assert found.dtype == np.float32
    expected = by_numpy(digits, half, 0, images)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_empty_store_has_no_opinion(digits, images, tmp_path):
    description = {"epochs": 1, "parameters": 2, "dtype": "float32"}
    empty = ExpertStore.create_or_open(tmp_path, description)
    with pytest.raises(
        ValueError, match="at least one.*trainers.train_experts"
    ):
        soft_labels(network(digits), empty, images)


def test_moving_moments_are_not_made_up(expert_dir, digits, images):
    moving = network(digits, **{"network.norm": "batch"})
    with pytest.raises(ValueError, match="without moving.*`network.norm`"):
        soft_labels(moving, ExpertStore.open(expert_dir), images)
