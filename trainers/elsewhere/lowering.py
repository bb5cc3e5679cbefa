"""Functions as StableHLO, for accelerators that have JAX but no TensorFlow."""

import importlib.util
import logging
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from fred_tf.disk import files


def check_jax() -> None:
    """Raises ImportError with the way out unless JAX is installed."""
    if importlib.util.find_spec("jax") is None:
        raise ImportError(
            "Lowering needs JAX. Install it with `pip install -e '.[jax]'`; "
            "its releases may ask for a newer Python."
        )


def _is_not_of_captured(record: logging.LogRecord) -> bool:
    return record.module != "call_tf" or record.levelno >= logging.ERROR


def lower(
    function: Callable[..., Any],
    example_args: Sequence[Any],
    path: files.Path,
) -> None:
    """Writes a function such that stock JAX can run it.

    Sets TensorFlow's global seed; stateless draws do not see it.

    TensorFlow and JAX share the compiler XLA, so a step of distillation can
    run where TensorFlow has no kernels for the accelerator, or is not
    installed:

    ```python
    numbers = tf.data.Dataset.range(1)
    references = distiller.objective.references(seed, numbers).batch(1)
    arguments = (*distiller.tensors(), next(iter(references)), 0)
    lower(distiller.outer_step, arguments, "step.jax")
    ```

    And over there, after `from jax import export`:

    ```python
    exported = export.deserialize(open("step.jax", "rb").read())
    state, scalars = jax.jit(exported.call)(state, constants, references, step)
    ```

    The function must be pure (state goes in and comes out, no variable is
    captured), draw only stateless random numbers, and compile under XLA; its
    shapes must be static. `Distiller.outer_step` is such a function. Its draws
    are those of TensorFlow under XLA: the same seed draws the same numbers as
    with `jit`, and others than without.

    Args:
        function: tensors in, tensors out; lists, tuples and dicts of them too.
        example_args: one value for each argument, of which only shapes and
            dtypes count. With JAX's defaults, 64-bit values become 32-bit ones.
        path: the file to write. It runs on processors and GPUs alike.

    Raises:
        ImportError: JAX is not installed.
    """
    check_jax()
    import jax
    from jax import export
    from jax.experimental import jax2tf

    # TensorFlow compiles with random example values, which it refuses to draw
    # without a global seed where op determinism is on.
    tf.random.set_seed(0)
    compiled = tf.function(function, jit_compile=True, autograph=False)
    # It warns of tensors that are captured, and prints them. They are the
    # matrices of whitenings, which are meant to be written. Before JAX 0.11 the
    # logger is absl's, which is also ours.
    logging.getLogger(jax2tf.call_tf.__module__).setLevel(logging.ERROR)
    logging.getLogger("absl").addFilter(_is_not_of_captured)
    called = jax2tf.call_tf(compiled, has_side_effects=False)

    def described(value):
        value = tf.convert_to_tensor(value)
        dtype = jax.dtypes.canonicalize_dtype(value.dtype.as_numpy_dtype)
        return jax.ShapeDtypeStruct(value.shape, dtype)

    arguments = tf.nest.map_structure(described, list(example_args))
    # TensorFlow converts to the same for all: once is enough.
    exported = export.export(
        jax.jit(called),
        platforms=["cpu"],
        disabled_checks=[export.DisabledSafetyCheck.platform()],
    )
    with files.replacing_file(path) as temporary:
        temporary.write_bytes(exported(*arguments).serialize())
