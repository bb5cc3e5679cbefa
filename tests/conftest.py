"""Two logical CPU devices for every test, quick runs, and programs in here."""

import contextlib
import gc
import importlib
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


@pytest.fixture(scope="session", autouse=True)
def drawing():
    """A pixel is logged for each picture of a run: drawing takes half of it.

    Returns what draws them, by its name in `run_log`.
    """
    from trainers.log import run_log

    def picture(tag, _):
        pixel = np.zeros([1, 1, 1, 3], np.uint8)
        tf.summary.image(tag.name, pixel, description=tag.description)

    drawn = ("gallery", "strips", "masks")
    replaced = {name: lambda *_: None for name in drawn} | {"_picture": picture}
    real = {name: getattr(run_log, name) for name in replaced}
    with pytest.MonkeyPatch.context() as patch:
        for name, instead in replaced.items():
            patch.setattr(run_log, name, instead)
        yield real


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def digits():
    from fred_tf import datasets

    return datasets.load("digits")


@pytest.fixture(scope="session")
def decoded_of(digits):
    """Returns a function from a memory of digits to its set."""
    from fred_tf.synthetic_set import SyntheticSet

    def decoded(memory) -> SyntheticSet:
        return SyntheticSet(
            memory.decode().numpy(),
            memory.labels,
            digits.class_names,
            digits.normalization,
            "digits",
            memory.floats_stored,
        )

    return decoded


@pytest.fixture(scope="session")
def expert_dir(tmp_path_factory) -> pathlib.Path:
    """Experts of the preset `digits_ipc1_tm_tiny`."""
    from fred_tf import presets
    from trainers import train_experts

    folder = tmp_path_factory.mktemp("experts")
    train_experts.run(presets.preset("digits_ipc1_tm_tiny"), folder)
    return folder


# Graphs without augmentation and convolution are built in a third of the time.
_GRAPHS = {"augmentation": "none", "network.name": "mlp"}


@pytest.fixture(scope="session")
def quick():
    """Distribution matching in three steps, scored by one epoch."""
    from fred_tf import config, presets

    scored = {"evaluation.networks": 1, "evaluation.epochs": 1}
    return config.replace(
        presets.preset("digits_ipc1_dm_tiny"), {**_GRAPHS, **scored}
    )


@pytest.fixture(scope="session")
def quick_tm():
    """Trajectory matching in three steps, of `quick_experts`."""
    from fred_tf import config, presets

    # The usual step is for convolutions, and far too long for this network.
    step = {"distiller.memory_learning_rate": 1000.0}
    return config.replace(
        presets.preset("digits_ipc1_tm_tiny"), {**_GRAPHS, **step}
    )


@pytest.fixture(scope="session")
def quick_taught(quick_tm):
    """The same with labels that its experts give, of several images a class."""
    from fred_tf import config

    changes = {
        "parameterization.coefficients_per_channel": 16,
        "parameterization.labels": "probabilities",
        "parameterization.initial_labels": "experts",
        "parameterization.label_learning_rate": 1.0,
    }
    return config.replace(quick_tm, changes)


@pytest.fixture(scope="session")
def quick_experts(quick_tm, tmp_path_factory) -> pathlib.Path:
    from trainers import train_experts

    folder = tmp_path_factory.mktemp("quick_experts")
    train_experts.run(quick_tm, folder)
    return folder


@pytest.fixture
def call(monkeypatch, capsys):
    """Calls a program as its console script does, in this process.

    Returns its exit code, what it said, and what of errors. A new process
    takes seconds to import TensorFlow.
    """
    from absl import app, flags, logging
    from absl.testing import flagsaver

    from trainers import process_memory

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
