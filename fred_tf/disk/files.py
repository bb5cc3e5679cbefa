"""Files and folders that appear under their names only when complete.

Everything this library writes goes to a temporary sibling first, is flushed to
the disk and then renamed; the folder that names it is flushed, too, before
anything older is deleted. A full disk, a kill or a loss of power leaves the old
content in place; left-over siblings end in `TEMPORARY_SUFFIX`, are never read,
and are deleted by whoever next writes to the same path.
"""

import contextlib
import errno
import fnmatch
import glob
import hashlib
import json
import os
import pathlib
import shutil
import socket
import stat
import time
from collections.abc import Collection, Iterable, Iterator
from typing import Any, BinaryIO

from fred_tf.disk.paths import Path

TEMPORARY_SUFFIX = ".partial"
_PREVIOUS_SUFFIX = f".previous{TEMPORARY_SUFFIX}"

# Bytes of a JSON file, at most; the largest are manifests of many experts.
MOST_JSON = 256 << 20
# Seconds after which a temporary sibling of another machine is a left-over.
_OLD = 24 * 3600.0


def _host() -> str:
    return digest(socket.gethostname().encode())[:8]


def _temporary(path: pathlib.Path) -> pathlib.Path:
    owner = f"{_host()}-{os.getpid()}"
    return path.with_name(f".{path.name}.{owner}{TEMPORARY_SUFFIX}")


def _is_left_over(temporary: pathlib.Path) -> bool:
    """Returns whether whoever wrote a temporary sibling is gone."""
    owner = temporary.name.removesuffix(TEMPORARY_SUFFIX).rpartition(".")[2]
    host, _, process = owner.partition("-")
    if host == _host() and process.isdigit():
        return int(process) == os.getpid() or not _is_alive(int(process))
    with contextlib.suppress(FileNotFoundError):
        return time.time() - temporary.lstat().st_mtime > _OLD
    return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk.

    Some file systems have no such thing for folders, which is no error.

    Raises:
        OSError: writing failed, e.g. the disk is full.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Waits until all that a folder holds is on the disk."""
    for where, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = os.path.join(where, name)
            if not os.path.islink(path):
                sync(path)
        sync(where)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Opens a regular file to be read, without following a link to it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a link, a folder, a pipe or the like.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _irregular(path, "a symbolic link") from None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _irregular(path, "something else")
        yield file


def _irregular(path: Path, what: str) -> ValueError:
    return ValueError(
        f"{path} must be a plain file. Received: {what}. Put a copy of the "
        "file in its place."
    )


def read_bytes(path: Path, most: int = MOST_JSON) -> bytes:
    """Reads a file that must not be larger than it may be.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a plain file, or is too large.
    """
    with opened(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(
            f"{path} must have at most {most:,} bytes. Received: "
            f"{os.stat(path).st_size:,}. Get it from a source that you trust."
        )
    return data


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
    _remove_temporaries(path)
    temporary = _temporary(path)
    try:
        with _naming(path):
            yield temporary
            sync(temporary)
            os.replace(temporary, path)
            sync(path.parent)
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
    _remove_temporaries(path)
    temporary.mkdir()
    try:
        with _naming(path):
            yield temporary
            sync_tree(temporary)
            if path.exists():
                os.replace(path, previous)
            os.replace(temporary, path)
            sync(path.parent)
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
    _remove(folder.glob(f".*{TEMPORARY_SUFFIX}"))


def _remove_temporaries(path: pathlib.Path) -> None:
    """Deletes what killed processes left of this file or folder."""
    name = glob.escape(path.name)
    _remove(path.parent.glob(f".{name}.*-*{TEMPORARY_SUFFIX}"))


def _remove(temporaries: Iterable[pathlib.Path]) -> None:
    for path in filter(_is_left_over, temporaries):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


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
        ValueError: the file is not plain or not JSON, is larger than
            `MOST_JSON`, holds NaN or names a key twice; the message names it.
    """
    text = read_bytes(path)
    try:
        return json.loads(
            text.decode("utf-8"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_distinct,
        )
    except (ValueError, RecursionError) as error:
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


# Left by kills, systems and interpreters; nobody misses them.
_PASSING = ("._*", ".DS_Store", f".*{TEMPORARY_SUFFIX}", "*.pyc")


def check_replaceable(
    folder: pathlib.Path,
    marker: str,
    text: str = "",
    own: Collection[str] = (),
) -> None:
    """Refuses to replace a folder that no export of this kind has written.

    Args:
        folder: where an export is to be written; it need not exist.
        marker: name of a file that every export of this kind holds.
        text: what stands in that file, where others write files of that name,
            too. Not read as JSON: a damaged export may be replaced.
        own: patterns of all files that exports of this kind hold; where there
            are some, `folder` must hold no others.

    Raises:
        FileExistsError: `folder` is a file, or holds something else.
    """
    path = folder / marker
    has_marker = path.is_file()
    ours = has_marker and (not text or text in path.read_text(errors="replace"))
    if own and ours:
        _refuse_others(folder, own)
    if ours or not folder.exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        what = f"{marker} of an export" if has_marker else marker
        raise FileExistsError(
            f"An export replaces only an earlier one, and {folder} is none: "
            f"it holds no {what}. Choose another folder, or delete it."
        )


def _refuse_others(folder: pathlib.Path, own: Collection[str]) -> None:
    there = [p.relative_to(folder) for p in folder.rglob("*") if not p.is_dir()]
    others = [
        str(path)
        for path in sorted(there)
        if not any(map(path.match, _PASSING))  # By its last part.
        and not any(fnmatch.fnmatchcase(path.as_posix(), x) for x in own)
    ]
    if others:
        raise FileExistsError(
            f"What is replaced must hold nothing else. Received: {folder} "
            f"with {', '.join(others[:5])}. Move it, or choose another folder."
        )
