"""What every program has: shared flags, and a user's mistake in one line."""

import contextlib
import functools
import io
import logging as stdlib_logging
import os
import pathlib
import signal
import sys
from collections.abc import Callable, Iterator

import tensorflow as tf
from absl import app, logging

from export import flags, loading
from fred_tf import config as config_lib
from fred_tf.disk import paths
from fred_tf.disk.run_folder import CONFIG, RunFolder
from fred_tf.distillation.interruption import STOPPED, Interruption, Stopped


class _PathParser(flags.ArgumentParser):
    """Refuses paths that TensorFlow or the disk would not take."""

    syntactic_help = "a path; ~ is the home folder"

    def parse(self, argument: str) -> str:
        return str(paths.checked(argument))


class _FolderParser(_PathParser):
    """What is given must not be a file, see `_check_folders`."""

    syntactic_help = "a folder; ~ is the home folder"


# Of flags for paths: `flags.DEFINE(PATH, name, default, help)`.
PATH, FOLDER = _PathParser(), _FolderParser()

OVERRIDE = flags.DEFINE_multi_string(
    "override",
    [],
    "Replaces one setting: name=value, e.g. --override student_steps=20. "
    "May be given many times; config.json in a run folder shows all names.",
)
_DETERMINISTIC = flags.DEFINE_bool(
    "deterministic",
    True,
    "Makes equal runs bit-equal on the same machine and thread count.",
)
DATA_DIR = flags.DEFINE(
    FOLDER,
    "data_dir",
    None,
    "Where paths of data begin, and where TensorFlow Datasets keeps its data; "
    "default: where the data of the run were found, else the working folder, "
    "and ~/tensorflow_datasets.",
)
DOWNLOAD = flags.DEFINE_bool(
    "download",
    False,
    "Lets TensorFlow Datasets download and prepare missing data.",
)
BUDGET_BYTES = flags.DEFINE_integer(
    "budget_bytes",
    None,
    "Bytes of all files of an export, at most: settings of --preset become "
    "those of as many images as are expected to fit, and an export writes the "
    "one form that errs least.",
    lower_bound=1,
)
RUN_DIR = flags.DEFINE(
    FOLDER,
    "run_dir",
    None,
    "Folder of the run. A run that was stopped continues from here when the "
    "same command is given again.",
)


def override(config: config_lib.Config) -> config_lib.Config:
    """Returns `config` with the overrides of the command line."""
    return config_lib.override(config, OVERRIDE.value)


def data_dir(run_dir: paths.Path) -> str | None:
    """Returns --data_dir, or where the data of a run were found last."""
    if DATA_DIR.value or not (pathlib.Path(run_dir) / CONFIG).is_file():
        return DATA_DIR.value
    return RunFolder.read(run_dir).data_dir


def required(flag: flags.FlagHolder) -> str:
    """Returns a flag's value.

    Raises:
        ValueError: it was not given.
    """
    if not flag.value:
        raise ValueError(
            f"--{flag.name} is required: {flags.FLAGS[flag.name].help}"
        )
    return flag.value


# What calls all programs, see `trainers/__main__.py`.
_FRONTS = ("fred", "python -m trainers")


def command(module: str) -> str:
    """Returns how to call a program in the way this one was called.

    That is `python -m trainers.evaluate`, `fred evaluate` or `fred-evaluate`;
    the program that runs is called by the very word that was typed.

    Args:
        module: what runs as `python -m module`.
    """
    word = module.rpartition(".")[2]
    for front in _FRONTS:
        before, _, typed = sys.argv[0].partition(f"{front} ")
        if typed and not before:
            own, name = map(loading.named, (typed, word))
            return f"{front} {typed if own == name else name}"
    if pathlib.PurePath(sys.argv[0]).name.startswith("fred-"):
        return f"fred-{word.replace('_', '-')}"
    return f"python -m {module}"


def set_determinism() -> None:
    """Applies --deterministic; must come before any TensorFlow op."""
    if _DETERMINISTIC.value:
        tf.config.experimental.enable_op_determinism()


# What ends a program, or a part of its work, in one line. What a data pipeline
# raises reaches the program as an OpError.
MISTAKES = (
    ValueError,
    OSError,
    RuntimeError,
    ImportError,
    tf.errors.OpError,
)


