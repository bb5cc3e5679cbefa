"""Two logical CPU devices for every test, and fixtures that files share."""

import contextlib
import pathlib
import resource

import numpy as np
import pytest
import tensorflow as tf

_CPUS = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    _CPUS[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
tf.config.experimental.enable_op_determinism()
# Rewriting graphs this small takes longer than running them as they are.
# Programs that tests start as processes of their own do rewrite theirs.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def digits():
    from fred_tf import datasets

    return datasets.load("digits")


@pytest.fixture(scope="session")
def expert_dir(tmp_path_factory) -> pathlib.Path:
    """Experts of the preset `digits_ipc1_tm_tiny`."""
    from fred_tf import presets
    from trainers import train_experts

    folder = tmp_path_factory.mktemp("experts")
    train_experts.run(presets.preset("digits_ipc1_tm_tiny"), folder)
    return folder


@pytest.fixture
def full_disk():
    """Lets no file grow beyond some bytes: `with full_disk(500): ...`."""

    @contextlib.contextmanager
    def limited(size):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
