"""What holds while a program is still loading TensorFlow: Ctrl-C says no more
than it does later, see `command_line.program`.
"""

import sys
import types


def end_in_a_line(
    kind: type[BaseException],
    error: BaseException,
    trace: types.TracebackType | None,
) -> None:
    """Shows an error as Python does, but Ctrl-C without a traceback."""
    if kind is KeyboardInterrupt:
        print("Stopped; the same command continues.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


# Not where people type at Python itself, nor where others took this over.
if not hasattr(sys, "ps1") and sys.excepthook is sys.__excepthook__:
    sys.excepthook = end_in_a_line
