"""Makes the memory of a process a matter of its settings, and measures it."""

import contextlib
import ctypes
import gc
import os
import sys
from collections.abc import Iterator

import keras
import psutil
import tensorflow as tf
from tensorflow.python.framework import ops

from fred_tf.distillation import devices

# Of glibc's malloc.h.
_M_MMAP_THRESHOLD = -3
# Below what the parameters of a network and its activations take.
_BLOCK = 1 << 20


def settle() -> None:
    """Keeps the peak of a run on CPUs low, and the same in every run.

    Which operations happen to overlap decides how much they hold together, and
    convolutions fill all cores by themselves: so operations run one at a time.
    And large blocks go back to the system when they are freed: activations
    leave no holes between the students' parameters, which live longer. That
    costs no time with 160 images of 32x32 and 128 channels, and about a tenth
    with digits of 8x8, too small to fill the cores.

    A run on accelerators or by several workers, who need threads to talk to
    each other, is left as it is; so is a threshold of the user's own.

    Must come before any TensorFlow op.
    """
    if devices.worker()[1] > 1 or tf.config.list_physical_devices("GPU"):
        return
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if os.name == "posix" and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        # Other C libraries have no such function, or know no such parameter.
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _BLOCK)


@contextlib.contextmanager
def forgetting() -> Iterator[None]:
    """Frees the graphs that a block has made, once it ends.

    TensorFlow keeps the gradient of every `tf.custom_gradient` in a graph for
    good, and with it the graph: 15 MB a short run of digits, 0.5 MB so. What
    the block has traced must not be differentiated again.
    """
    # Not public: where it is gone, the block only keeps its memory.
    kept = getattr(ops.gradient_registry, "_registry", {})
    before = set(kept)
    try:
        yield
    finally:
        for name in kept.keys() - before:
            if name.startswith("CustomGradient-"):
                del kept[name]
        keras.backend.clear_session()
        gc.collect()


def peak() -> float:
    """Returns the largest memory that the process has had, in gigabytes.

    psutil knows it on Windows and the memory of this moment elsewhere, where
    the kernel's own figure is larger, in kilobytes or, on macOS, in bytes.
    """
    memory = psutil.Process().memory_info()
    most = getattr(memory, "peak_wset", memory.rss)
    with contextlib.suppress(ImportError):
        import resource  # Not on Windows.

        told = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        most = max(most, told * (1 if sys.platform == "darwin" else 1024))
    return most / 1e9
