"""Temporary siblings: their names, and which of them a dead process left.

`.name.<host>-<process>.partial` becomes `name` once it is complete. What a kill
leaves of it is told from what a living process is about to finish by the owner
in its name.
"""

import contextlib
import glob
import hashlib
import os
import pathlib
import re
import shutil
import socket
import time
from collections.abc import Iterable

import psutil

SUFFIX = ".partial"

_OWNER = re.compile(r"([0-9a-f]{8})-(\d{1,30})")
# Seconds after which a temporary sibling of another machine is a left-over.
_OLD = 24 * 3600.0
# Of the time when a process began, in seconds.
_ROUNDING = 2.0


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def temporary(path: pathlib.Path) -> pathlib.Path:
    """Returns the sibling that this process writes before it is `path`."""
    owner = f"{_host()}-{os.getpid()}"
    return path.with_name(f".{path.name}.{owner}{SUFFIX}")


def remove_of(path: pathlib.Path) -> None:
    """Deletes what killed processes left of one file or folder."""
    _remove(path.parent.glob(f".{glob.escape(path.name)}.*-*{SUFFIX}"))


def remove_in(folder: pathlib.Path) -> None:
    """Deletes what killed processes left in a folder that the caller locks.

    That of earlier versions, which named no host, goes whoever wrote it: they
    would hold the lock.
    """
    _remove(folder.glob(f".*{SUFFIX}"))


def delete(path: pathlib.Path) -> None:
    """Deletes a file, a link or a folder with all in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove(temporaries: Iterable[pathlib.Path]) -> None:
    for path in filter(_is_left_over, temporaries):
        delete(path)


def _is_left_over(path: pathlib.Path) -> bool:
    owner = path.name.removesuffix(SUFFIX).rpartition(".")[2]
    if owner.isdecimal():
        return True
    if not (named := _OWNER.fullmatch(owner)):
        return False  # Somebody else's.
    host, process = named[1], int(named[2])
    if host == _host():
        return process == os.getpid() or not _is_writing(process, path)
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.lstat().st_mtime > _OLD
    return False


def _is_writing(process: int, path: pathlib.Path) -> bool:
    """Returns whether the process that began a temporary sibling still lives.

    Numbers come again, soon where threads take them, too: neither a thread nor
    a process that began after the sibling was last written is its owner.
    """
    try:
        if not psutil.pid_exists(process):
            return False
        began = psutil.Process(process).create_time()
        return began <= path.lstat().st_mtime + _ROUNDING
    except (psutil.NoSuchProcess, OverflowError, FileNotFoundError):
        return False
    except psutil.Error:  # Somebody else's, who may write.
        return True
