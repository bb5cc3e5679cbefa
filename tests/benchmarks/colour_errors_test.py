"""What the benchmark of colours changes, and what it says of a network."""

import types

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import colour_errors
from fred_tf.parameterizations import Frequency


@pytest.fixture(scope="module", params=["separate", "joint"])
def memory(request):
    settings = Frequency.Settings(
        coefficients_per_channel=48, channels=request.param
    )
    memory = Frequency((8, 8, 3), 2, 10, settings)
    images = np.random.default_rng(0).normal(size=(20, 8, 8, 3))
    images *= [4, 2, 1]
    memory.adapt(images.astype(np.float32), memory.labels, 0)
    return memory


def test_errors_are_of_one_colour_and_of_equal_energy(memory):
    exact = memory.decode().numpy()
    colours = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]])
    for colour in range(3):
        errors = colour_errors.with_errors(memory, colour, 0) - exact
        size = np.sqrt(np.mean(errors**2))
        assert size == pytest.approx(colour_errors.ERROR, rel=1e-3)
        others = errors @ np.delete(colours, colour, 0).T
        np.testing.assert_allclose(others, 0, atol=1e-5)
    np.testing.assert_array_equal(memory.decode(), exact)


def test_a_network_that_sees_grey_alone_asks_for_no_other_colour(memory):
    network = types.SimpleNamespace(
        unflatten=tf.identity,
        embed=lambda _, images: tf.reduce_sum(images, -1),
    )
    trajectories = [np.zeros((2, 3))] * 2
    weights = colour_errors.weights_of(network, trajectories, memory)
    np.testing.assert_allclose(weights, [3, 0, 0], atol=1e-6)


def test_energies_are_those_of_the_images(memory):
    exact = memory.decode().numpy()
    energies = colour_errors.energies_of(memory)
    assert energies.sum() == pytest.approx(np.square(exact).sum(), rel=1e-4)
    sums = np.square(exact.sum(-1)).sum() / 3
    assert energies[0] == pytest.approx(sums, rel=1e-4)
