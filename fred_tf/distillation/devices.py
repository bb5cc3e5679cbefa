"""The devices that a run uses, here or in several worker processes."""

import contextlib
import faulthandler
import os
import pathlib
import re
import signal
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from absl import logging

# Its public sibling only switches determinism on.
from tensorflow.python.framework.config import is_op_determinism_enabled

from fred_tf.distillation import cluster, rendezvous

_AUTO_JIT = re.compile(r"--tf_xla_auto_jit=([^\s'\"]*)")
_OFF = re.compile(r"(0*|-\d+|single-gpu\((0*|-\d+)\))")
# Seconds in which TensorFlow connects workers that are all there.
_CONNECTING = 120


def strategy() -> tf.distribute.Strategy:
    """Returns the strategy of all workers that TF_CONFIG names.

    Waits for the others, see `rendezvous`; must come before any TensorFlow op.
    Without other workers it is `local_strategy()`.

    Raises:
        ValueError: TF_CONFIG is malformed.
        RuntimeError: other workers do not come, or this worker's own address
            cannot be used.
    """
    place = cluster.place()
    if place.count == 1:
        return local_strategy()
    rendezvous.meet(place, rendezvous.limit())
    logging.info(
        "All %d workers are here. TensorFlow connects them; if that takes more "
        "than %d s, this process ends.",
        place.count,
        _CONNECTING,
    )
    try:
        with _ending_after(_CONNECTING), _ending_by_signals():
            return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.OpError as error:
        raise RuntimeError(
            f"Worker {place.index} cannot join the cluster of TF_CONFIG: "
            f"{error.message}. Its port may be in use, or another worker runs "
            "another program."
        ) from error


@contextlib.contextmanager
def _ending_after(seconds: float) -> Iterator[None]:
    """Ends the process where the block, which holds Python, does not end.

    Only a thread that is not Python's can do that, as `faulthandler` has one.
    """
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def _ending_by_signals() -> Iterator[None]:
    """Lets signals end the process in the block, which holds Python.

    Handlers of Python's are not called there. SIGTERM does so only until
    TensorFlow, which keeps it to itself among workers, takes it; afterwards
    both have their handlers again.
    """
    before = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)}
    if threading.current_thread() is not threading.main_thread():
        before = {}  # Only that one may set handlers.
    # Those of C cannot be put back; who ignores signals goes on doing so.
    before = {s: h for s, h in before.items() if h is not None}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def local_strategy() -> tf.distribute.Strategy:
    """Returns a `MirroredStrategy` over all GPUs here, or over the CPU."""
    devices = tf.config.list_logical_devices("GPU")
    devices = devices or tf.config.list_logical_devices("CPU")[:1]
    return tf.distribute.MirroredStrategy([d.name for d in devices])


def worker() -> tuple[int, int]:
    """Returns this process' index among the workers, and how many there are.

    See `cluster.place`; without others it is (0, 1).

    Raises:
        ValueError: TF_CONFIG is malformed.
    """
    place = cluster.place()
    return place.index, place.count


def refuse_auto_jit() -> None:
    """Refuses to work where XLA chooses by itself what it compiles.

    That changes random numbers, so that what continues without it, or with it,
    would silently be other work.

    Raises:
        ValueError: it does, by TF_XLA_FLAGS or `tf.config.optimizer.set_jit`.
    """
    told = tf.config.optimizer.get_jit()
    if not told:
        told = _auto_jit_flag(os.environ.get("TF_XLA_FLAGS", ""))
    if told:
        raise ValueError(
            "XLA must not choose by itself what it compiles, which changes "
            f"random numbers. Received: {told}, of TF_XLA_FLAGS or of "
            "`tf.config.optimizer.set_jit`. Unset it; `--jit=on`, in Python "
            "`jit=True`, compiles the steps of a run."
        )


def _auto_jit_flag(flags: str) -> str | None:
    """Returns the flag that switches auto-jit on; None if none does."""
    if flags and not flags.lstrip().startswith("-"):  # The name of a file.
        try:
            flags = pathlib.Path(flags).read_text(errors="replace")
        except OSError:
            return None  # TensorFlow reads none, too.
    told = _AUTO_JIT.findall(flags)
    if not told or _OFF.fullmatch(told[-1]):  # The last one counts.
        return None
    return f"--tf_xla_auto_jit={told[-1]}"


def environment(strategy: tf.distribute.Strategy) -> dict[str, Any]:
    """Returns what, beside settings, decides a run's random numbers."""
    threads = tf.config.threading
    return {
        "deterministic": is_op_determinism_enabled(),
        "replicas": strategy.num_replicas_in_sync,
        "device": strategy.extended.worker_devices[0].split("device:")[-1],
        "cpu_threads": {
            "cores": os.cpu_count(),
            "inter_op": threads.get_inter_op_parallelism_threads(),
            "intra_op": threads.get_intra_op_parallelism_threads(),
        },
        "tensorflow": tf.__version__,
    }
