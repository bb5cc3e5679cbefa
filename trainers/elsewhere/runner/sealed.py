"""Files of a pack: read with distrust, written so that nothing is lost.

A JSON file states the SHA-256 of the rest of it, as records of `fred_tf` do.
What the runner writes also says `of` which pack it is, by the seal of its
`pack.json`: files of one pack are not taken for those of another. A line of
`metrics.jsonl` has a seal of its own.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import pathlib
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

# Fields of a sealed file beside its content.
OWN = ("kind", "of", "sha256")
# Bytes of a file that is read at once, at most.
_MOST = 1 << 30
COPY = "Copy it again from where it is whole."
# Of what the runner makes.
REMAKE = f"{COPY[:-1]}, or delete it, and it is made again."
# Where a pack keeps what others may share, and where rows are.
_PLACE = re.compile(r"(data|experts)/[0-9a-f]{16}|rows/[a-z0-9_]{1,100}")


def sync(path: pathlib.Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # Some file systems cannot do it for folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def plain(path: pathlib.Path, flags: int) -> int:
    """Returns the descriptor of a regular file, to which no link leads."""
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise irregular(path, "a symbolic link") from None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise irregular(path, "a folder, a pipe or a device")


def irregular(path: pathlib.Path, what: str) -> ValueError:
    return ValueError(
        f"{path} must be a plain file. Received: {what}. Put a copy of the "
        "file in its place."
    )


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[io.BufferedReader]:
    """Opens a plain file to be read.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is a link or the like.
    """
    with open(plain(path, os.O_RDONLY), "rb") as file:
        yield file


def read_bytes(path: pathlib.Path, digest: str | None = None) -> bytes:
    """Reads a file.

    Args:
        path: the file.
        digest: the SHA-256 that it must have; None if it has a seal.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not plain, too large, or not as it was written.
    """
    with opened(path) as file:
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise ValueError(
            f"{path} must have at most {_MOST:,} bytes. Received: more. {COPY}"
        )
    if digest is not None:
        _compare(path, hashlib.sha256(data).hexdigest(), digest)
    return data


def check(path: pathlib.Path, digest: str) -> None:
    """Refuses a file that has not the SHA-256 that it must have."""
    with opened(path) as file:
        _compare(path, hashlib.file_digest(file, "sha256").hexdigest(), digest)


def _compare(path: pathlib.Path, received: str, digest: str) -> None:
    if received != digest:
        raise ValueError(
            f"{path} must be as it was written, with SHA-256 {digest}. "
            f"Received: {received}. {COPY}"
        )


@contextlib.contextmanager
def _naming(path: pathlib.Path) -> Iterator[None]:
    """Adds the path to errors like a full disk, which come without one."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(f"{path} was not written: {error}. Make room.") from None


