"""What somebody does wrong, or a file claims: a row, and how it is judged."""

import contextlib
import dataclasses
import importlib
import io
import pathlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from absl import app, flags, logging
from absl.testing import flagsaver

from tests.faults.tally import REFUSED, SILENT, TRACEBACK


class CommandError(Exception):
    """A program ended with another exit code than 0; what it said."""


@dataclasses.dataclass(frozen=True)
class Row:
    """Something that must be refused.

    Attributes:
        name: what it is, in a few words.
        call: does it, in a folder.
        word: pattern that the message must match.
        error: of what kind it must be.
        heavy: takes all memory, or the process, where it is not refused.
    """

    name: str
    call: Callable[[pathlib.Path], Any]
    word: str
    error: type[BaseException] | tuple[type[BaseException], ...] = ValueError
    heavy: bool = False


def outcome(row: Row, folder: pathlib.Path) -> tuple[str, str]:
    """Returns what becomes of a row, and a note."""
    try:
        with contextlib.chdir(folder):  # For paths that should be refused.
            row.call(folder)
    except row.error as error:
        text = str(error)
        if re.search(row.word, text) and "Traceback (most" not in text:
            return REFUSED, ""
        return TRACEBACK, f"nothing of {row.word!r} in {_short(error)}"
    except Exception as error:  # Any other kind is none that was promised.
        return TRACEBACK, _short(error)
    return SILENT, "accepted"


def _short(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


@contextlib.contextmanager
def _logging_as_before() -> Iterator[None]:
    """Undoes what every program sets once and for all."""
    handler, verbosity = logging.get_absl_handler(), logging.get_verbosity()
    filters, level = list(handler.filters), tf.get_logger().level
    try:
        yield
    finally:
        handler.filters = filters
        logging.set_verbosity(verbosity)
        tf.get_logger().setLevel(level)


def command(module: str, *arguments: str) -> Callable[[pathlib.Path], None]:
    """Returns a call of a program; `{}` in arguments stands for the folder.

    Raises:
        CommandError: by the call; its exit code is not 0.
    """

    def call(folder: pathlib.Path) -> None:
        program = importlib.import_module(module)
        said, before = io.StringIO(), sys.argv
        app.define_help_flags()
        sys.argv = [module, *(a.replace("{}", str(folder)) for a in arguments)]
        try:
            with (
                _logging_as_before(),
                flagsaver.flagsaver(),
                contextlib.redirect_stderr(said),
                contextlib.redirect_stdout(said),
            ):
                flags.FLAGS.unparse_flags()
                program.main()
        except SystemExit as end:
            if end.code:
                raise CommandError(said.getvalue()) from None
        finally:
            sys.argv = before

    return call
