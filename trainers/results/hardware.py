"""What rows are made on."""

import os
import pathlib
import platform


def hardware() -> str:
    """Returns the processor and how many cores of it there are."""
    model = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        named = [
            line.split(":", 1)[1].strip()
            for line in info.read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ]
        model = named[0] if named else model
    return f"{os.cpu_count()} cores, {model}"
