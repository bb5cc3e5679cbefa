"""What a loss of power could take, told from the order of file operations.

A file system may write names and contents in any order unless it is told to
wait. So what is older must not go before what is newer was waited for.
"""

import pathlib
from collections.abc import Collection, Iterable

# Of temporary files and folders, ours and TensorFlow's, and of locks.
_TEMPORARY = (".partial", "_temp", ".tmp", ".lock")
_PREVIOUS = ".previous.partial"
# What may be lost: logs, and who holds a lock.
_SPARE = {"tensorboard", ".workers"}
_WRITES = ("open", "write", "flush", "close", "truncate")


def lasts(path: str) -> bool:
    """Returns whether a path is meant to outlive the process."""
    parts = pathlib.PurePath(path).parts
    if _SPARE & set(parts):
        return False
    return not any(
        part.endswith(_TEMPORARY) or ".tempstate" in part for part in parts
    )


def unsafe(
    operations: Iterable[tuple[str, ...]], there: Collection[str] = ()
) -> list[str]:
    """Returns what would be lost if the power failed at the wrong moment.

    Args:
        operations: as `shim.operations` returns them.
        there: paths that were there before.

    Returns:
        A sentence for each: what replaces or deletes something older before it
        is on the disk itself, and what is not when the process ends.
    """
    names, unsynced, unnamed = set(there), set(), set()
    faults: dict[str, None] = {}

    def below(paths: set[str], folder: str) -> list[str]:
        return [p for p in paths if p == folder or p.startswith(f"{folder}/")]

    def beside(paths: set[str], path: str) -> list[str]:
        return [p for p in paths if lasts(p) and _parent(p) == _parent(path)]

    for name, path, *others in operations:
        if name in _WRITES:
            unsynced.add(path)
        if name in ("open", "mkdir") and path not in names:
            unnamed.add(path)
            names.add(path)
        if name == "sync":
            unsynced.discard(path)
            unnamed -= {p for p in unnamed if _parent(p) == path}
        if name == "rename":
            (target,) = others
            if target in names and lasts(target):
                for waiting in below(unsynced, path):
                    faults[f"{target} is replaced by {waiting}, unsynced"] = (
                        None
                    )
            for paths in (names, unsynced, unnamed):
                for old in below(paths, path):
                    paths.remove(old)
                    paths.add(target + old[len(path) :])
            unnamed.add(target)
        if name in ("unlink", "rmdir"):
            if lasts(path) or _PREVIOUS in path:
                kept = path.partition(f"{_PREVIOUS}")[0] or path
                for waiting in beside(unsynced | unnamed, kept):
                    if waiting != path:
                        faults[f"{path} goes before {waiting} is synced"] = None
            for paths in (names, unsynced, unnamed):
                paths.discard(path)
    for waiting in sorted(filter(lasts, unsynced | unnamed)):
        faults[f"{waiting} is never synced"] = None
    return list(faults)


def _parent(path: str) -> str:
    return str(pathlib.PurePath(path).parent)
