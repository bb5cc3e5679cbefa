"""The memory as a Keras layer, in one `.keras` file."""

import os
import pathlib

import keras
import numpy as np

from fred_tf.disk import files
from fred_tf.forms import facts, manifest
from fred_tf.forms.form import SetForm
from fred_tf.forms.provenance import provenance
from fred_tf.parameterizations import Parameterization

_RULE = "A memory is a `.keras` file of `python -m export`."


class KerasMemory(SetForm):
    """A memory with its config as one `.keras` file, and a JSON file beside it.

    The JSON file is a manifest of the one file. It says what the memory does
    not: pixels, names, how to train, what to cite; and the `soft_labels`
    `[n, classes]` where the set has them.
    """

    name = kind = "keras"
    path = "memory.keras"
    loading = """\
from fred_tf.forms.keras_memory import read_memory

memory = read_memory(PATH)
images, labels = memory.decode(), memory.labels"""

    def fits(self, decoded, memory):
        return memory is not None

    def write(self, decoded, memory, path):
        path = pathlib.Path(path)
        if path.suffix != ".keras":
            raise ValueError(
                f"{_RULE} Received: {path}. Give a name that ends in `.keras`."
            )
        said = {**facts.of(decoded), **provenance(decoded)}
        if decoded.soft_labels is not None:
            said["soft_labels"] = decoded.soft_labels.tolist()
        indices = keras.Input((), dtype="int32", name="indices")
        model = keras.Model(indices, memory(indices))
        with files.replacing_file(path) as temporary:
            # Keras goes by the suffix, and the temporary name has another.
            named = temporary.with_name(f"{temporary.name}.keras")
            try:
                model.save(named)
                os.replace(named, temporary)
            finally:
                named.unlink(missing_ok=True)
        entries = {path.name: {"sha256": files.sha256(path)}}
        files.write_json(
            _beside(path), manifest.sealed(self.kind, entries, said)
        )
        return path

    def read(self, path):
        path = pathlib.Path(path)
        self.verify(path)
        said = manifest.read(path.parent, _beside(path).name)
        memory = read_memory(path)
        with facts.believed(path):
            soft_labels = said.get("soft_labels")
            if soft_labels is not None:
                soft_labels = np.array(soft_labels, np.float32)
            return facts.restored(
                said, memory.decode().numpy(), memory.labels, soft_labels
            )

    def recognises(self, path):
        return path.suffix == ".keras"

    def verify(self, path):
        path = pathlib.Path(path)
        if not path.is_file():
            raise FileNotFoundError(_missing(path))
        said = manifest.verify(path.parent, self.kind, _beside(path).name)
        if path.name not in said["files"]:
            raise ValueError(
                f"{_beside(path)} must describe {path.name}. Received: "
                f"{sorted(said['files'])}. Export the run again."
            )


def read_memory(path: files.Path) -> Parameterization:
    """Reads a memory that `KerasMemory` wrote.

    The file names classes of this library and numbers; code in it is refused
    and never run. What lies beside it may be missing.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds something else; or the file
            beside it that describes it is damaged or of another.
    """
    path = pathlib.Path(path)
    # Keras goes by the suffix: others are formats in which code may run.
    if path.suffix != ".keras":
        raise ValueError(f"{_RULE} Received: {path}. Export the run again.")
    if not path.is_file():
        raise FileNotFoundError(_missing(path))
    if _beside(path).is_file():
        KerasMemory().verify(path)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Damage surfaces as almost any kind.
        raise ValueError(
            f"{_RULE} Received: {path}, which Keras does not load: {error}. "
            "Write it again."
        ) from error
    memories = [x for x in model.layers if isinstance(x, Parameterization)]
    if len(memories) != 1:
        raise ValueError(
            f"{_RULE} Received: {path} with layers "
            f"{[x.name for x in model.layers]}."
        )
    return memories[0]


def _beside(path: pathlib.Path) -> pathlib.Path:
    return path.with_suffix(".json")


def _missing(path: pathlib.Path) -> str:
    return f"There is no {path}. Write it with `python -m export`."
