"""A memory from what a file says of it, by our own classes alone.

A model file is a program, and what reads it runs it. A memory is less: the name
of a member of `PARAMETERIZATIONS`, its sizes and settings, and its weights.
That much is read of exports, and the rest of them is left alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from fred_tf import settings as settings_lib
from fred_tf.disk import claims
from fred_tf.forms import limits
from fred_tf.parameterizations import PARAMETERIZATIONS, Parameterization
from fred_tf.synthetic_set import SyntheticSet

SIZES = ("image_shape", "classes", "instances_per_class", "settings")
# What weights of memories are made of.
TYPES = ("float32", "int32")

Made = TypeVar("Made", bound=settings_lib.Settings)


def told(memory: Parameterization) -> dict[str, Any]:
    """Returns name, sizes and settings of a memory, as JSON values."""
    config = memory.get_config()
    return {
        "name": type(memory).Settings.name,
        **{name: config[name] for name in SIZES},
    }


def weights(memory: Parameterization) -> list[np.ndarray]:
    """Returns the weights of a memory, in the order in which Keras keeps them.

    Raises:
        ValueError: they are of a type that is not read back.
    """
    store: dict[str, Any] = {}
    memory.save_own_variables(store)
    arrays = [np.asarray(store[str(number)]) for number in range(len(store))]
    if odd := {str(array.dtype) for array in arrays}.difference(TYPES):
        raise ValueError(
            f"A memory is exported from weights of {' and '.join(TYPES)}. "
            f"Received: {', '.join(sorted(odd))}. Make it with `dtype` "
            "'float32'."
        )
    return arrays


def check_set(decoded: SyntheticSet, memory: Parameterization) -> None:
    """Refuses a set that a memory does not give back.

    Raises:
        ValueError: images or labels are not those of the memory.
    """
    if not np.array_equal(decoded.labels, memory.labels):
        raise ValueError(
            "A memory is exported with its own decoded set. Received: a set "
            "with other labels. Take `synthetic_set()` of the same run."
        )


def rebuilt(
    said: Mapping[str, Any], arrays: Sequence[np.ndarray], stored: int
) -> Parameterization:
    """Returns the memory of which `told` and `weights` gave these.

    Nothing of the claimed size is made before the weights have borne it out.

    Args:
        said: name, sizes and settings, by whoever wrote them.
        arrays: the weights.
        stored: bytes of the file that they are from.

    Raises:
        ValueError: they do not make a memory.
    """
    member = PARAMETERIZATIONS[claims.one_of(said, "name", PARAMETERIZATIONS)]
    shape = limits.image_shape(said)
    classes = claims.integer(said, "classes", 1, settings_lib.MOST_CLASSES)
    instances = limits.count(said, "instances_per_class")
    limits.check_decoded(shape, classes * instances, stored)
    settings = settings_of(member.Settings, claims.mapping(said, "settings"))
    memory = member.with_weights(shape, classes, instances, settings, arrays)
    memory.check_weights()
    return memory


def settings_of(section: type[Made], values: Mapping[str, Any]) -> Made:
    """Returns settings from JSON values of exactly their types.

    Raises:
        ValueError: a value is of another type or out of its range, or a name
            is unknown.
    """
    kinds = settings_lib.field_types(section)
    for name, value in values.items():
        kind = kinds.get(name, type(value))
        whole = kind is float and type(value) is int
        if type(value) is not kind and not whole:
            raise ValueError(
                f"`{name}` must be of type {kind.__name__}. Received: "
                f"{value!r}."
            )
        if isinstance(value, int | float):
            claims.number(values, name, -(2**31), 2**31)
    return section.from_json(values)
