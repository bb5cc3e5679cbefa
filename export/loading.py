"""What holds while a program is still loading TensorFlow, which takes seconds.

A line says at once what has begun, TensorFlow's notes on itself stay away, and
Ctrl-C says no more than it does later, see `command_line.program`. Only a
program calls `begin`: an import elsewhere, as in a notebook, changes nothing.
"""

import contextlib
import importlib
import os
import pathlib
import re
import signal
import sys
import types
from collections.abc import Iterator, Sequence
from typing import NoReturn

# What TensorFlow leaves unsaid: 1 notes, 2 warnings too, 3 errors too.
LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Its core warns in pages about graphs that it then runs as it should.
_USUAL_LEVEL = "2"
# How severe a line is, by its first letter.
_SEVERITIES = "IWEF"
# It fails to find a GPU where none is; where one is, so is one of these.
_GPUS = ("/dev/nvidiactl", "/dev/dxg")

# Words for programs that `fred` takes for others.
ALIASES = {"distill": "distil"}

# What is told of a command, by the flags that say it.
_TOLD = {
    "preset": "preset",
    "row": "row",
    "dataset": "of",
    "run_dir": "in",
    "sweep_dir": "in",
    "expert_dir": "with experts in",
}


def called() -> str | None:
    """Returns the program that this process runs, as it was typed.

    None where it runs something else, or `fred` and `python -m trainers`, which
    have yet to look for one. Right only while the program is being imported.
    """
    stem = pathlib.PurePath(sys.argv[0]).stem
    if stem.startswith("fred-"):
        return stem
    if sys.argv[0] != "-m":  # So called until Python has found the module.
        return None
    module = sys.orig_argv[-len(sys.argv)].removeprefix("-m")
    package, _, inside = module.partition(".")
    ours = package == "export" or (package == "trainers" and inside)
    return f"python -m {module}" if ours else None


def named(word: str) -> str:
    """Returns what `fred` calls a program, by whatever word is meant for it."""
    word = word.replace("_", "-")
    return ALIASES.get(word, word)


def begin(program: str, arguments: Sequence[str]) -> None:
    """Says what has begun, and loads TensorFlow quietly, if it is not there.

    The line goes to stderr, where logs go, and TensorFlow's errors do, too.

    Args:
        program: how it was called.
        arguments: that it was called with.
    """
    if "tensorflow" in sys.modules:
        return
    if sys.excepthook is sys.__excepthook__:  # Nobody took it over.
        sys.excepthook = _end_in_a_line
    os.environ.setdefault(LEVEL, _USUAL_LEVEL)
    if sys.stderr is not None:
        line = f"{opening(program, arguments)}\n"
        # Past its buffer: what stays there would fail once more at the end, and
        # Python end with 120.
        with contextlib.suppress(OSError):
            os.write(sys.stderr.fileno(), line.encode(errors="replace"))
    with _without_notes(os.environ[LEVEL]):
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.list_physical_devices()  # It has notes on them.


def opening(program: str, arguments: Sequence[str]) -> str:
    """Returns the line that says what a command is about.

    Args:
        program: how it was called.
        arguments: flags as absl takes them; none is checked yet.
    """
    given: dict[str, str] = {}
    for word, following in zip(arguments, [*arguments[1:], ""]):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name in _TOLD:
            given[name] = value if equals else following
    told = [
        f"{word} {given[name]}"
        for name, word in _TOLD.items()
        if given.get(name) and given[name].isprintable()
    ]
    about = f"{' '.join(told)}; " if told else ""
    return f"{program}: {about}starting TensorFlow ..."


def _end_in_a_line(
    kind: type[BaseException],
    error: BaseException,
    trace: types.TracebackType | None,
) -> None:
    """Shows an error as Python does, but Ctrl-C without a traceback."""
    if kind is KeyboardInterrupt:
        print("Stopped; the same command continues.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


@contextlib.contextmanager
def _without_notes(level: str) -> Iterator[None]:
    """Keeps what TensorFlow is not to say out of stderr, within the block.

    Its libraries speak while they are loaded, before they look at `LEVEL`. A
    process of its own passes on all other lines, so that the last words of one
    that ends there are heard, too.

    Args:
        level: as in the environment.
    """
    left_out = _SEVERITIES[: int(level)] if level.isdecimal() else ""
    with contextlib.ExitStack() as stack:
        if left_out and hasattr(os, "fork") and _is_open(2):
            stack.enter_context(_passed_on(unsaid(left_out)))
        yield


def unsaid(severities: str) -> re.Pattern[bytes]:
    """Returns what matches the lines that are left out.

    Args:
        severities: first letters of such lines.
    """
    notes = rf"[{severities}]\d{{4}} |WARNING: All log messages before absl"
    if not any(map(os.path.exists, _GPUS)):
        notes += r"|E\d{4} .*failed call to cuInit"
    return re.compile(notes.encode())


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _passed_on(without: re.Pattern[bytes]) -> Iterator[None]:
    """Lets a process pass on what the block writes to stderr, bar some."""
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        os.close(writer)
        _pass_on(reader, without)
    os.close(reader)
    before = os.dup(2)
    os.dup2(writer, 2)
    os.close(writer)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.waitpid(process, 0)


def _pass_on(reader: int, without: re.Pattern[bytes]) -> NoReturn:
    """Writes lines to stderr as they come, and ends this process after them."""
    for number in (signal.SIGINT, signal.SIGTERM):  # They end the other one.
        signal.signal(number, signal.SIG_IGN)
    try:
        with open(reader, "rb") as lines:
            for line in lines:
                if not without.match(line):
                    os.write(2, line)
    finally:
        os._exit(0)


if program := called():
    begin(program, sys.argv[1:])
