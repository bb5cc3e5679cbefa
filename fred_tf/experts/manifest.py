"""The manifest of an expert store: read with distrust, written at once.

A store may come from elsewhere. Nothing that its manifest says is believed
before names, sizes and kinds were checked against the folder.
"""

import collections
import os
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from absl import logging

from fred_tf.disk import claims, files, records
from fred_tf.experts.trajectory_array import DTYPES, open_file

KIND = "experts"
NAME = "manifest.json"
PROGRAM = "python -m trainers.train_experts"

_FILE = re.compile(r"trajectory_\d{5,9}\.npy")


def read(
    folder: pathlib.Path,
) -> tuple[dict[str, Any], dict[str, Any] | None, list[dict[str, Any]]]:
    """Reads and checks the manifest; `check_file` looks at what it names.

    Returns:
        The description, the facts of the data, and one entry per trajectory, a
        dict with its `file`, `sha256` and `facts`.

    Raises:
        FileNotFoundError: there is no manifest.
        ValueError: it is damaged or of another format.
    """
    path = folder / NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no expert store in {folder}: it has no {NAME}. Make "
            f"one with `{PROGRAM}`."
        )
    record = records.read(path, KIND, "Or choose another folder.")
    description = checked(record["identity"], path)
    try:
        entries = claims.listed(record, "trajectories")
        for entry in entries:
            _check_entry(entry)
    except ValueError as error:
        raise ValueError(
            f"`trajectories` in {path} must be a list of objects with `file`, "
            f"`sha256` and `facts`. Received one where {error} Restore the "
            "manifest from a copy."
        ) from error
    counts = collections.Counter(entry["file"] for entry in entries)
    if repeated := sorted(name for name, n in counts.items() if n > 1):
        raise ValueError(
            f"{path} must name each file once. Received: {repeated[:3]}. "
            "Restore the manifest from a copy."
        )
    return description, record["data"], entries


def write(
    folder: pathlib.Path,
    description: dict[str, Any],
    data: dict[str, Any] | None,
    entries: list[dict[str, Any]],
) -> None:
    """Writes the manifest, all of it or nothing."""
    records.write(folder / NAME, KIND, description, data, trajectories=entries)


def file_name(number: int) -> str:
    """Returns the name of the file of an expert's trajectory."""
    return f"trajectory_{number:05d}.npy"


def ordered(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns entries by the numbers of their files, also beyond 99999."""
    return sorted(entries, key=lambda e: (len(e["file"]), e["file"]))


def refuse_arrays(folder: pathlib.Path) -> None:
    """Refuses a folder without a manifest that holds arrays nevertheless.

    Raises:
        ValueError: there are some.
    """
    # Beside a file `x`, other systems leave hidden ones like `._x`.
    arrays = sorted(array.name for array in folder.glob("[!.]*.npy"))
    if arrays:
        raise ValueError(
            f"An expert store must have a {NAME}. Received: {folder} with "
            f"{len(arrays)} arrays ({arrays[0]}, ...) but without it. Restore "
            "it from a copy or choose another folder."
        )


def checked(description: dict[str, Any], where: files.Path) -> dict[str, Any]:
    """Returns a description if it says all that a store needs.

    Raises:
        ValueError: `epochs` or `parameters` is no integer of at least 1, or
            `dtype` is none of `DTYPES`.
    """
    for name in ("epochs", "parameters"):
        value = description.get(name)
        if type(value) is not int or value < 1:
            raise ValueError(
                f"`description` must hold `{name}`, an integer of at least 1. "
                f"Received: {value!r} in {where}."
            )
    dtype = description.get("dtype")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(
            f"`dtype` of `description` must be one of {list(DTYPES)}. "
            f"Received: {dtype!r} in {where}."
        )
    return description


def way_out(folder: pathlib.Path) -> str:
    """Returns what to do about a trajectory that cannot be used."""
    return (
        f"Restore the file from a copy, or delete it in {folder}: `{PROGRAM}` "
        "then trains that expert again."
    )


def left(
    folder: pathlib.Path, entries: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Returns the entries whose files are there, and warns of the others.

    A dangling link is there.
    """
    there = [e for e in entries if os.path.lexists(folder / e["file"])]
    if lost := [e["file"] for e in entries if e not in there]:
        logging.warning("%s has lost %s.", folder, lost)
    return there


def check_files(
    folder: pathlib.Path,
    entries: list[dict[str, Any]],
    description: dict[str, Any],
) -> None:
    """Checks every file of the manifest; see `check_file`."""
    for i, entry in enumerate(entries):
        check_file(folder, i, entry["file"], description)


def check_file(
    folder: pathlib.Path, i: int, name: str, description: dict[str, Any]
) -> None:
    """Checks that a file of the manifest can be a trajectory, unread.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: its name is none of ours, or it is too short for what the
            description claims.
    """
    path = folder / name
    if not _FILE.fullmatch(name) or path.is_symlink():
        raise ValueError(
            f"Trajectory {i} must be a file of {folder} itself with a name "
            f"like {file_name(i)}, not a path or a symbolic link. Received: "
            f"{name!r}. Get the store from a source that you trust."
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"Trajectory {i}, {path}, is missing. {way_out(folder)}"
        )
    size = path.stat().st_size
    epochs, parameters = description["epochs"], description["parameters"]
    dtype = description["dtype"]
    needed = DTYPES[dtype][1].itemsize * (epochs + 1) * parameters
    if size < needed:
        raise ValueError(
            f"Trajectory {i}, {path}, must hold {needed} bytes for {epochs} + "
            f"1 rows of {parameters} {dtype}. Received: {size} bytes. "
            f"{way_out(folder)}"
        )


def load(
    folder: pathlib.Path,
    i: int,
    entry: dict[str, Any],
    description: dict[str, Any],
    verify: bool,
) -> np.ndarray:
    """Returns the trajectory in a file of the manifest, memory-mapped.

    Args:
        folder: of the store.
        i: trajectory, for messages.
        entry: of the manifest.
        description: how experts are stored.
        verify: whether the SHA-256 is compared.

    Raises:
        FileNotFoundError, ValueError: see `check_file`; or the file is damaged.
    """
    check_file(folder, i, entry["file"], description)
    path, digest = folder / entry["file"], entry["sha256"]
    received = files.sha256(path) if verify else digest
    shape = description["epochs"] + 1, description["parameters"]
    try:
        if received != digest:
            raise ValueError(
                f"is damaged: its SHA-256 must be {digest}. Received: "
                f"{received}."
            )
        return open_file(path, shape, description["dtype"])
    except ValueError as error:
        raise ValueError(
            f"Trajectory {i}, {path}, {error} {way_out(folder)}"
        ) from error


def check_facts(facts: Mapping[str, Any]) -> None:
    """Refuses facts of a trajectory that cannot be.

    Raises:
        ValueError: an accuracy is neither null nor in [0, 1].
    """
    for name, value in facts.items():
        if name.endswith("accuracy") and value is not None:
            claims.number(facts, name, 0, 1)


def _check_entry(entry: Any) -> None:
    values = claims.an_object(entry, "an entry")
    claims.text(values, "file", 100)
    claims.text(values, "sha256", 100)
    check_facts(claims.mapping(values, "facts"))
