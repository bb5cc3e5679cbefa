"""The memory as a Keras layer, in one `.keras` file."""

import contextlib
import datetime
import io
import json
import os
import pathlib
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import keras
import numpy as np

from fred_tf import parameterizations
from fred_tf.disk import archives, claims, files, json_text
from fred_tf.forms import facts, limits, manifest, staging, stored_memory
from fred_tf.forms.memory_form import Held, MemoryForm
from fred_tf.forms.provenance import provenance
from fred_tf.parameterizations import PARAMETERIZATIONS, Parameterization

_RULE = "A memory is a `.keras` file of `python -m export`."
# What registers the classes of memories with Keras.
_PACKAGE = parameterizations.__name__
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_METADATA = "metadata.json"
# The first day that an archive can state: bytes are the same on every day.
_DAY = datetime.datetime(1980, 1, 1)


class KerasMemory(MemoryForm):
    """A memory with its config as one `.keras` file, and a JSON file beside it.

    The JSON file is a manifest of the one file. It says what the memory does
    not: pixels, names, how to train, what to cite; and the `soft_labels`
    `[n, classes]` where the set has them.

    Keras itself loads the file once the class is registered:

    ```python
    import fred_tf.parameterizations  # Else Keras names it in its message.

    layer = keras.saving.load_model("memory.keras").layers[-1]
    images, labels = layer.decode(), layer.labels
    ```
    """

    name = kind = "keras"
    path = "memory.keras"
    loading = """\
from fred_tf.forms.keras_memory import read_memory

memory = read_memory(PATH)
images, labels = memory.decode(), memory.labels

# Keras reads it, too, once the class is imported:
# import fred_tf.parameterizations
# model = keras.saving.load_model(PATH)"""

    def fits(self, decoded, memory):
        return memory is not None

    def write(self, decoded, memory, path):
        path = pathlib.Path(path)
        self.check_replaceable(path)
        stored_memory.check_set(decoded, memory)
        stored_memory.weights(memory)  # Of types that are read back.
        said = {
            **facts.of(decoded),
            **provenance(decoded),
            **facts.soft_labels_of(decoded),
        }
        indices = keras.Input((), dtype="int32", name="indices")
        # Without a name it has a number, and one more byte from the tenth on.
        model = keras.Model(indices, memory(indices), name="memory")
        with _both_or_neither(path), files.replacing_file(path) as temporary:
            # Keras goes by the suffix, and temporary files have another.
            with files.scratch_folder(path) as folder:
                model.save(folder / path.name)
                _copy(folder / path.name, temporary)
            size = files.size(temporary)
            limits.check_written(decoded.images.shape, size)
            entries = {path.name: {"sha256": files.sha256(temporary)}}
            # Before the memory: alone it says that what comes is an export.
            files.write_json(
                _beside(path), manifest.sealed(self.kind, entries, said)
            )
        return path

    def own_files(self, path):
        return [path, _beside(path)]

    def move(self, staged, path):
        with _both_or_neither(path):
            staging.move(_beside(staged), _beside(path))
            return super().move(staged, path)

    def check_replaceable(self, path):
        if path.suffix != ".keras":
            raise ValueError(
                f"{_RULE} Received: {path}. Give a name that ends in `.keras`."
            )
        beside = _beside(path)
        ours = beside.is_file() and not beside.is_symlink()
        if ours:  # Not read as JSON: a damaged export may be replaced.
            text = beside.read_text(errors="replace")
            ours = manifest.is_of(text, self.kind) and (
                json.dumps(path.name) in text
            )
        for there in (path, beside):
            if os.path.lexists(there) and not ours:
                what = f"is none: {beside} does not describe {path.name}"
                raise manifest.no_export(there, what, "Delete it")

    def held(self, path):
        self.verify(path)
        said = manifest.read(path.parent, _beside(path).name)
        memory = read_memory(path)
        with facts.believed(path):
            return Held(memory, said, facts.soft_labels(said))

    def recognises(self, path):
        return path.suffix == ".keras" and not path.is_dir()

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

    Keras does not see the file: of what it says, the name of a class of ours,
    its sizes and settings are believed, within bounds, and the weights where
    they are of the shapes that follow from them. What lies beside it may be
    missing.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds something else; or the file
            beside it that describes it is damaged or of another.
    """
    path = pathlib.Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"{_RULE} Received: {path}. Export the run again.")
    if not path.is_file():
        raise FileNotFoundError(_missing(path))
    if os.path.lexists(_beside(path)):
        KerasMemory().verify(path)
    stored = files.read_bytes(path, limits.MOST_STORED)
    with facts.believed(path):
        members = archives.members(stored, {_CONFIG, _WEIGHTS})
        said = _told(_layer(members[_CONFIG]))
        weights = _stored_weights(members[_WEIGHTS])
        return stored_memory.rebuilt(said, weights, len(stored))


@contextlib.contextmanager
def _both_or_neither(path: pathlib.Path) -> Iterator[None]:
    """Puts the JSON file back where the memory was not replaced after it."""
    beside = _beside(path)
    before = beside.read_bytes() if beside.is_file() else None
    there = path.stat().st_ino if path.is_file() else None
    try:
        yield
    except BaseException:
        replaced = there != (path.stat().st_ino if path.is_file() else None)
        if before is None and not replaced:
            beside.unlink(missing_ok=True)
        elif before is not None and not replaced:
            with files.replacing_file(beside) as temporary:
                temporary.write_bytes(before)
        raise


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copies what Keras wrote, but for the time and a name.

    The class name comes to say its import.
    Keras finds a class by its registered name. Where that is not registered
    its message begins with the class name, which nothing else goes by: "Could
    not locate class 'Frequency (import fred_tf.parameterizations)'".
    """
    with (
        zipfile.ZipFile(source) as archive,
        zipfile.ZipFile(target, "w") as copy,
    ):
        for entry in archive.infolist():
            content = archive.read(entry)
            if entry.filename == _CONFIG:
                config = json.loads(content)
                layer = config["config"]["layers"][-1]
                layer["class_name"] += f" (import {_PACKAGE})"
                content = json.dumps(config).encode()
            elif entry.filename == _METADATA:
                saved = {"date_saved": f"{_DAY:%Y-%m-%d@%H:%M:%S}"}
                content = json.dumps({**json.loads(content), **saved}).encode()
            entry.date_time = _DAY.timetuple()[:6]
            copy.writestr(entry, content)


