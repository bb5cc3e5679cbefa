"""What this machine multiplies bfloat16 with: instructions, or many others."""

import functools
import pathlib

import tensorflow as tf
from absl import logging

# Where Linux lists what a processor can do, and what of it multiplies bfloat16.
_LISTED = pathlib.Path("/proc/cpuinfo")
_KEYS = ("flags", "Features")  # Of x86 and of ARM.
_INSTRUCTIONS = frozenset(("amx_bf16", "avx512_bf16", "bf16"))


def multiplies_bfloat16() -> bool:
    """Returns False where bfloat16 is known to be slow: a CPU without it.

    True where there is a GPU, or where nothing is known of the processor.
    """
    if tf.config.list_physical_devices("GPU"):
        return True
    try:
        lines = _LISTED.read_text(errors="replace").splitlines()
    except OSError:
        return True
    for line in lines:
        key, _, names = line.partition(":")
        if key.strip() in _KEYS:
            return not _INSTRUCTIONS.isdisjoint(names.split())
    return True


@functools.cache  # A process says it once.
def warn_if_slow() -> None:
    """Warns of convolutions in bfloat16 where they are slow."""
    if not multiplies_bfloat16():
        logging.warning(
            "This processor has none of %s: convolutions in bfloat16 take "
            "several times as long as in float32. `--override "
            "convolutions=float32` makes other numbers, to rounding.",
            ", ".join(sorted(_INSTRUCTIONS)),
        )
