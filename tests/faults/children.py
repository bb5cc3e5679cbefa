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
from collections.abc import Callable
from typing import Any

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


def call(
    function: Callable[..., Any], *arguments: Any, seconds: float = 300
) -> Ended:
    """Calls a function in a child, and kills that after some time.

    Args:
        function: what it returns can be pickled.
        *arguments: its arguments.
        seconds: the time it has.
    """
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as said, open(reading, "rb") as answers:
        child = os.fork()
        if not child:
            _be_the_child(function, arguments, writing, said.fileno())
        os.close(writing)
        late = not select.select([answers], [], [], seconds)[0]
        if late:
            os.kill(child, signal.SIGKILL)
        answer = answers.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        text = said.read().decode(errors="replace")
    if late:
        return Ended(status, None, f"{text}\nno answer in {seconds} seconds")
    if status or not answer:
        return Ended(status or 1, None, text)
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