# Makes `main` of what a program does, which may return an exit code.
Program = Callable[[Callable[[], int | None]], Callable[[], None]]


def taking(*shared: str) -> Program:
    """Returns `program` for one that takes some shared flags, a decorator."""
    return lambda body: program(body, *shared)


def program(body: Callable[[], int | None], *shared: str) -> Callable[[], None]:
    """Makes a program's `main` of what it does, as a decorator.

    `main()` runs `body()` as an absl app. A user's mistake ends in one line;
    the environment variable FRED_TF_TRACEBACK=1 shows where it arose. So does a
    signal, with the exit code that a shell knows; a second one ends the program
    at once.

    Args:
        body: returns an exit code, or None for 0.
        *shared: names of flags that it takes beside those of its module.
    """

    def called(arguments: list[str]) -> int | None:
        flags.FLAGS.mark_as_parsed()  # By absl, which knows them now.
        if len(arguments) > 1:
            raise app.UsageError(f"Unknown arguments: {arguments[1:]}")
        logging.set_verbosity(logging.INFO)
        logging.get_absl_handler().addFilter(_is_ours_or_grave)
        tf.get_logger().setLevel("WARNING")
        with Interruption().watching() as interruption:
            try:
                with interruption.at_once():
                    flags.check_together()
                    _check_folders()
                    return body()
            except BrokenPipeError:
                raise
            except (Stopped, *MISTAKES) as error:
                # A signal can also end what calls back, as an error of that.
                if interruption.signal:
                    print(STOPPED, file=sys.stderr)
                    return interruption.exit_code
                if os.environ.get("FRED_TF_TRACEBACK"):
                    raise
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                return 1

    @functools.wraps(body)
    def main() -> None:
        told = sys.modules[body.__module__].__doc__
        taken = flags.registered(body.__module__, shared)
        with _told(), _explained(told), taken:
            app.run(called, flags_parser=flags.parsed)

    return main


def _check_folders() -> None:
    """Refuses files that are given as folders.

    Defaults are parsed by whoever imports a program, wherever that is.

    Raises:
        NotADirectoryError: there is one.
    """
    for name in flags.FLAGS:
        flag = flags.FLAGS[name]
        if flag.present and flag.value and flag.parser is FOLDER:
            paths.folder(flag.value, f"--{name}")


@contextlib.contextmanager
def _explained(told: str | None) -> Iterator[None]:
    """Lets `--help` show what a program says of itself.

    absl shows what the main module says, and that of a console script says
    nothing.
    """
    shown = sys.modules["__main__"]
    before, shown.__doc__ = shown.__doc__, told
    try:
        yield
    finally:
        shown.__doc__ = before


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Says what the block prints as far as somebody can read it.

    A terminal that lacks a character shows `?`.

    Raises:
        SystemExit: nobody reads on, as in `... | head -1`, or the output
            cannot be written.
    """
    streams = [s for s in (sys.stdout, sys.stderr) if s is not None]
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    failure: OSError | None = None
    try:
        yield
    except BrokenPipeError as error:
        failure = error
    finally:
        for stream in streams:
            try:
                stream.flush()
            except OSError as error:
                failure = error
                # Or Python would try again at its end, and say so.
                with open(os.devnull, "w") as nowhere:
                    os.dup2(nowhere.fileno(), stream.fileno())
        if isinstance(failure, BrokenPipeError):
            sys.exit(128 + signal.SIGPIPE)
        if failure is not None:
            sys.exit(f"{type(failure).__name__}: {failure}")


_TALKATIVE = {"tensorflow", "tensorflow_datasets", "keras"}


def _is_ours_or_grave(record: stdlib_logging.LogRecord) -> bool:
    """Keeps other libraries' notes below a warning out of the log.

    A warning of TFDS to itself, about each stored array, is left out, too.
    """
    if "`FeatureConnector.dtype` is deprecated" in str(record.msg):
        return False
    theirs = _TALKATIVE.intersection(record.pathname.split(os.sep))
    return not theirs or record.levelno >= stdlib_logging.WARNING
