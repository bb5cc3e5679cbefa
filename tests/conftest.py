"""Two logical CPU devices for every test, and fixtures that files share."""

import contextlib
import gc
import importlib.util
import pathlib
import resource
import sys

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


@pytest.fixture(scope="module", autouse=True)
def collected():
    """Looks for garbage once a file, and never again at what is none.

    TensorFlow keeps millions of objects of the functions that it has traced.
    """
    yield
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="module")
def toys():
    """The members of `conformance/toys.py`, in the tables of their families."""
    from fred_tf.objectives import OBJECTIVES
    from fred_tf.parameterizations import PARAMETERIZATIONS

    path = pathlib.Path(__file__).parent / "conformance" / "toys.py"
    spec = importlib.util.spec_from_file_location("toys", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "toys", module)  # Dataclasses look it up.
        spec.loader.exec_module(module)
        patch.setitem(PARAMETERIZATIONS, "labelled", module.Labelled)
        patch.setitem(OBJECTIVES, "pool_matching", module.PoolMatching)
        yield module


@pytest.fixture(scope="module")
def toy_settings(toys):
    """Settings of a short run of the toys."""
    from fred_tf import config, presets

    return config.replace(
        presets.preset("digits_ipc1_dm_tiny"),
        {
            "ipc": 2,
            "outer_steps": 5,
            "augmentation": "none",
            "parameterization.name": "labelled",
            "objective.name": "pool_matching",
            "distiller.memory_average": 0.5,
            "network.depth": 1,
        },
    )