def _layer(config: bytes) -> dict[str, Any]:
    """Returns what the config of a model says of its one layer."""
    model = claims.an_object(json_text.parsed(config, _CONFIG), "model")
    layers = [
        claims.an_object(layer, "layers")
        for layer in claims.listed(claims.mapping(model, "config"), "layers")
    ]
    kinds = [claims.text(layer, "class_name", 100) for layer in layers]
    if len(layers) != 2 or kinds[0] != "InputLayer":
        raise ValueError(
            "the model must be an input and a memory. Received: layers "
            f"{kinds[:20]}"
        )
    return layers[1]


def _told(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what `stored_memory.told` said of the layer's memory."""
    names = {
        keras.saving.get_registered_name(member): name
        for name, member in PARAMETERIZATIONS.items()
    }
    registered = claims.one_of(layer, "registered_name", names)
    config = claims.mapping(layer, "config")
    return {
        "name": names[registered],
        **{name: config.get(name) for name in stored_memory.SIZES},
    }


def _stored_weights(stored: bytes) -> list[np.ndarray]:
    """Returns the weights of the one layer in the bytes of an HDF5 file.

    A data set may claim any shape, lie in another file or behind filters that
    expand it: read are only such as lie in this file as they are.
    """
    weights = []
    try:
        with h5py.File(io.BytesIO(stored), "r") as file:
            layers = _inside(file, "layers")
            memories = [name for name in layers if name != "input_layer"]
            if len(memories) != 1:
                raise ValueError(f"{_WEIGHTS} must be of one layer")
            group = _inside(layers, memories[0], "vars")
            for number in range(len(group)):
                weight = _inside(group, str(number))
                weights.append(_array(weight, len(stored)))
    except (OSError, RuntimeError) as error:  # HDF5's own, of damaged files.
        raise ValueError(f"{_WEIGHTS} cannot be read: {error}") from error
    return weights


def _inside(group: h5py.Group, *names: str) -> Any:
    """Returns what lies in a group itself, not behind a link of a name."""
    for name in names:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ValueError(
                f"{_WEIGHTS} must hold {name!r}, and no link to it"
            )
        group = group[name]
    return group


def _array(weight: Any, most: int) -> np.ndarray:
    if not isinstance(weight, h5py.Dataset):
        raise ValueError(f"{_WEIGHTS} must hold its weights as data sets")
    layout = weight.id.get_create_plist()
    if (
        str(weight.dtype) not in stored_memory.TYPES
        or layout.get_layout() != h5py.h5d.CONTIGUOUS
        or layout.get_external_count()
        or weight.nbytes > most
        or weight.id.get_storage_size() != weight.nbytes
    ):
        raise ValueError(
            f"weights must lie in {_WEIGHTS} as they are. Received: "
            f"{weight.shape} of {weight.dtype}"
        )
    return weight[()]


def _beside(path: pathlib.Path) -> pathlib.Path:
    return path.with_suffix(".json")


def _missing(path: pathlib.Path) -> str:
    return f"There is no {path}. Write it with `python -m export`."
