"""The files of a set are the same whoever writes it, and whenever."""

import os
import pathlib
import subprocess
import sys

from fred_tf.disk import files
from fred_tf.forms import FORMS, fitting
from fred_tf.forms.coefficients import Coefficients
from fred_tf.forms.saved_model import SavedModel

_WRITING = """
import sys
from fred_tf import forms

memory = forms.read_memory(sys.argv[1])
decoded = forms.read(sys.argv[1])
forms.write(decoded, memory, *sys.argv[2:3], sys.argv[3:], shards=2)
"""


def written(source, folder, names, seed) -> dict[str, str]:
    """Returns the digests of what another process writes."""
    subprocess.run(
        [sys.executable, "-c", _WRITING, source, folder, *names],
        cwd=pathlib.Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": seed},
        check=True,
    )
    return {
        path.relative_to(folder).as_posix(): files.sha256(path)
        for path in files.inside(folder)
    }


def test_two_processes_write_the_same_bytes(small_set, small_memory, tmp_path):
    """But for those of TensorFlow's own SavedModel."""
    source = Coefficients().write(small_set, small_memory, tmp_path / "set")
    names = fitting(small_set, small_memory).keys() - {SavedModel.name}
    assert len(names) == len(FORMS) - 3, names
    first, second = (
        written(source, tmp_path / seed, sorted(names), seed)
        for seed in ("1", "2")
    )
    assert first.keys() == second.keys()
    assert {n for n, digest in first.items() if digest != second[n]} == set()
