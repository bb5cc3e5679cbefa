"""Files and folders that appear under their names only when complete.

Everything this library writes goes to a temporary sibling first, is flushed to
the disk and then renamed; the folder that names it is flushed, too, before
anything older is deleted. A full disk, a kill or a loss of power leaves the old
content in place; left-over siblings are never read, and are deleted by whoever
next writes to the same path.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import pathlib
import shutil
import stat
from collections.abc import Iterator
from typing import Any

from fred_tf.disk import json_text, leftovers
from fred_tf.disk.paths import Path

_PREVIOUS = f".previous{leftovers.SUFFIX}"

# What a full or broken disk fails by: no room, a quota, too large, no answer.
_FAILURES = errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO

# Bytes of a JSON file, at most; the largest are manifests of many experts.
MOST_JSON = 256 << 20


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk.

    Some file systems have no such thing for folders, and some folders may be
    written to but not opened, which is no error.

    Raises:
        OSError: writing failed, e.g. the disk is full; it names the path.
    """
    with naming(path, "a loss of power may undo what was written"):
        _flush(path)


def _flush(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Waits until all that a folder holds is on the disk, as `sync` does."""
    for path in _all_in(folder):
        sync(path)


def _all_in(folder: Path) -> Iterator[str]:
    """Yields what a folder holds, and then itself, but for links."""
    for where, _, names in os.walk(str(folder), topdown=False):
        paths = (os.path.join(where, name) for name in names)
        yield from (path for path in paths if not os.path.islink(path))
        yield where


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, which are then on the disk.

    Raises:
        OSError: one cannot be made.
    """
    folder = pathlib.Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"The folder {folder} cannot be made: {error.strerror}. Choose "
            "another.",
        ) from error
    for path in missing:
        sync(path.parent)


def _open_plain(path: Path, flags: int) -> int:
    """Returns a descriptor of a regular file; a link is not followed."""
    try:
        # What is no file must not make us wait for its other end either.
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _irregular(path, "a symbolic link") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _irregular(path, "a folder, a pipe or a device")
    return descriptor


def _irregular(path: Path, what: str) -> ValueError:
    return ValueError(
        f"{path} must be a plain file. Received: {what}. Put a copy of the "
        "file in its place."
    )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """Opens a regular file to be read, without following a link to it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a link, a folder, a pipe or the like.
    """
    with open(_open_plain(path, os.O_RDONLY), "rb") as file:
        yield file


@contextlib.contextmanager
def appended(path: Path) -> Iterator[io.FileIO]:
    """Opens a regular file to be written at its end, unbuffered.

    It is made where it is missing. A buffer would be written again when the
    file is closed.

    Raises:
        ValueError: it is a link or the like.
        OSError: it cannot be written to.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with open(_open_plain(path, flags), "ab", buffering=0) as file:
        yield file


def read_bytes(path: Path, most: int = MOST_JSON) -> bytes:
    """Reads a file that must not be larger than it may be.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a plain file, or is too large.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= most:
            return file.read()
    raise ValueError(
        f"{path} must have at most {most:,} bytes. Received: {size:,}. Get it "
        "from a source that you trust."
    )


def _previous(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f".{path.name}{_PREVIOUS}")


@contextlib.contextmanager
def naming(
    path: Path, state: str = "what was there before is intact"
) -> Iterator[None]:
    """Adds the path to errors like a full disk, which come without one.

    TensorFlow, ArrayRecord and others raise errors of their own for it, which
    have the system's words in them; here they become the system's.

    Args:
        path: what is written.
        state: what is so although it failed.

    Raises:
        OSError: writing failed; it names the path.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        if error.errno is None:
            # NumPy says no more than how many numbers were not written.
            if type(error) is not OSError or str(path) in str(error):
                raise
            raise OSError(f"{path} was not written: {error}; {state}") from None
        raise type(error)(
            error.errno, f"{error.strerror}; {state}", str(path)
        ) from error
    except Exception as error:
        for number in _FAILURES:
            if (words := os.strerror(number)) in str(error):
                said = f"{words}; {state}"
                raise OSError(number, said, str(path)) from error
        raise


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path that becomes `path` when the block ends well.

    Raises:
        OSError: writing failed, e.g. the disk is full; `path` is as it was.
    """
    path = pathlib.Path(path)
    make_folder(path.parent)
    leftovers.remove_of(path)
    temporary = leftovers.temporary(path)
    try:
        with naming(path):
            yield temporary
            _flush(temporary)
            os.replace(temporary, path)
        with naming(path, "it is complete, but power loss may undo it"):
            _flush(path.parent)
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
    make_folder(path.parent)
    temporary, previous = leftovers.temporary(path), _previous(path)
    _settle(path)
    leftovers.remove_of(path)
    temporary.mkdir()
    try:
        with naming(path):
            yield temporary
            for written in _all_in(temporary):
                _flush(written)
            if os.path.lexists(path):
                os.replace(path, previous)
            os.replace(temporary, path)
            try:
                _flush(path.parent)
            except OSError:
                os.replace(path, temporary)
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _settle(path)


@contextlib.contextmanager
def scratch_folder(path: Path) -> Iterator[pathlib.Path]:
    """Yields an empty folder beside `path`, for use within `replacing_file`.

    For writers that want a name of their own. It is gone afterwards.
    """
    path = pathlib.Path(path)
    folder = leftovers.temporary(path.with_name(f"{path.name}.scratch"))
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settle(path: pathlib.Path) -> None:
    """Puts a folder that was moved aside back, or deletes it if replaced."""
    previous = _previous(path)
    if not os.path.lexists(previous):
        return
    if os.path.lexists(path):
        leftovers.delete(previous)
    else:
        os.replace(previous, path)


def remove_leftovers(folder: Path) -> None:
    """Cleans up what a killed process left in a folder that the caller locks.

    Temporary siblings are deleted; a folder that was about to be replaced and
    is missing is put back.
    """
    folder = pathlib.Path(folder)
    for previous in folder.glob(f".*{_PREVIOUS}"):
        _settle(folder / previous.name[1 : -len(_PREVIOUS)])
    leftovers.remove_in(folder)


def write_text(path: Path, text: str) -> None:
    """Writes `text` (UTF-8) to `path`, all of it or nothing."""
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON; NaN and infinities are refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path, most: int = MOST_JSON) -> Any:
    """Reads a JSON file.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not plain or not JSON, is larger than
            it may be, holds NaN, nests too deep or names a key twice; the
            message names it.
    """
    return json_text.parsed(read_bytes(path, most), path)


def inside(path: Path) -> list[pathlib.Path]:
    """Returns a file itself, or all files that a folder holds."""
    path = pathlib.Path(path)
    there = path.rglob("*") if path.is_dir() else [path]
    return [x for x in there if x.is_file()]


def size(*paths: Path) -> int:
    """Returns the bytes of files, and of all files that folders hold."""
    return sum(x.stat().st_size for path in paths for x in inside(path))


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a plain file's bytes in hexadecimal.

    Raises:
        FileNotFoundError, ValueError: see `opened`.
    """
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(data: bytes) -> str:
    """Returns the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
