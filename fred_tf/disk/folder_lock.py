"""A folder that one process at a time may write to."""

import contextlib
import errno
import fcntl
import os
import pathlib
import socket
import time
from collections.abc import Iterator

from absl import logging

from fred_tf.disk import files

LOCK = ".lock"

# What file systems without `flock` answer (some NFS, Lustre and FUSE mounts).
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextlib.contextmanager
def exclusive(folder: files.Path, patience: float = 0.0) -> Iterator[None]:
    """Holds the lock of `folder` inside a `with` block.

    The kernel drops the lock when its owner dies, however it dies, so a lock
    is never stale; the file `.lock` stays and says who holds or held it. Where
    the file system has no locks, a warning is logged and the block runs.

    Args:
        folder: an existing folder.
        patience: seconds to wait for another owner to end.

    Raises:
        RuntimeError: another process, or this one, still holds the lock; the
            message says which, on which host.
        OSError: the folder is missing or cannot be written to.
    """
    path = pathlib.Path(folder) / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{folder} must be a folder that can be written to. Received: "
            f"{error.strerror}. Choose another folder or change its mode.",
        ) from error
    try:
        _acquire(descriptor, folder, time.monotonic() + patience)
        yield
    finally:
        # Closing alone would leave the lock with children that were forked.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _acquire(descriptor: int, folder: files.Path, deadline: float) -> None:
    try:
        _lock(descriptor, deadline)
    except BlockingIOError:
        owner = os.read(descriptor, 1000).decode(errors="replace").strip()
        raise RuntimeError(
            f"{folder} is in use by {owner or 'another process'}. Wait for it "
            "to end, stop it, or choose another folder."
        ) from None
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        logging.warning(
            "%s cannot be locked (%s): make sure that no other process "
            "writes to it.",
            folder,
            error.strerror,
        )
    owner = f"process {os.getpid()} on host {socket.gethostname()}\n"
    os.ftruncate(descriptor, 0)
    os.write(descriptor, owner.encode())


def _lock(descriptor: int, deadline: float) -> None:
    # Asked again and again: the kernel's own wait has no time limit.
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.02)
