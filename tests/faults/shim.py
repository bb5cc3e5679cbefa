"""The preloaded library that counts file operations, see `shim.c`."""

import ctypes
import os
import pathlib
import shutil
import subprocess

SOURCE = pathlib.Path(__file__).with_name("shim.c")
_PRELOAD = "LD_PRELOAD"


def compiler() -> str | None:
    """Returns a C compiler of this machine, None where there is none."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def build(folder: pathlib.Path) -> pathlib.Path:
    """Compiles the library into a folder."""
    library = folder / "shim.so"
    flags = ["-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"]
    subprocess.run([compiler(), *flags], check=True)
    return library


def environment(library: pathlib.Path) -> dict[str, str]:
    """Returns the environment of a process that the library stands before."""
    return {**os.environ, _PRELOAD: str(library)}


def unbuild() -> None:
    """Deletes the library that stands before this process: it is mapped."""
    shutil.rmtree(pathlib.Path(os.environ.pop(_PRELOAD)).parent)


def is_loaded() -> bool:
    """Returns whether it stands before this process."""
    return hasattr(ctypes.CDLL(None), "faults_arm")


def arm(
    folder: pathlib.Path,
    kill_at: int = 0,
    full_at: int = 0,
    log: pathlib.Path | None = None,
    copies: pathlib.Path | None = None,
) -> None:
    """Begins to count operations below a folder.

    Args:
        folder: it, without links in its path.
        kill_at: number of the operation that the process is killed at, from
            1; 0 for none.
        full_at: from this operation on the disk is full; 0 for never.
        log: file that each operation is written to.
        copies: folder that gets a copy of `folder` at each operation, named by
            its number: what a kill there would leave.
    """
    ctypes.CDLL(None).faults_arm(
        os.fsencode(folder),
        ctypes.c_long(kill_at),
        ctypes.c_long(full_at),
        os.fsencode(log or ""),
        os.fsencode(copies or ""),
    )


def operations(log: pathlib.Path) -> list[tuple[str, ...]]:
    """Returns the operations of a log: what each was, and its paths."""
    return [tuple(line.split("\t")) for line in log.read_text().splitlines()]
