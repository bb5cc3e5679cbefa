"""How much memory a process may still take, in a container too."""

import pathlib
from collections.abc import Iterator

import psutil

_GROUPS = pathlib.Path("/proc/self/cgroup")
_MOUNT = pathlib.Path("/sys/fs/cgroup")
# Files of a control group that tell its limit and what it uses, in bytes, and
# of the latter what files take that can be dropped; by version.
_FILES = {
    2: ("memory.max", "memory.current", "inactive_file"),
    1: (
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
}


def free_memory() -> int:
    """Returns the bytes that can be taken without swapping or being killed.

    That is what the machine has left, or what the limits of the control groups
    leave that this process is in, if that is less: containers and clusters set
    such limits, and kill who exceeds them.
    """
    left = [_left(folder, version) for folder, version in _folders()]
    free = psutil.virtual_memory().available
    return max(0, min([free, *(one for one in left if one is not None)]))


def _folders() -> Iterator[tuple[pathlib.Path, int]]:
    """Yields the groups of this process and those that they are in."""
    try:
        lines = _GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:  # Not Linux.
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            root, version = _MOUNT, 2
        elif "memory" in controllers.split(","):
            root, version = _MOUNT / "memory", 1
        else:
            continue
        # Inside a container the path may be that of its host, which is not
        # there; the root is the container's own.
        group = pathlib.PurePosixPath(path.lstrip("/"))
        for one in (group, *group.parents):
            yield root / one, version


def _left(folder: pathlib.Path, version: int) -> int | None:
    """Returns what a group leaves of its limit, None where there is none."""
    limit, used, dropped = _FILES[version]
    try:
        most, taken, stat = (
            (folder / name).read_text(encoding="utf-8")
            for name in (limit, used, "memory.stat")
        )
        told = dict(line.split() for line in stat.splitlines())
        return int(most) - int(taken) + int(told.get(dropped, 0))
    except (OSError, ValueError):  # Not there, or "max".
        return None
