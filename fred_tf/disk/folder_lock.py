"""A folder, or a file, that one process at a time may write to."""

import contextlib
import errno
import os
import pathlib
import socket
import stat
from collections.abc import Iterator

import filelock
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
        ValueError: `.lock` is a link or something else that writing to it
            would change.
        OSError: the folder is missing or cannot be written to.
    """
    with _held(pathlib.Path(folder) / LOCK, folder, patience):
        yield


@contextlib.contextmanager
def of_file(path: files.Path, patience: float) -> Iterator[None]:
    """Keeps others from changing a file inside a `with` block, which is short.

    The lock is one of its own beside that of the folder, which anybody may
    hold; who reads needs none. Its file is gone afterwards.

    Args:
        path: the file, in an existing folder; it need not be there.
        patience: seconds to wait for another owner to end.

    Raises:
        RuntimeError, ValueError, OSError: as of `exclusive`.
    """
    path = pathlib.Path(path)
    lock = path.with_name(f".{path.name}{LOCK}")
    with _held(lock, path, patience):
        try:
            yield
        finally:
            # Who waits for it sees that it has no name, and makes another.
            lock.unlink(missing_ok=True)


@contextlib.contextmanager
def _held(
    path: pathlib.Path, what: files.Path, patience: float
) -> Iterator[None]:
    """Holds the lock of a file that is made for it.

    Args:
        path: that file.
        what: what is locked, for messages.
        patience: seconds to wait for another owner to end.
    """
    # Only the kernel locks: its locks are never stale.
    lock = filelock.FileLock(
        path,
        timeout=patience,
        thread_local=False,
        poll_interval=0.02,
        fallback_to_soft=False,
        preserve_lock_file=True,
        on_acquired=_sign,
    )
    with contextlib.ExitStack() as held:
        try:
            _check(path)
            held.enter_context(lock)
        except filelock.Timeout:
            raise RuntimeError(
                f"{what} is in use by {_owner(path)}. Wait for it to end, "
                "stop it, or choose another folder."
            ) from None
        except OSError as error:
            _tolerate(error, path.parent)
        yield


def is_held(folder: files.Path) -> bool:
    """Returns whether another process, or this one, holds a folder's lock."""
    try:
        with exclusive(folder):
            return False
    except RuntimeError:
        return True


def _check(path: pathlib.Path) -> None:
    """Refuses a file that the library would empty though it is not ours.

    It follows no symbolic link, and would make a missing folder.
    """
    path.parent.stat()
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise ValueError(
                f"{path} must be a plain file with no other name, for its "
                "content is overwritten. Received: a link, or no file. Delete "
                "it."
            )


def _sign(descriptor: int) -> None:
    """Writes who holds the lock into its file."""
    os.ftruncate(descriptor, 0)
    owner = f"process {os.getpid()} on host {socket.gethostname()}\n"
    os.write(descriptor, owner.encode())


def _owner(path: pathlib.Path) -> str:
    """Returns who says to hold the lock."""
    with (
        contextlib.suppress(OSError, ValueError),
        files.opened(path) as file,
    ):
        if owner := file.read(1000).decode(errors="replace").strip():
            return owner
    return "another process"


def _tolerate(error: OSError, folder: files.Path) -> None:
    """Warns of a file system without locks; other errors are raised."""
    if error.errno not in _UNSUPPORTED:
        raise OSError(
            error.errno,
            f"{folder} must be a folder that can be written to. Received: "
            f"{error.strerror}. Choose another folder or change its mode.",
        ) from error
    logging.warning(
        "%s cannot be locked (%s): make sure that no other process "
        "writes to it.",
        folder,
        error.strerror,
    )
