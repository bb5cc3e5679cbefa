"""Calls in a process of their own, forked off one that has imported all.

Importing TensorFlow takes seconds, forking milliseconds. The parent must not
have made any TensorFlow op: its threads would be missing in the child.
"""

import contextlib
import dataclasses
import os
import pickle
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

_TRACEBACK = "Traceback (most recent call last)"


@dataclasses.dataclass(frozen=True)
class Ended:
    """What became of a call.

    Attributes:
        code: exit code; that of a signal is negative.
        value: what the call returned; None unless the code is 0.
        said: what it wrote to stdout and stderr.
    """

    code: int
    value: Any
    said: str

    @property
    def is_traceback(self) -> bool:
        """Whether it died of itself: by a signal, or in a traceback."""
        return self.code < 0 or _TRACEBACK in self.said

    @property
    def last_line(self) -> str:
        """The last line that it said, for a note."""
        return next(iter(self.said.strip().splitlines()[::-1]), "nothing")


@dataclasses.dataclass(frozen=True)
class _Begun:
    process: int
    answers: BinaryIO
    said: BinaryIO


def call(
    function: Callable[..., Any], *arguments: Any, seconds: float = 300
) -> Ended:
    """Calls a function in a child, and kills that after some time.

    Args:
        function: what it returns can be pickled.
        *arguments: its arguments.
        seconds: the time it has.
    """
    return _end(_begin(function, arguments), seconds)


def together(
    function: Callable[..., list], shares: Sequence[Sequence[Any]]
) -> list:
    """Calls a function for each share of some work, all at the same time.

    Returns:
        What the calls returned, one list after the other.

    Raises:
        AssertionError: a call failed.
    """
    begun = [_begin(function, (share,)) for share in shares]
    ended = [_end(child, None) for child in begun]
    for child in ended:
        if child.code:
            raise AssertionError(f"The battery itself failed: {child.said}")
    return [value for child in ended for value in child.value]


def _begin(function: Callable[..., Any], arguments: Sequence[Any]) -> _Begun:
    reading, writing = os.pipe()
    said = tempfile.TemporaryFile()
    child = os.fork()
    if not child:
        _be_the_child(function, arguments, writing, said.fileno())
    os.close(writing)
    return _Begun(child, open(reading, "rb"), said)


def _end(begun: _Begun, seconds: float | None) -> Ended:
    with begun.answers, begun.said:
        late = not select.select([begun.answers], [], [], seconds)[0]
        if late:
            os.kill(begun.process, signal.SIGKILL)
        answer = begun.answers.read()
        status = os.waitpid(begun.process, 0)[1]
        begun.said.seek(0)
        text = begun.said.read().decode(errors="replace")
    code = os.waitstatus_to_exitcode(status)
    if late:
        return Ended(code, None, f"{text}\nno answer in {seconds} seconds")
    if code or not answer:
        return Ended(code or 1, None, text)
    code, value = pickle.loads(answer)  # Of our own child.
    return Ended(code, value, text)


def _be_the_child(function, arguments, writing: int, said: int) -> None:
    os.dup2(said, 1)
    os.dup2(said, 2)
    code, value = 0, None
    try:
        value = function(*arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # Whatever it is, it is what the call came to.
        traceback.print_exc()
        code = 70
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
        with open(writing, "wb") as answer:
            pickle.dump((code, value), answer)
    # No handlers of the parent's, and no threads to wait for.
    os._exit(0)
