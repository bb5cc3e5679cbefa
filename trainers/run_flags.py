"""Flags that the programs share, and what they mean."""

import json
import logging as stdlib_logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from absl import app, flags, logging

from fred_tf import config as config_lib
from fred_tf import overrides, presets

_PRESET = flags.DEFINE_string(
    "preset",
    None,
    "Settings to start from, named <dataset>_ipc<k>_<objective>; "
    "--list_presets prints all.",
)
_OVERRIDE = flags.DEFINE_multi_string(
    "override",
    [],
    "Replaces one setting: name=value, e.g. --override student_steps=20. "
    "May be given many times; config.json in a run folder shows all names.",
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "The one seed from which everything random follows.", 0
)
_LIST = flags.DEFINE_bool("list_presets", False, "Prints the presets, exits.")
_DETERMINISTIC = flags.DEFINE_bool(
    "deterministic",
    True,
    "Makes equal runs bit-equal on the same machine and thread count.",
)
DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "Where TensorFlow Datasets keeps its data; default ~/tensorflow_datasets.",
)
DOWNLOAD = flags.DEFINE_bool(
    "download",
    False,
    "Lets TensorFlow Datasets download and prepare missing data.",
)
EXPERT_DIR = flags.DEFINE_string(
    "expert_dir",
    None,
    "Folder of the expert trajectories; for trajectory matching.",
)
RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "Folder of the run. A run that was stopped continues from here when the "
    "same command is given again.",
)


def config() -> config_lib.Config:
    """Returns the config that --preset, --override and --seed ask for."""
    return overrides.override(*preset_and_overrides())


def preset_and_overrides() -> tuple[config_lib.Config, list[str]]:
    """Returns what --preset and --seed ask for, and the --override values."""
    if not _PRESET.value:
        raise ValueError(
            "--preset is required. --list_presets prints the presets."
        )
    chosen = presets.preset(_PRESET.value)
    seeded = config_lib.replace(chosen, {"seed": _SEED.value})
    return seeded, _OVERRIDE.value


def has_preset() -> bool:
    """Returns whether --preset is given."""
    return bool(_PRESET.value)


def override(config: config_lib.Config) -> config_lib.Config:
    """Returns `config` with the overrides of the command line."""
    return overrides.override(config, _OVERRIDE.value)


def required(flag: flags.FlagHolder) -> str:
    """Returns a flag's value.

    Raises:
        ValueError: it was not given.
    """
    if not flag.value:
        raise ValueError(
            f"--{flag.name} is required: {flags.FLAGS[flag.name].help}"
        )
    return flag.value


def set_determinism() -> None:
    """Applies --deterministic; must come before any TensorFlow op."""
    if _DETERMINISTIC.value:
        tf.config.experimental.enable_op_determinism()


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


def identity(strategy: tf.distribute.Strategy, jit: bool) -> dict[str, Any]:
    """Returns what decides a run's random numbers and rounding."""
    threading = tf.config.threading
    return {
        "jit": jit,
        # TensorFlow does not tell; tests call `run` without parsed flags.
        "deterministic": flags.FLAGS.is_parsed() and _DETERMINISTIC.value,
        "replicas": strategy.num_replicas_in_sync,
        "device": strategy.extended.worker_devices[0].split("device:")[-1],
        "cpu_threads": {
            "cores": os.cpu_count(),
            "inter_op": threading.get_inter_op_parallelism_threads(),
            "intra_op": threading.get_intra_op_parallelism_threads(),
        },
        "tensorflow": tf.__version__,
    }


# What a data pipeline raises reaches the program as an OpError.
_MISTAKES = (
    ValueError,
    OSError,
    RuntimeError,
    ImportError,
    tf.errors.OpError,
)


def start(program: Callable[[], int | None]) -> None:
    """Runs `program()` as an absl app; a user's mistake ends in one line.

    The environment variable FRED_TF_TRACEBACK=1 shows where it arose.
    """

    def main(arguments: list[str]) -> int | None:
        if len(arguments) > 1:
            raise app.UsageError(f"Unknown arguments: {arguments[1:]}")
        logging.set_verbosity(logging.INFO)
        logging.get_absl_handler().addFilter(_is_ours_or_grave)
        tf.get_logger().setLevel("WARNING")
        if _LIST.value:
            print(presets.table())
            return None
        try:
            return program()
        except _MISTAKES as error:
            if os.environ.get("FRED_TF_TRACEBACK"):
                raise
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 1

    app.run(main)


_TALKATIVE = {"tensorflow", "tensorflow_datasets", "keras"}


def _is_ours_or_grave(record: stdlib_logging.LogRecord) -> bool:
    """Keeps other libraries' notes below a warning out of the log.

    A warning of TFDS to itself, about each stored array, is left out, too.
    """
    if "`FeatureConnector.dtype` is deprecated" in str(record.msg):
        return False
    theirs = _TALKATIVE.intersection(record.pathname.split(os.sep))
    return not theirs or record.levelno >= stdlib_logging.WARNING
