"""Files and folders that appear under their names only when complete.

Everything this library writes goes to a temporary sibling first, is flushed to
the disk and then renamed. A full disk or a kill in the middle leaves the old
content in place; left-over siblings end in `TEMPORARY_SUFFIX` and are never
read.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

TEMPORARY_SUFFIX = ".partial"
_PREVIOUS_SUFFIX = f".previous{TEMPORARY_SUFFIX}"

Path = str | os.PathLike


def _temporary(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")


def _previous(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f".{path.name}{_PREVIOUS_SUFFIX}")


@contextlib.contextmanager
def _naming(path: pathlib.Path) -> Iterator[None]:
    """Adds the path to errors like a full disk, which come without one."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise type(error)(
            error.errno,
            f"{error.strerror}; what was there before is intact",
            str(path),
        ) from error


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path that becomes `path` when the block ends well.

    Raises:
        OSError: writing failed, e.g. the disk is full; `path` is as it was.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        with _naming(path):
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[pathlib.Path]:
    """Yields a new empty folder that becomes `path` when the block ends well.

    No file system replaces a full folder in one step: the old one is moved
    aside, and put back by an error or, after a kill at that very moment, by
    the next call for the same path or by `remove_leftovers`.

    Raises:
        OSError: writing failed, e.g. the disk is full; `path` is as it was.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, previous = _temporary(path), _previous(path)
    _settle(path)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        with _naming(path):
            yield temporary
            if path.exists():
                os.replace(path, previous)
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _settle(path)


def _settle(path: pathlib.Path) -> None:
    """Puts a folder that was moved aside back, or deletes it if replaced."""
    previous = _previous(path)
    if not previous.exists():
        return
    if path.exists():
        shutil.rmtree(previous, ignore_errors=True)
    else:
        os.replace(previous, path)


def remove_leftovers(folder: Path) -> None:
    """Cleans up what a killed process left in `folder`.

    Temporary siblings are deleted; a folder that was about to be replaced and
    is missing is put back.
    """
    folder = pathlib.Path(folder)
    for previous in folder.glob(f".*{_PREVIOUS_SUFFIX}"):
        _settle(folder / previous.name[1 : -len(_PREVIOUS_SUFFIX)])
    for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes `text` (UTF-8) to `path`, all of it or nothing."""
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON; NaN and infinities are refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not JSON, holds NaN or names a key twice; the
            message names the file.
    """
    path = pathlib.Path(path)
    try:
        return json.loads(
            path.read_text(encoding="utf-8"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_distinct,
        )
    except ValueError as error:
        raise ValueError(
            f"{path} is not a JSON file: {error}. Restore it from a copy, or "
            "delete its folder and run the program that writes it again."
        ) from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError(f"a key occurs twice among {[k for k, _ in pairs]}")
    return values


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(data: bytes) -> str:
    """Returns the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def check_replaceable(
    folder: pathlib.Path, marker: str, text: str = ""
) -> None:
    """Refuses to replace a folder that no export of this kind has written.

    Args:
        folder: where an export is to be written; it need not exist.
        marker: name of a file that every export of this kind holds.
        text: what stands in that file, where others write files of that name,
            too. Not read as JSON: a damaged export may be replaced.

    Raises:
        FileExistsError: `folder` is a file, or holds something but `marker`.
    """
    path = folder / marker
    has_marker = path.is_file()
    ours = has_marker and (not text or text in path.read_text(errors="replace"))
    if ours or not folder.exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        what = f"{marker} of an export" if has_marker else marker
        raise FileExistsError(
            f"An export replaces only an earlier one, and {folder} is none: "
            f"it holds no {what}. Choose another folder, or delete it."
        )
