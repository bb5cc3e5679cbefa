"""A side of a comparison in a process of its own, so that peaks are its own."""

import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

_CALLS = 3


def peak() -> float:
    """Returns the most memory that this process has held, in GB (10^9)."""
    try:
        status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        # Includes what the parent held; in bytes on macOS only.
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e9


def available() -> float:
    """Returns the memory of this machine in GB (10^9)."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9


def serve(call: Callable[[], object]) -> None:
    """Tells a peak and seconds; then times a call for each line on stdin."""
    seconds = []
    for _ in range(_CALLS):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    print(json.dumps({"peak": peak(), "seconds": min(seconds[1:])}), flush=True)
    while sys.stdin.readline():
        begun = time.perf_counter()
        call()
        print(time.perf_counter() - begun, flush=True)


class Process:
    """A program that calls `serve`; made when it has run a few times.

    Args:
        name: what it is called in messages.
        module: what `python -m` runs.
        arguments: its command line.

    Attributes:
        peak: the memory of the process after three calls, in GB.
        seconds: of the faster of the second and third call.

    Raises:
        RuntimeError: the process ended; the message shows what it said.
    """

    def __init__(self, name: str, module: str, arguments: Sequence[object]):
        self._name = name
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            text=True,
        )
        self.peak, self.seconds = map(self._read().get, ("peak", "seconds"))

    def time(self) -> float:
        """Returns the seconds of one more call."""
        print(file=self._process.stdin, flush=True)
        return self._read()

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _read(self):
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        said = "".join(self._errors.readlines()[-20:]) or "nothing\n"
        self.close()
        raise RuntimeError(
            f"{self._name} ended with exit code {self._process.returncode} "
            "(-9: out of memory; then give it less to do). It said:\n"
            f"{said}"
        )
