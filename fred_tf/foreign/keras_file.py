"""The architecture of a `.keras` file, read as data.

Keras would rebuild whatever a file names, and read weights of any size. Here
weights are never read. Of the config only layers, initialisers, regularisers
and constraints of Keras itself are taken that are in the lists below: none of
them runs code of the file, reads another file or imports a module. What they
make is counted before any of it is.
"""

import concurrent.futures
import copy
import inspect
import math
import os
import pathlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from fred_tf.disk import claims, files, json_text
from fred_tf.disk.paths import Path, checked

SUFFIX = ".keras"
_CONFIG = "config.json"
# Bytes of the config, and of a file, at most.
_MOST_TEXT, _MOST_BYTES = 2**24, 2**33
# Integers of a config; layers of a model; its weights; what all layers give for
# one image.
_MOST_SIZE, _MOST_LAYERS = 2**20, 2_000
_MOST_WEIGHTS, _MOST_ACTIVATIONS = 2**28, 2**27

_MODELS = {
    ("keras", "Sequential"),
    ("keras.src.models.functional", "Functional"),
}
_PLACES = {
    "keras.initializers": keras.initializers,
    "keras.regularizers": keras.regularizers,
    "keras.constraints": keras.constraints,
}
_LAYERS = frozenset(
    f"{kind}{axes}D"
    for axes in (1, 2, 3)
    for kind in (
        "AveragePooling",
        "Conv",
        "Cropping",
        "GlobalAveragePooling",
        "GlobalMaxPooling",
        "MaxPooling",
        "SpatialDropout",
        "UpSampling",
        "ZeroPadding",
    )
) | {
    "Activation",
    "Add",
    "AlphaDropout",
    "Average",
    "BatchNormalization",
    "Concatenate",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "ELU",
    "EinsumDense",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "Identity",
    "InputLayer",
    "LayerNormalization",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "Subtract",
    "UnitNormalization",
}
# What Keras raises for configs that no model has, and zipfile for archives.
_WRONG = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    RuntimeError,
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    tf.errors.OpError,
)
_WAY_OUT = (
    "Give a function that makes the model, in Python: "
    "`fred_tf.evaluate(..., network=function)`."
)


