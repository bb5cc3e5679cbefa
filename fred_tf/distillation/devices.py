"""The devices that a run uses, here or in several worker processes."""

import json
import os
import signal
from typing import Any

import tensorflow as tf
from absl import logging

# Its public sibling only switches determinism on.
from tensorflow.python.framework.config import is_op_determinism_enabled


def strategy() -> tf.distribute.Strategy:
    """Returns the strategy of all workers that TF_CONFIG names.

    Waits for the others; must come before any TensorFlow op. Without other
    workers it is `local_strategy()`.

    Raises:
        ValueError: TF_CONFIG is malformed.
        RuntimeError: this worker's own address cannot be used.
    """
    index, count = worker()
    if count == 1:
        return local_strategy()
    logging.info("Worker %d of %d waits for the others.", index, count)
    # The wait is not Python's: it would never see a KeyboardInterrupt.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.OpError as error:
        raise RuntimeError(
            f"Worker {index} cannot join the cluster of TF_CONFIG: "
            f"{error.message}. Its port may be in use, or another worker runs "
            "another program."
        ) from error
    finally:
        signal.signal(signal.SIGINT, before)


def local_strategy() -> tf.distribute.Strategy:
    """Returns a `MirroredStrategy` over all GPUs here, or over the CPU."""
    devices = tf.config.list_logical_devices("GPU")
    devices = devices or tf.config.list_logical_devices("CPU")[:1]
    return tf.distribute.MirroredStrategy([d.name for d in devices])


def worker() -> tuple[int, int]:
    """Returns this process' index among the workers, and how many there are.

    The environment variable TF_CONFIG says it, in the form that
    `tf.distribute` reads: `{"cluster": {"worker": ["host:port", ...]}, "task":
    {"type": "worker", "index": 0}}`. A chief, if any, comes first. Without
    TF_CONFIG or a cluster in it, the process is alone: (0, 1).

    Raises:
        ValueError: TF_CONFIG is not of this form, or names another task.
    """
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        told = json.loads(text)
        cluster, task = told.get("cluster"), told.get("task", {})
        if not cluster:
            return 0, 1
        tasks = [
            (kind, index)
            for kind in ("chief", "worker")
            for index, _ in enumerate(cluster.get(kind, []))
        ]
        return tasks.index((task["type"], int(task["index"]))), len(tasks)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise ValueError(
            'TF_CONFIG must be JSON like {"cluster": {"worker": ["a:1", '
            '"b:1"]}, "task": {"type": "worker", "index": 0}} and name a task '
            f"of its cluster. Received: {text} ({error!r}). Unset it to run in "
            "one process."
        ) from None


def environment(strategy: tf.distribute.Strategy) -> dict[str, Any]:
    """Returns what, beside settings, decides a run's random numbers."""
    threading = tf.config.threading
    return {
        "deterministic": is_op_determinism_enabled(),
        "replicas": strategy.num_replicas_in_sync,
        "device": strategy.extended.worker_devices[0].split("device:")[-1],
        "cpu_threads": {
            "cores": os.cpu_count(),
            "inter_op": threading.get_inter_op_parallelism_threads(),
            "intra_op": threading.get_intra_op_parallelism_threads(),
        },
        "tensorflow": tf.__version__,
    }
