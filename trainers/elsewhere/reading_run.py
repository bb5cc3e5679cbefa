"""The run of a pack that comes back: its state, and what its steps reported."""

import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from fred_tf import budget
from fred_tf import config as config_lib
from fred_tf.disk import claims, records
from trainers.elsewhere.pack_folder import ABOUT, CONSTANTS, STATE
from trainers.elsewhere.reading import Packed
from trainers.elsewhere.runner import arrays, sealed

_METRICS = "metrics.jsonl"
# Numbers that a step reports, at most.
_MOST_SCALARS = 1000


def state(packed: Packed) -> tuple[int, list[np.ndarray]]:
    """Returns the outer steps that were made, and what they made.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, of another pack, or says what cannot be.
    """
    path = packed.folder / STATE
    saved = arrays.read(path, f"{packed.seal} state")
    with records.stating(path, sealed.COPY):
        step = claims.integer(
            {"step": saved.pop("step").item()}, "step", 0, packed.outer_steps
        )
        return step, arrays.in_order(saved)


def constants(packed: Packed) -> list[np.ndarray] | None:
    """Returns what no step changes, such as masks.

    Returns:
        The arrays; None of a pack that was made when packs did not hold them.

    Raises:
        FileNotFoundError: there is no such file any more.
        ValueError: it is not as it was written.
    """
    path = packed.folder / CONSTANTS
    with records.stating(packed.folder / ABOUT, sealed.COPY):
        digests = claims.mapping(packed.about, "files")
    if CONSTANTS not in digests:
        return None
    sealed.check(path, digests[CONSTANTS])
    saved = arrays.read(path, "constants")
    with records.stating(path, sealed.COPY):
        return arrays.in_order(saved)


def check_size(
    packed: Packed,
    leaves: Sequence[np.ndarray],
    image_shape: Sequence[int],
    classes: int,
) -> None:
    """Refuses settings of a memory that is far larger than the state.

    Raises:
        ValueError: they are.
    """
    wanted = config_lib.float_bytes(packed.config, tuple(image_shape), classes)
    there = sum(leaf.nbytes for leaf in leaves)
    if not budget.is_held(wanted, there):
        raise ValueError(
            f"{packed.folder / STATE} must hold a memory of about "
            f"{wanted:,} bytes for `ipc` {packed.config.ipc}. Received: "
            f"{there:,} bytes. {sealed.COPY}"
        )


def check_leaves(
    path: pathlib.Path, leaves: Sequence[Any], expected: Sequence[Any]
) -> None:
    """Refuses a file of other arrays than those of the run.

    Args:
        path: the file.
        leaves: from `state` or `constants`.
        expected: arrays or tensors of the shapes and types that it must have.

    Raises:
        ValueError: names the first that differs.
    """
    there, asked = (
        [(tuple(x.shape), np.dtype(_dtype(x)).name) for x in part]
        for part in (leaves, expected)
    )
    if there != asked:
        both = zip(there, asked)
        first = next(
            (p for p in both if p[0] != p[1]), (len(there), len(asked))
        )
        raise ValueError(
            f"{path} must hold what its run does, {first[1]}. Received: "
            f"{first[0]}. {sealed.COPY}"
        )


def _dtype(array: Any) -> Any:
    return getattr(array.dtype, "as_numpy_dtype", array.dtype)


def metrics(packed: Packed, step: int) -> list[dict[str, Any]]:
    """Returns what each step reported up to one, finite numbers or None.

    Raises:
        ValueError: a line is damaged, of another pack, or holds something
            else.
    """
    path = packed.folder / _METRICS
    lines = sealed.lines(path, packed.seal, step)
    for values in lines:
        with records.stating(path, sealed.COPY):
            if len(values) > _MOST_SCALARS:
                raise ValueError(f"a line of {len(values)} numbers.")
            for name, value in values.items():
                claims.word({"name": name}, "name")
                if value is not None:
                    least = -sys.float_info.max
                    claims.number(values, name, least, sys.float_info.max)
    return lines