def read(path: Path) -> dict[str, Any]:
    """Returns the config of a model, all of which is known and bounded.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none that Keras 3 writes, is damaged, or holds what is
            not taken: custom objects, `Lambda`, layers that read files.
    """
    path = checked(path)
    if path.suffix != SUFFIX:
        raise ValueError(
            f"Models are read from `.keras` files. Received: {path}. Write one "
            "with `model.save('model.keras')`."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        config = claims.an_object(
            json_text.parsed(_text(path), _CONFIG), _CONFIG
        )
        config = {k: v for k, v in config.items() if k != "compile_config"}
        _check(config)
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            # Keras keeps what is not made yet for each thread, and would make
            # it later.
            thread.submit(_check_sizes, config).result()
    except _WRONG as error:
        raise ValueError(
            f"{path} must be a model of plain layers of Keras. Received: "
            f"{str(_first(error))[:500].rstrip('.')}. {_WAY_OUT}"
        ) from error
    return config


def _first(error: BaseException) -> BaseException:
    """Returns what Keras wraps in pages about classes of one's own."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def made(config: dict[str, Any]) -> keras.Model:
    """Returns a new model of a config that `read` returned."""
    # Keras takes things out of it.
    own = copy.deepcopy(config)
    return keras.saving.deserialize_keras_object(own, safe_mode=True)


def _text(path: pathlib.Path) -> bytes:
    with files.opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > _MOST_BYTES:
            raise ValueError(f"{size:,} bytes, at most {_MOST_BYTES:,}")
        with zipfile.ZipFile(file) as archive:
            entry = archive.getinfo(_CONFIG)
            if entry.file_size > _MOST_TEXT or entry.flag_bits & 1:
                raise ValueError(
                    f"{_CONFIG} of {entry.file_size:,} bytes, at most "
                    f"{_MOST_TEXT:,}, or encrypted"
                )
            with archive.open(entry) as member:
                return member.read(_MOST_TEXT + 1)


def _check(config: dict[str, Any]) -> None:
    """Refuses classes that are not in the lists, and sizes that are too large.

    Raises:
        ValueError: the message names the first.
    """
    layers = 0
    for value in _values(config):
        if isinstance(value, int) and abs(value) > _MOST_SIZE:
            # Numbers that objects are shared by are no sizes: see `_values`.
            raise ValueError(f"the number {value}, beyond {_MOST_SIZE:,}")
        if not isinstance(value, dict) or "class_name" not in value:
            continue
        name, module = value["class_name"], value.get("module")
        layers += module == "keras.layers"
        own = value.get("registered_name")
        known = (
            (module == "keras.layers" and name in _LAYERS)
            or (module, name) in _MODELS
            or (module, name) == ("keras", "DTypePolicy")
            or _is_class(module, name)
            or (module is None and name == "__keras_tensor__")
        )
        if not known or own not in (None, name):
            raise ValueError(f"{str(module)[:80]}.{str(name)[:80]}")
    if (config.get("module"), config.get("class_name")) not in _MODELS:
        raise ValueError("no Sequential or functional model")
    if layers > _MOST_LAYERS:
        raise ValueError(f"{layers} layers, at most {_MOST_LAYERS}")


def _is_class(module: Any, name: Any) -> bool:
    """Says whether these name an initialiser, regulariser or constraint."""
    place = _PLACES.get(module) if isinstance(module, str) else None
    return place is not None and inspect.isclass(
        getattr(place, str(name), None)
    )


def _values(value: Any) -> Iterator[Any]:
    """Yields all values of a config but the numbers of shared objects."""
    yield value
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "shared_object_id":
                yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)


def check_sizes_on(config: dict[str, Any], image_shape: Sequence[int]) -> None:
    """Refuses a model that images would make too large, before they do.

    A model may leave sizes open, of which `read` cannot know.

    Args:
        config: what `read` returned.
        image_shape: `[*sizes, channels]`.

    Raises:
        ValueError: weights or activations are too many. Or whatever Keras
            raises where the model does not take such images.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        thread.submit(_check_sizes, config, image_shape).result()


def _check_sizes(
    config: dict[str, Any], image_shape: Sequence[int] | None = None
) -> None:
    """Counts weights and activations of a model, without making them."""
    with keras.StatelessScope(initialize_variables=False):
        model = made(config)
        layers = model._flatten_layers(include_self=False)
        outputs = [output for x in layers for output in _outputs(x)]
        is_open = any(None in output.shape[1:] for output in outputs)
        if image_shape is not None and (is_open or not model.built):
            outputs = _outputs_on(model, image_shape)
        weights = sum(math.prod(v.shape) for v in model.variables)
        given = sum(math.prod(n or 1 for n in x.shape) for x in outputs)
    if weights > _MOST_WEIGHTS or given > _MOST_ACTIVATIONS:
        raise ValueError(
            f"{weights:,} weights and {given:,} activations an image, at most "
            f"{_MOST_WEIGHTS:,} and {_MOST_ACTIVATIONS:,}"
        )


def _outputs(layer: keras.Layer) -> list[keras.KerasTensor]:
    try:
        return keras.tree.flatten(layer.output)
    except (AttributeError, ValueError):  # Of none, or called several times.
        return []


def _outputs_on(
    model: keras.Model, image_shape: Sequence[int]
) -> list[keras.KerasTensor]:
    """Returns what all layers of a model would give, which is built for it."""
    outputs: list[keras.KerasTensor] = []

    def noted(infer: Callable[..., Any]) -> Callable[..., Any]:
        def inferred(*arguments: Any, **named: Any) -> Any:
            found = infer(*arguments, **named)
            outputs.extend(keras.tree.flatten(found))
            return found

        return inferred

    for layer in model._flatten_layers(include_self=False):
        layer.compute_output_spec = noted(layer.compute_output_spec)
    model(keras.Input(image_shape))
    return outputs
