"""Steps that also lower the bits of a memory."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets
from fred_tf.distillation.state import Gradients

# Graphs without augmentation and convolution are built in a third of the time.
# The usual step is for convolutions, and far too long for this network.
STEP = {
    "parameterization.step": 1.0,
    "augmentation": "none",
    "network.name": "mlp",
    "distiller.memory_learning_rate": 1000.0,
}
RATED = {**STEP, "parameterization.rate_weight": 0.5}


def make(digits, strategy=None, **changes):
    preset = presets.preset("digits_ipc1_dm_tiny")
    settings = config.replace(preset, changes)
    distiller = assembly.distiller(settings, digits, None, strategy)
    distiller.adapt(digits.normalized_train, digits.train.labels)
    return distiller


def values_of(distiller) -> np.ndarray:
    return distiller.parameterization.values.numpy()


@pytest.fixture(scope="module")
def rated(digits):
    """A run after two steps, and what each of these told."""
    distiller = make(digits, **RATED)
    return distiller, [distiller() for _ in range(2)]


def test_the_gradient_is_that_of_the_sum(digits):
    plain = make(digits, **STEP)
    state, constants = plain.tensors()
    numbered = plain.objective.references(plain.seed, tf.data.Dataset.range(1))
    references = next(iter(numbered.batch(1)))
    step = tf.constant(0, tf.int64)
    loss, gradients = plain.outer_step.gradients(
        state, constants, references, step
    )
    moved = []
    for changes in (STEP, RATED):
        outer = make(digits, **changes).outer_step
        new, scalars = outer.update(
            state, constants, step, loss, gradients, references
        )
        assert float(scalars["loss"]) == float(loss)
        moved.append(new.memory[0])
    with tf.GradientTape() as tape:
        bits = plain.parameterization.penalty()[1]["bits_per_coefficient"]
    slope = tape.gradient(bits, plain.parameterization.values.value)
    rate = plain.settings.memory_learning_rate
    np.testing.assert_allclose(
        moved[0] - moved[1], 0.5 * rate * slope, rtol=1e-3, atol=1e-3
    )
    assert np.abs(slope).max() > 0


def test_steps_tell_the_bits(rated):
    distiller, told = rated
    for scalars in told:
        assert 0 < scalars["bits_per_coefficient"] < 8
        assert 1_500 < scalars["rate_bytes"] < 1_500 + 640
    _, now = distiller.parameterization.penalty()
    assert (
        float(now["bits_per_coefficient"])
        != (
            told[-1]["bits_per_coefficient"]  # Of before the step.
        )
    )


def test_it_compiles(rated):
    distiller, _ = rated
    state, constants = distiller.tensors()
    step, loss = tf.constant(2, tf.int64), tf.constant(1.0)
    zeros = Gradients([tf.zeros_like(x) for x in state.memory], [])
    update = distiller.outer_step.update
    compiled = tf.function(update, jit_compile=True, autograph=False)
    results = [
        tf.nest.flatten(each(state, constants, step, loss, zeros, None))
        for each in (update, compiled)
    ]
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_two_devices_equal_one(digits):
    two_cpus = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    both = {**RATED, "distiller.references_per_step": 2}
    one, two = make(digits, **both), make(digits, two_cpus, **both)
    for _ in range(2):
        assert one() == pytest.approx(two(), rel=1e-3)
    np.testing.assert_allclose(values_of(one), values_of(two), atol=2e-2)
    replicas = two.strategy.experimental_local_results(
        two.parameterization.values.value
    )
    np.testing.assert_array_equal(*(each.numpy() for each in replicas))


def test_a_run_that_was_stopped_goes_on_bit_for_bit(rated, digits, tmp_path):
    _, told = rated
    first = make(digits, **RATED)
    assert first() == told[0]
    saved = first.checkpoint.write(str(tmp_path / "saved"))
    again = make(digits, **RATED)
    again.checkpoint.read(saved).assert_consumed()
    assert again() == told[1]
    np.testing.assert_array_equal(values_of(again), values_of(rated[0]))


def test_a_share_finds_the_step_size_beneath_the_rounding(digits):
    """A small move of rounded images is none, or that of whole levels."""
    shared = {
        "distiller.memory_share": 0.1,
        "augmentation": "none",
        "network.name": "mlp",
    }
    rates = []
    for step in (0.0, 1.0):
        distiller = make(digits, **shared, **{"parameterization.step": step})
        distiller()
        rates.append(distiller.rate)
    assert rates[1] == pytest.approx(rates[0], rel=0.2)
