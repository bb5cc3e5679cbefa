"""What tests of several programs need: a quick run, and a shell's way in."""

import importlib
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from absl import app, flags, logging
from absl.testing import flagsaver

from fred_tf import config, presets
from fred_tf.distilled_run import DistilledRun
from trainers import process_memory, train_experts
from trainers.log.run_log import RunLog

ROOT = pathlib.Path(__file__).parents[2]


# Graphs without augmentation and convolution are built in a third of the time.
GRAPHS = {"augmentation": "none", "network.name": "mlp"}


@pytest.fixture(scope="session")
def quick() -> config.Config:
    """Distribution matching in three steps, scored by one epoch."""
    scored = {"evaluation.networks": 1, "evaluation.epochs": 1}
    return config.replace(
        presets.preset("digits_ipc1_dm_tiny"), {**GRAPHS, **scored}
    )


@pytest.fixture(scope="session")
def quick_tm() -> config.Config:
    """Trajectory matching in three steps, of `quick_experts`."""
    # The usual step is for convolutions, and far too long for this network.
    step = {"distiller.memory_learning_rate": 1000.0}
    return config.replace(
        presets.preset("digits_ipc1_tm_tiny"), {**GRAPHS, **step}
    )


@pytest.fixture(scope="session")
def quick_experts(quick_tm, tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("quick_experts")
    train_experts.run(quick_tm, folder)
    return folder


@pytest.fixture
def no_pictures(monkeypatch):
    """Draws nothing for TensorBoard: half the time of a short run."""
    monkeypatch.setattr(RunLog, "pictures", lambda self, run: None)


@pytest.fixture(scope="session")
def memory_of():
    """Returns the memory of a run, or of the run in a folder."""

    def memory_of(run) -> np.ndarray:
        if not isinstance(run, DistilledRun):
            run = DistilledRun.restore(run)
        return run.parameterization.trainable_variables[0].numpy()

    return memory_of


@pytest.fixture
def start():
    """Starts a program as a shell does; none outlives the test."""
    started = []

    def start(module: str, *flags, **environment) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, flags)],
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def finish():
    """Waits for a program: its exit code, what it said, and its log."""

    def finish(process: subprocess.Popen) -> tuple[int, str, str]:
        output, errors = process.communicate(timeout=240)
        return process.returncode, output, errors

    return finish


@pytest.fixture
def call(monkeypatch, capsys):
    """Calls a program as its console script does, in this process.

    Returns its exit code, what it said, and what of errors. A new process
    takes seconds to import TensorFlow.
    """

    def call(module: str, *arguments) -> tuple[int, str, str]:
        program = importlib.import_module(module)
        monkeypatch.setattr(sys, "argv", [module, *map(str, arguments)])
        capsys.readouterr()
        app.define_help_flags()  # Once; what is saved here lacks no later ones.
        with flagsaver.flagsaver(), pytest.raises(SystemExit) as end:
            flags.FLAGS.unparse_flags()
            program.main()
        return (end.value.code or 0, *capsys.readouterr())

    # Must come before any operation, and others were made in this process.
    monkeypatch.setattr(process_memory, "settle", lambda: None)
    # What every program sets once and for all.
    handler, verbosity = logging.get_absl_handler(), logging.get_verbosity()
    filters, level = list(handler.filters), tf.get_logger().level
    yield call
    handler.filters = filters
    logging.set_verbosity(verbosity)
    tf.get_logger().setLevel(level)


@pytest.fixture
def unlowered(monkeypatch):
    """Packs without JAX: their functions are empty files."""

    def lower(function, arguments, path):
        pathlib.Path(path).touch()

    from trainers.elsewhere import packed_experts, packed_scoring, packing
    from trainers.results import packing as packing_of_rows

    for module in (packing, packing_of_rows):
        monkeypatch.setattr(module, "check_jax", lambda: None)
    for module in (packing, packed_scoring, packed_experts):
        monkeypatch.setattr(module, "lower", lower)
