"""What tests of several programs need: a shell's way in, and packs."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from fred_tf.distilled_run import DistilledRun
from trainers.report import markup

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def undrawn(monkeypatch):
    """Pages without their own figures, which take most of the time."""
    monkeypatch.setattr(
        markup, "drawing", lambda draw, caption: markup.picture(b"", caption)
    )


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
