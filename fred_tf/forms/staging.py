"""Forms that are written whole before anything that was there is touched."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

from fred_tf.disk import files, folder_lock


@contextlib.contextmanager
def staged(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a folder to write forms to, from where `Form.move` takes them.

    Much is known only once a form is written: that it fits a budget, that a
    package is there, that the disk has room. What ends the block before forms
    are moved leaves all that was there as it was.

    Args:
        folder: where they are to be; made if missing, but not left empty.

    Raises:
        OSError: writing failed; it names the file as it would have been.
    """
    with _made(folder), files.scratch_folder(folder / "export") as scratch:
        with _as_if_in(folder, scratch):
            yield scratch


@contextlib.contextmanager
def alone(path: pathlib.Path) -> Iterator[None]:
    """Keeps other processes from writing an export meanwhile.

    Args:
        path: what tells who writes it apart: a form, or of a whole export its
            README.md. Its folder is made if missing, but not left empty.

    Raises:
        RuntimeError: another process writes it.
        OSError: the folder cannot be written to.
    """
    with _made(path.parent), folder_lock.of_file(path, patience=0.0):
        yield


@contextlib.contextmanager
def _made(folder: pathlib.Path) -> Iterator[None]:
    """Makes a folder that is missing; what is still empty then goes again."""
    missing = [x for x in (folder, *folder.parents) if not x.exists()]
    files.make_folder(folder)
    try:
        yield
    finally:
        for path in missing:
            with contextlib.suppress(OSError):  # It holds something by now.
                path.rmdir()


def move(source: pathlib.Path, path: pathlib.Path) -> None:
    """Moves a file or folder over what is there, all of it or nothing.

    Args:
        source: on the same disk.
        path: what it becomes.
    """
    folder = source.is_dir()
    replacing = files.replacing_folder if folder else files.replacing_file
    with replacing(path) as temporary:
        os.replace(source, temporary)


@contextlib.contextmanager
def _as_if_in(folder: pathlib.Path, scratch: pathlib.Path) -> Iterator[None]:
    """Lets errors name files as they are to be called."""
    try:
        yield
    except OSError as error:
        path = pathlib.Path(str(error.filename))
        if not path.is_relative_to(scratch):
            raise
        error.filename = str(folder / path.relative_to(scratch))
        raise
