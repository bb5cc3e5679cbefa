"""Whether XLA knows all that a function does, without compiling it."""

import warnings

import tensorflow as tf


def lowered(function, *arguments) -> str:
    """Returns the program that XLA would compile; refuses as compiling would.

    To compile it takes ten times as long and more.
    """
    compiled = tf.function(function, jit_compile=True, autograph=False)
    ir_of = compiled.experimental_get_compiler_ir(*arguments)
    with warnings.catch_warnings():
        # The device is named, since TensorFlow would find one by a random
        # number, for which it wants a seed. A platform would not do.
        warnings.simplefilter("ignore", UserWarning)
        return ir_of(stage="hlo", device_name="/device:CPU:0")
