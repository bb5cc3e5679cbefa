"""A small run with checkpoints: a memory of digits and its optimizer's slots.

The digits are those of scikit-learn (UCI "Optical recognition of handwritten
digits", 8 x 8 grey images).
"""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import datasets

from fred_tf.disk.checkpoints import Checkpoints

_IMAGES = datasets.load_digits().images[:4].astype(np.float32) / 16


class _Run:
    """A memory that moves towards zero, one optimizer step after another."""

    def __init__(self, folder, **options):
        self.memory = tf.Variable(_IMAGES, name="memory")
        self.optimizer = keras.optimizers.SGD(0.1, momentum=0.5)
        self.optimizer.build([self.memory])
        self.checkpoints = Checkpoints(
            folder,
            tf.train.Checkpoint(memory=self.memory, optimizer=self.optimizer),
            **options,
        )

    def step(self):
        self.optimizer.apply([tf.convert_to_tensor(self.memory)])

    def steps_and_saves(self, steps):
        for step in steps:
            self.step()
            self.checkpoints.save(step)
        return self


def _memory_after(steps):
    memory, momentum = _IMAGES, np.zeros_like(_IMAGES)
    for _ in range(steps):
        momentum = np.float32(0.5) * momentum - np.float32(0.1) * memory
        memory = memory + momentum
    return memory


@pytest.fixture
def images():
    """What the memory of a run begins with."""
    return _IMAGES


@pytest.fixture
def begin():
    """Begins a run in a folder, restoring nothing yet."""
    return _Run


@pytest.fixture
def memory_after():
    """Returns the memory of an uninterrupted run, by NumPy alone."""
    return _memory_after


@pytest.fixture
def bytes_in():
    """Returns every byte of a folder's files by name."""
    return lambda folder: {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture
def assert_resumes():
    """Asserts that `step` is restored, and that the run goes on from there."""

    def resumes(folder, step):
        run = _Run(folder)
        run.memory.assign(np.full_like(_IMAGES, 7))
        assert run.checkpoints.restore_latest() == step
        np.testing.assert_allclose(run.memory, _memory_after(step), atol=1e-6)
        run.steps_and_saves(range(step + 1, step + 3))
        again = _Run(folder)
        assert again.checkpoints.restore_latest() == step + 2
        np.testing.assert_array_equal(again.memory, run.memory)
        expected = _memory_after(step + 2)
        np.testing.assert_allclose(run.memory, expected, atol=1e-6)

    return resumes


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """A folder with the checkpoints of steps 8, 9 and 10; to be copied."""
    folder = tmp_path_factory.mktemp("saved")
    run = _Run(folder)
    for _ in range(7):
        run.step()
    run.steps_and_saves(range(8, 11))
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "run")
