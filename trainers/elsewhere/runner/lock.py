"""One process at a time makes a pack, with those that it starts."""

import contextlib
import errno
import fcntl
import os
import pathlib
import socket
import sys
import threading
import time
from collections.abc import Iterator

from . import sealed

LOCK = ".lock"
# What file systems without locks answer.
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
# Seconds between looks for the process that started this one.
_EVERY = 0.2


@contextlib.contextmanager
def exclusive(folder: pathlib.Path) -> Iterator[None]:
    """Keeps other processes from making a pack inside a `with` block.

    The kernel drops the lock when its owner dies, however it dies; the file
    `.lock` stays and says who holds or held it. Where the file system has no
    locks, that is said and the block runs.

    Args:
        folder: of a pack, of several, or of experts.

    Raises:
        BlockingIOError: another process holds the lock.
        FileNotFoundError: there is no such folder.
        ValueError: `.lock` is a link, or no plain file.
    """
    path = folder / LOCK
    descriptor = sealed.plain(path, os.O_RDWR | os.O_CREAT)
    try:
        if os.fstat(descriptor).st_nlink > 1:
            raise sealed.irregular(path, "one that has another name, too")
        _lock(descriptor, folder)
        owner = f"process {os.getpid()} on host {socket.gethostname()}\n"
        os.ftruncate(descriptor, 0)
        os.write(descriptor, owner.encode())
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: pathlib.Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 1000).decode(errors="replace").strip()
        raise BlockingIOError(
            f"{folder} is in use by {owner or 'another process'}. Wait for it "
            "to end, or stop it."
        ) from None
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        print(
            f"{folder} cannot be locked ({error.strerror}): make sure that no "
            "other process writes to it.",
            file=sys.stderr,
        )


def end_with(parent: int) -> None:
    """Lets this process end soon after the one that started it.

    A killed runner has dropped its lock: what it started must not go on
    writing beside the next one.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
