"""`metrics.jsonl`: what each outer step reported, a sealed line each.

```
{"step": 3, "loss": 0.25, "crc32": "0a1b2c3d"}
```

`crc32` is the checksum of `json.dumps` of the rest with sorted keys, in
hexadecimal. Lines are of ascending steps. A last line without its end is what
a kill left of it. Earlier versions wrote lines without checksums, which are
still read.
"""

import errno
import json
import math
import os
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any

from absl import logging

from fred_tf.disk import files

NAME = "metrics.jsonl"

# Bytes of the file, at most: ten million steps of a dozen numbers.
_MOST = 4 << 30
_STEP, _SEAL = "step", "crc32"
_OWN = (_STEP, _SEAL)


def append(path: pathlib.Path, step: int, scalars: Mapping[str, float]) -> None:
    """Appends a line, all of it or nothing.

    JSON has no NaN and no infinity: such values are stored as null.

    Args:
        path: the file.
        step: outer step.
        scalars: named numbers; anything that `float` takes.

    Raises:
        ValueError: a scalar has a name of ours, or the file is a link.
        OSError: writing failed, e.g. the disk is full.
    """
    if not scalars.keys().isdisjoint(_OWN):
        raise ValueError(
            f"A scalar must not be called any of {list(_OWN)}, which lines of "
            f"{NAME} hold themselves. Received: {sorted(scalars)}. Rename it."
        )
    numbers = {name: float(value) for name, value in scalars.items()}
    finite = {
        name: value if math.isfinite(value) else None
        for name, value in numbers.items()
    }
    line = _line({_STEP: int(step), **finite}).encode()
    with files.appended(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            os.ftruncate(file.fileno(), size)
            raise OSError(
                error.errno,
                f"Cannot write to {path}: {error.strerror}. Make room and "
                "run the same command again.",
            ) from error


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """Returns the lines, each with its `step`; none where there is no file.

    A torn last line is left out, with a warning.

    Raises:
        ValueError: another line is damaged; the message says which.
    """
    try:
        data = files.read_bytes(path, _MOST)
    except FileNotFoundError:
        return []
    *lines, torn = data.split(b"\n")
    if torn:
        logging.warning("%s ends in a torn line; it is left out.", path)
    values: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            values.append(_parsed(line, values[-1][_STEP] if values else None))
        except ValueError as error:
            raise ValueError(
                f"Line {number} of {path} must be {error} Restore the file "
                "from a copy, or delete that line."
            ) from error
    return values


def rewind(path: pathlib.Path, step: int) -> None:
    """Drops the lines after `step`, and a torn last line.

    Raises:
        ValueError: a line is damaged, see `read`.
        OSError: writing failed; the file is as it was.
    """
    if path.exists():
        lines = [line for line in read(path) if line[_STEP] <= step]
        files.write_text(path, "".join(map(_line, lines)))


def _line(values: dict[str, Any]) -> str:
    return json.dumps({**values, _SEAL: _checksum(values)}) + "\n"


def _checksum(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True)
    return f"{zlib.crc32(text.encode()):08x}"


def _parsed(line: bytes, before: int | None) -> dict[str, Any]:
    """Returns what a line says, without its seal.

    Args:
        line: without its end.
        before: step of the line before.
    """
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or type(values.get(_STEP)) is not int:
        shown = line[:80].decode(errors="replace")
        raise ValueError(
            f"a JSON object with an integer `step`. Received: {shown!r}."
        )
    stated = values.pop(_SEAL, None)
    # Where the seal's own name is damaged it leaves a text, which none of the
    # numbers of an earlier version is.
    plain = all(type(v) in (int, float, type(None)) for v in values.values())
    found = _checksum(values)
    if stated != found and not (plain and stated is None):
        raise ValueError(
            f"as it was written. Received: one of CRC-32 {found} that states "
            f"{stated}."
        )
    if before is not None and values[_STEP] <= before:
        raise ValueError(
            f"of a later step than the line before, {before}. Received: "
            f"{values[_STEP]}."
        )
    return values
