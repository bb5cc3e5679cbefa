"""A memory of real digits, and who reads what is written of it."""

import dataclasses
import importlib.util
import pathlib

import pytest

from fred_tf import assembly, config, presets
from fred_tf.forms.coefficients import Coefficients
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet

ROOT = pathlib.Path(__file__).parents[3]
_SETTINGS = config.replace(
    presets.preset("digits_ipc1_dm"),
    {"ipc": 4, "parameterization.coefficients_per_channel": 16},
)


@pytest.fixture(scope="session")
def example_path() -> pathlib.Path:
    return ROOT / "examples" / "decode_coefficients.py"


@pytest.fixture
def example_of(example_path, monkeypatch):
    """Takes the name of an example that users copy; returns its module.

    Those that import another find it beside them.
    """

    def load(name: str):
        monkeypatch.syspath_prepend(example_path.parent)
        spec = importlib.util.spec_from_file_location(
            name, example_path.with_name(f"{name}.py")
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def example(example_of):
    """The example that reads with TensorFlow alone, as users copy it."""
    return example_of("decode_coefficients")


@pytest.fixture(scope="session")
def settings() -> config.Config:
    return _SETTINGS


@pytest.fixture(scope="session")
def memory_of(digits, decoded_of):
    """Takes settings by name; returns a memory, and its decoded set."""

    def make(**section):
        changes = {f"parameterization.{k}": v for k, v in section.items()}
        memory = assembly.parameterization(
            config.replace(_SETTINGS, changes), digits.image_shape, 10
        )
        assembly.adapt(memory, digits, seed=0)
        decoded = dataclasses.replace(
            decoded_of(memory),
            student_learning_rate=0.1 + 0.2,
            details={"steps": 3},
        )
        return memory, decoded

    return make


@pytest.fixture(scope="session")
def coloured_set():
    """Returns a function from a memory of ten classes in colour to its set."""

    def decoded(memory) -> SyntheticSet:
        return SyntheticSet(
            images=memory.decode().numpy(),
            labels=memory.labels,
            class_names=tuple("0123456789"),
            normalization=Standardize((0.5,) * 3, (0.25,) * 3),
            dataset="digits",
            floats_stored=memory.floats_stored,
        )

    return decoded


@pytest.fixture(scope="package")
def memory_and_set(memory_of):
    return memory_of()


@pytest.fixture(scope="package")
def memory(memory_and_set):
    return memory_and_set[0]


@pytest.fixture(scope="package")
def decoded(memory_and_set):
    return memory_and_set[1]


@pytest.fixture
def folder(memory, decoded, tmp_path):
    return Coefficients("int8").write(decoded, memory, tmp_path / "set")


@pytest.fixture(scope="session")
def shard():
    def only(folder):
        (path,) = folder.glob("*.tfrecord-*")
        return path

    return only


@pytest.fixture
def survivors_of(flipped, assert_same):
    """Flips a bit of every byte of an export, one at a time.

    Each is refused by the name of its file, or read as the very same set;
    returns the positions of the latter. The example, which may say less, must
    not decode what is refused.
    """

    def find(form, folder, example, expected) -> list[int]:
        survivors = []
        for path in sorted(folder.iterdir()):
            for position in flipped(path):
                try:
                    read = form.read(folder)
                except ValueError as error:
                    assert path.name in str(error)
                    with pytest.raises((ValueError, KeyError)):
                        example.images_of(folder)
                    continue
                survivors.append(position)
                assert_same(read, expected)
        form.read(folder)
        return survivors

    return find
