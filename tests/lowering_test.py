"""A step of distillation, lowered by TensorFlow and run by JAX."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets, seeds
from fred_tf.lowering import lower

jax = pytest.importorskip("jax")


def test_jax_computes_the_same_gradients(digits, expert_dir, tmp_path):
    settings = config.replace(
        presets.preset("digits_ipc1_tm_tiny"),
        {
            "objective.student_batch": 8,
            "objective.student_memory": "recompute",
            "objective.student_steps": 3,
        },
    )
    distiller = assembly.distiller(settings, digits, str(expert_dir), jit=True)
    memory = distiller.parameterization
    assembly.adapt(memory, digits, settings.seed)
    numbers = tf.data.Dataset.range(2)
    references = distiller.objective.references(0, numbers).batch(2)
    arguments = [
        [v.numpy() for v in memory.trainable_variables]
        + [v.numpy() for v in distiller.objective.trainable_variables],
        [v.numpy() for v in memory.non_trainable_variables],
        [],
        next(references.as_numpy_iterator()),
        seeds.named(0, "outer step"),
        np.int64(4),
    ]
    compiled = tf.function(
        distiller.gradients, jit_compile=True, autograph=False
    )
    loss, gradients = compiled(
        *tf.nest.map_structure(tf.convert_to_tensor, arguments)
    )
    path = tmp_path / "gradients.jax"
    lower(distiller.gradients, arguments, path)

    from jax import export

    exported = export.deserialize(path.read_bytes())
    assert exported.platforms == ("cpu", "cuda")
    found_loss, found = jax.jit(exported.call)(*arguments)
    np.testing.assert_allclose(found_loss, loss, rtol=1e-5)
    for theirs, ours in zip(found, gradients, strict=True):
        assert np.abs(ours).max() > 0
        scale = float(np.abs(ours).max())
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5 * scale)
