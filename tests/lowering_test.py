"""A step of distillation, lowered by TensorFlow and run by JAX."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets
from fred_tf.lowering import lower

jax = pytest.importorskip("jax")


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
    assembly.adapt(distiller.parameterization, digits, settings.seed)
    numbers = tf.data.Dataset.range(2)
    references = distiller.objective.references(0, numbers).batch(2)
    arguments = tf.nest.map_structure(
        np.asarray,
        (*distiller.tensors(), next(iter(references)), np.int64(2)),
    )
    compiled = tf.function(
        distiller.outer_step, jit_compile=True, autograph=False
    )
    expected = compiled(*tf.nest.map_structure(tf.constant, arguments))
    path = tmp_path / "step.jax"
    lower(distiller.outer_step, arguments, path)

    from jax import export

    exported = export.deserialize(path.read_bytes())
    assert exported.platforms == ("cpu", "cuda")
    found = jax.jit(exported.call)(*arguments)
    assert found[1]["finite"] == 1
    before, after = arguments[0]["variables"], expected[0]["variables"]
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True))
    tf.nest.map_structure(
        lambda theirs, ours: np.testing.assert_allclose(
            theirs, ours, rtol=1e-4, atol=1e-5 * np.abs(ours).max()
        ),
        found,
        expected,
    )
