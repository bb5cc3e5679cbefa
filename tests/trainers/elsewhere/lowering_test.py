"""Functions lowered by TensorFlow and run by JAX."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.augmentations.siamese import OPERATIONS
from fred_tf.networks.instance_norm import normalize
from fred_tf.normalizations import NORMALIZATIONS
from trainers.elsewhere.lowering import lower

jax = pytest.importorskip("jax")


def run_both(function, arguments, path):
    """Returns what JAX and what TensorFlow make of a function, under XLA."""
    from jax import export
    from jax.export import DisabledSafetyCheck

    arguments = tf.nest.map_structure(np.asarray, arguments)
    compiled = tf.function(function, jit_compile=True, autograph=False)
    expected = compiled(*tf.nest.map_structure(tf.constant, arguments))
    lower(function, arguments, path)
    exported = export.deserialize(path.read_bytes())
    # It runs on others, too.
    assert DisabledSafetyCheck.platform() in exported.disabled_safety_checks
    return jax.jit(exported.call)(*arguments), expected


def assert_close(found, expected):
    tf.nest.map_structure(
        lambda theirs, ours: np.testing.assert_allclose(
            theirs, ours, rtol=1e-4, atol=1e-5 * np.abs(ours).max()
        ),
        found,
        expected,
    )


def test_jax_makes_the_same_step(digits, expert_dir, tmp_path):
    settings = config.replace(
        presets.preset("digits_ipc1_tm_tiny"),
        {
            "objective.student_batch": 8,
            "objective.student_memory": "recompute",
            "objective.student_steps": 3,
            "distiller.memory_average": 0.9,
        },
    )
    distiller = assembly.distiller(settings, digits, str(expert_dir))
    distiller.adapt(digits.normalized_train, digits.train.labels)
    numbers = tf.data.Dataset.range(2)
    references = distiller.objective.references(0, numbers).batch(2)
    state, constants = distiller.tensors()
    leaves = tf.nest.flatten(state)
    arguments = (leaves, constants, next(iter(references)), 2)

    def plain(leaves, *others):
        """The step of a state as packs keep it: JAX stores no named tuples."""
        state_then = tf.nest.pack_sequence_as(state, leaves)
        after, scalars = distiller.outer_step(state_then, *others)
        return tf.nest.flatten(after), scalars

    found, expected = run_both(plain, arguments, tmp_path / "step.jax")
    assert found[1]["trouble"] == found[1]["skipped"] == 0
    after = tf.nest.pack_sequence_as(state, expected[0]).memory
    assert all(np.any(a != b) for a, b in zip(state.memory, after, strict=True))
    assert_close(found, expected)


def test_jax_augments_alike(generator, tmp_path):
    """All operations, and their gradients."""

    def augmented(images, seed):
        found = {}
        for name in OPERATIONS:
            with tf.GradientTape() as tape:
                tape.watch(images)
                changed = SiameseAugmentation(name)(images, seed)
                energy = tf.reduce_sum(changed**2)
            found[name] = changed, tape.gradient(energy, images)
        return found

    images = generator.normal(size=(5, 8, 8, 3)).astype(np.float32)
    arguments = (images, np.array([3, 4], np.int32))
    found, expected = run_both(augmented, arguments, tmp_path / "all.jax")
    for changed, _ in expected.values():
        assert np.any(changed != images)
    assert_close(found, expected)


def test_jax_normalises_large_images_alike(generator, tmp_path):
    """Both derivatives, where parts are compiled functions of their own."""

    def derivatives(x, gamma, beta, direction):
        sources = [x, gamma, beta]
        with tf.GradientTape() as outer:
            outer.watch(sources)
            with tf.GradientTape() as inner:
                inner.watch(sources)
                y = normalize(*sources, 1e-5, True, True, compiled=True)
                value = tf.reduce_sum(y**4)
            slopes = inner.gradient(value, sources)
            product = tf.reduce_sum(slopes[0] * direction)
        return y, slopes, outer.gradient(product, sources)

    shape = (2, 8, 6, 4)
    arguments = [
        generator.normal(size=size).astype(np.float32)
        for size in (shape, (4,), (4,), shape)
    ]
    path = tmp_path / "norm.jax"
    assert_close(*run_both(derivatives, arguments, path))


@pytest.mark.parametrize("name", ["zca", "zca_kip", "zca_frepo"])
def test_matrices_of_whitenings_go_along(digits, tmp_path, caplog, name):
    own = NORMALIZATIONS[name].fit(digits.train.images)
    images = digits.scored.images[:20]

    def both_ways(images):
        whitened = own(images)
        return {"whitened": whitened, "pixels": own.undo(whitened)}

    found, expected = run_both(both_ways, [images], tmp_path / "both.jax")
    assert_close(found, expected)
    np.testing.assert_allclose(found["pixels"], images, atol=1e-5)
    assert not caplog.text
