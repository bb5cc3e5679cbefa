"""docs/extending.md to the letter: a copy of the project with its members."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text()
# A name of each member, as tests are chosen by it.
MEMBERS = (
    "small",
    "mean_matching",
    "linear",
    "hartley",
    "central",
    "centered",
    "labels_csv",
)
# What the new source reads, and what its runs and exports are.
SOURCE = """
import sys
import numpy as np
import fred_tf.distilling
assert "tensorflow_datasets" not in sys.modules
from fred_tf import forms
from fred_tf.distillation.memory_step import usual_step

data = fred_tf.load_data("npz:digits.npz", normalization="centered")
assert data.normalization.name == "centered", data.normalization
overrides = ["outer_steps=2", "network.name=linear", "augmentation=none",
             "objective.name=mean_matching", "real_batch_per_class=64",
             "parameterization.name=small",
             "factor=4", "evaluation.epochs=1", "evaluation.networks=1"]
made = fred_tf.distill(data, ipc=1, overrides=overrides, run_dir="run")
assert made.images.shape == (160, 8, 8, 1), made.images.shape
assert made.decoded.floats_stored == 640
memory = made.config().parameterization
assert usual_step(memory, "mean_matching", (8, 8, 1)) == 0
print(made.evaluate(data))
paths = made.export("exported")
assert any(path.name == "labels.csv" for path in paths), paths
for name in ("images_float32", "saved_model/1", "memory.keras"):
    read = fred_tf.DistilledSet.load(f"exported/{name}")
    np.testing.assert_allclose(read.images, made.images, atol=1e-5)
try:
    fred_tf.distill(data, ipc=1, overrides=[*overrides, "factor=0"])
except ValueError as error:
    assert "`factor`" in str(error) and "Received: 0" in str(error), error
else:
    raise AssertionError("A factor of 0 was taken.")
"""


def blocks() -> list[tuple[str, str]]:
    """Returns path and code of each block that names its file."""
    codes = re.findall(r"```python\n# (fred_tf/\S+)\n(.*?)```", PAGE, re.DOTALL)
    assert len(codes) == 16
    return codes


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> pathlib.Path:
    """A copy of the project to which the page is done, and nothing else."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("fred_tf", "export", "trainers", "examples"):
        shutil.copytree(
            ROOT / name,
            folder / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    for name in ("conftest.py", "packages.py", "conformance"):
        source, target = ROOT / "tests" / name, folder / "tests" / name
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    shutil.copy(ROOT / "setup.cfg", folder)
    for path, code in blocks():
        file = folder / path
        if file.name in ("__init__.py", "sources.py"):
            # The import and the line, where people would put them.
            file.write_text(f"{file.read_text()}\n{code}")
        else:
            assert not file.exists()
            file.write_text(code)
    return folder


def run(copy: pathlib.Path, *command: str) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def test_all_of_them_together_distil_and_export(copy, digits):
    splits = {"train": digits.train, "test": digits.test}
    arrays = {f"x_{name}": split.images for name, split in splits.items()}
    arrays |= {f"y_{name}": split.labels for name, split in splits.items()}
    np.savez(copy / "digits.npz", **arrays)
    run(copy, "-c", SOURCE)


def conformance(copy, chosen: str) -> str:
    return run(copy, "-m", "pytest", "tests/conformance", "-k", chosen).stdout


@pytest.mark.slow  # The test before runs all of them.
def test_each_keeps_the_promises_of_its_family(copy):
    """The quick ones; `test_the_whole_battery` runs all."""
    said = conformance(
        copy, f"families and ({' or '.join(MEMBERS)}) or round_trip and small"
    )
    passed = int(re.search(r"(\d+) passed", said)[1])
    assert passed > len(MEMBERS) + 5


@pytest.mark.slow
def test_the_whole_battery(copy):
    said = conformance(copy, " or ".join(MEMBERS))
    assert "failed" not in said
    assert int(re.search(r"(\d+) passed", said)[1]) >= 25
