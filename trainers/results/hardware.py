"""What rows are made on."""

import os
import pathlib
import platform

# Joins what several processes were on.
AND = "; "


def hardware() -> str:
    """Returns the processor and how many cores of it this process may use."""
    model = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        named = [
            line.split(":", 1)[1].strip()
            for line in info.read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ]
        model = named[0] if named else model
    cores = _cores()
    return f"{cores} core{'' if cores == 1 else 's'}, {model}"


def _cores() -> int:
    """Returns the cores that are left to this process, as by `taskset`."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