def append(path: pathlib.Path, data: bytes) -> None:
    """Writes to the end of a plain file, and waits until it is on the disk."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with _naming(path), open(plain(path, flags), "ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(path: pathlib.Path, write: Callable[[BinaryIO], Any]) -> None:
    """Writes a file; a kill or a loss of power leaves the old or the new one.

    Args:
        path: the file.
        write: writes its content to what it is given.
    """
    temporary = path.with_name(f".{path.name}.partial")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with (
            _naming(path),
            open(os.open(temporary, flags, 0o666), "wb") as file,
        ):
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _seal(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write(path: pathlib.Path, kind: str, of: str, **content: Any) -> None:
    """Writes a sealed JSON file.

    Args:
        path: the file.
        kind: what it is.
        of: the seal of its pack.
        **content: JSON values; numbers are finite.
    """
    values = {"kind": kind, "of": of, **content}
    text = json.dumps({**values, "sha256": _seal(values)})
    replace(path, lambda file: file.write(text.encode()))


def read(
    path: pathlib.Path,
    kind: str,
    of: str | None = None,
    way_out: str = COPY,
) -> dict[str, Any]:
    """Reads a sealed JSON file.

    Args:
        path: the file.
        kind: what it must be.
        of: the seal of the pack that it must be of; None asks for none.
        way_out: what to do about one that is damaged.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not plain, not JSON, not as it was written, of
            another kind or of another pack.
    """
    values = _parsed(read_bytes(path), str(path), way_out)
    stated = values.pop("sha256", "none")
    if stated != (sealed := _seal(values)):
        raise ValueError(
            f"{path} must be as it was written. Received: one of SHA-256 "
            f"{sealed} that states {stated!r}. {way_out}"
        )
    for name, asked in (("kind", kind), ("of", of)):
        if asked is not None and values.get(name) != asked:
            raise ValueError(
                f"`{name}` of {path} must be {asked!r}. Received: "
                f"{values.get(name)!r}. Take the file of this pack."
            )
    return {**values, "sha256": sealed}


def _parsed(data: bytes, where: str, way_out: str) -> dict[str, Any]:
    try:
        values = json.loads(
            data.decode(),
            parse_constant=_refuse_constant,
            object_pairs_hook=_distinct,
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} must be JSON: {error}. {way_out}") from None
    if not isinstance(values, dict):
        raise ValueError(
            f"{where} must be a JSON object. Received: a "
            f"{type(values).__name__}. {way_out}"
        )
    return values


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError(f"a key occurs twice among {[k for k, _ in pairs]}")
    return values


def line(values: Mapping[str, Any], of: str) -> bytes:
    """Returns a line that is sealed by itself.

    Args:
        values: JSON values.
        of: the seal of its pack.
    """
    sealed = {**values, "sha256": _seal({**values, "of": of})}
    return f"{json.dumps(sealed)}\n".encode()


def lines(path: pathlib.Path, of: str, last: int) -> list[dict[str, Any]]:
    """Reads the lines of steps up to one, each with its `step`.

    What comes after them, as a kill may leave it, is not looked at. The first
    steps may be missing: a file that was deleted is begun again.

    Args:
        path: the file; none has no lines.
        of: the seal of the pack.
        last: the step.

    Raises:
        ValueError: a line is not as it was written, or does not follow the one
            before; or the last steps are missing.
    """
    if not last or not os.path.lexists(path):
        return []
    way_out = (
        "Copy the file again from where it is whole, or delete it: the run "
        "goes on, or comes back, without the numbers of these steps."
    )
    found: list[dict[str, Any]] = []
    for number, text in enumerate(read_bytes(path).split(b"\n")[:-1], 1):
        where = f"Line {number} of {path}"
        values = _parsed(text, where, way_out)
        stated, step = values.pop("sha256", "none"), values.get("step")
        if stated != (sealed := _seal({**values, "of": of})):
            raise ValueError(
                f"{where} must be as it was written. Received: one of SHA-256 "
                f"{sealed} that states {stated!r}. {way_out}"
            )
        due = found[-1]["step"] + 1 if found else step
        if type(step) is not int or step != due:
            raise ValueError(
                f"{where} must be of step {due}, after the one before. "
                f"Received: step {step!r}. {way_out}"
            )
        if step > last:
            break
        found.append(values)
        if step == last:
            return found
    raise ValueError(
        f"{path} must hold the lines of all steps up to {last}. Received: "
        f"{len(found)} lines before them. {way_out}"
    )


def inside(folder: pathlib.Path, place: Any) -> pathlib.Path:
    """Returns a folder inside of one, to which no link leads.

    Args:
        folder: of a pack, or of several.
        place: as a file of it names it: `data/` or `experts/` and 16 digits,
            or `rows/` and a word.

    Raises:
        ValueError: it is none of these, or a link.
    """
    if not isinstance(place, str) or not _PLACE.fullmatch(place):
        raise ValueError(
            "A place in a pack must be `data/` or `experts/` and 16 digits "
            f"of [0-9a-f], or `rows/` and a word of [a-z0-9_]. Received: "
            f"{str(place)[:80]!r} in {folder}. Take a pack that you made."
        )
    for part in place.split("/"):
        folder = folder / part
        if folder.is_symlink():
            raise _irregular_folder(folder)
    return folder


def _irregular_folder(folder: pathlib.Path) -> ValueError:
    return ValueError(
        f"{folder} must be a folder of the pack itself. Received: a symbolic "
        "link. Put a copy of the folder in its place."
    )


def check_programs(folder: pathlib.Path) -> None:
    """Refuses to go on where the programs of a pack are not as they were.

    Args:
        folder: holds `programs.json`, and what it lists.

    Raises:
        FileNotFoundError, ValueError: one is missing, or is another.
    """
    programs = read(folder / "programs.json", "programs")
    for name, digest in programs["files"].items():
        check(folder / name, digest)
