"""How every program ends: signals, readers that leave, terminals, paths."""

import importlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from absl import app
from absl import flags as absl_flags

from export import command_line, flags
from fred_tf.distillation import interruption
from tests.docs.programs_test import SCRIPTS

PROGRAMS = [entry.partition(":")[0] for entry in SCRIPTS.values()]
# Where programs work that take no --run_dir.
FOLDERS = {
    "trainers.results.__main__": "runs_dir",
    "trainers.sweep.__main__": "sweep_dir",
    "trainers.train_experts": "expert_dir",
}
STOPPED = "Stopped; the same command continues.\n"


@pytest.fixture
def end(monkeypatch, capsys):
    """Ends a program of some body: exit code, output, errors."""

    def end(body) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["program"])
        with pytest.raises(SystemExit) as ended:
            command_line.program(body)()
        return (ended.value.code or 0, *capsys.readouterr())

    return end


@pytest.mark.parametrize("module", PROGRAMS)
def test_every_program_ends_by_the_one_way(module):
    main = importlib.import_module(module).main
    assert main.__code__.co_filename == command_line.__file__


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_program_in_one_line(number, end):
    left, before = [], signal.getsignal(number)

    def body():
        try:
            os.kill(os.getpid(), number)
            left.append("not stopped")
        finally:
            left.append("cleaned up")

    assert end(body) == (128 + number, "", STOPPED)
    assert left == ["cleaned up"]
    assert signal.getsignal(number) == before


def test_a_signal_that_comes_as_an_error_of_tensorflow_is_one(end):
    """As where it arrives within a function that TensorFlow calls back."""

    def body():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except interruption.Stopped:
            raise RuntimeError("UnknownError: Stopped") from None

    assert end(body) == (143, "", STOPPED)


# What swallows `Stopped` does not heed it, like what blocks within C.
_DEAF = """
import time
from fred_tf.distillation import interruption
interruption._PATIENCE = 0.2
with interruption.Interruption().watching() as watched:
    {around}
        for _ in range(600):
            try:
                print("begun", flush=True)
                time.sleep(0.1)
            except interruption.Stopped:
                pass
"""


@pytest.mark.parametrize(
    ("around", "signals", "code", "said"),
    [
        ("with watched.at_once():", [15], 143, STOPPED.strip()),
        ("if True:", [15, 2], 130, "Stopping after this step"),
    ],
    ids=["swallowed", "twice"],
)
def test_a_process_that_does_not_heed_a_signal_ends(
    around, signals, code, said
):
    process = subprocess.Popen(
        [sys.executable, "-c", _DEAF.format(around=around)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    for number in signals:
        time.sleep(0.1)
        process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code and said in errors, errors


@pytest.mark.parametrize("size", [1, 100_000])
def test_nobody_reads_on(size, monkeypatch):
    """`... | head -1`: neither a traceback now nor words when Python ends."""
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(sys, "argv", ["program"])
    monkeypatch.setattr(sys, "stdout", open(writer, "w"))
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    with pytest.raises(SystemExit) as ended:
        command_line.program(lambda: print("x" * size))()
    assert ended.value.code == 141
    sys.stdout.close()
    assert errors.getvalue() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_output_that_cannot_be_written_is_said(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program"])
    monkeypatch.setattr(sys, "stdout", open("/dev/full", "w"))
    with pytest.raises(SystemExit, match="OSError: .*No space left"):
        command_line.program(lambda: print("x"))()
    sys.stdout.close()


def test_closed_output_is_none(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program"])
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as ended:
        command_line.program(lambda: print("x"))()
    assert not ended.value.code


@pytest.mark.parametrize("text", ["46.3 ± 0.8", "a\udcffb"])
def test_a_terminal_without_a_character_shows_another(text, monkeypatch):
    shown = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "argv", ["program"])
    monkeypatch.setattr(sys, "stdout", shown)
    with pytest.raises(SystemExit) as ended:
        command_line.program(lambda: print(text))()
    assert not ended.value.code
    assert shown.buffer.getvalue().count(b"?") == 1


def taken(module: str, monkeypatch) -> list[str]:
    """Returns the flags that a program takes."""
    names = []

    def look(*_, **__):
        names.extend(n for n in flags.FLAGS if n in absl_flags.FLAGS)

    with monkeypatch.context() as patch:
        patch.setattr(app, "run", look)
        importlib.import_module(module).main()
    return sorted(names)


def path_flags(module: str, monkeypatch) -> list[str]:
    """Returns the flags of a program that are paths."""
    return [
        name
        for name in taken(module, monkeypatch)
        if isinstance(flags.FLAGS[name].parser, type(command_line.PATH))
    ]


WRONG = {
    "gs://bucket/x": "file system",
    "exp[1]": "pattern",
    "n" * 300: "200 bytes",
    "": "must name a file or folder",
    "two\nlines": "control characters",
}


@pytest.mark.parametrize("module", PROGRAMS)
def test_a_wrong_path_is_refused_before_any_work(
    module, call, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    names = path_flags(module, monkeypatch)
    assert FOLDERS.get(module, "run_dir") in names
    for name in names:
        for wrong, message in WRONG.items():
            code, output, errors = call(module, f"--{name}={wrong}")
            assert (code, output) == (1, "")
            assert message in errors and name in errors
            assert "Traceback" not in errors
        parser = flags.FLAGS[name].parser
        assert parser.parse("~/x") == str(tmp_path / "home" / "x")
    assert not list(tmp_path.iterdir())


# What each would not look at, though others do.
NOT_TAKEN = {
    "trainers.evaluate": ("expert_dir",),
    "trainers.figures.__main__": ("override", "preset", "seed"),
    "trainers.quickstart": ("expert_dir", "preset", "row"),
    "trainers.rank": ("budget_bytes", "preset", "row"),
    "trainers.report.__main__": ("override", "preset", "seed"),
    "trainers.results.__main__": ("override", "preset", "row", "seed"),
    "trainers.sweep.__main__": ("run_dir",),
    "trainers.train_experts": ("run_dir",),
}


@pytest.mark.parametrize("module", NOT_TAKEN)
def test_what_a_program_would_not_look_at_is_unknown_to_it(module, monkeypatch):
    names = taken(module, monkeypatch)
    assert not set(NOT_TAKEN[module]).intersection(names)


def test_flags_that_name_places_are_paths():
    """Whatever their help calls a folder, a file or a pack is checked."""
    for module in PROGRAMS:
        importlib.import_module(module)
    root = pathlib.Path(command_line.__file__).parents[1]
    # Not what a virtual environment below the root holds.
    ours = tuple(f"{root / room}{os.sep}" for room in ("export", "trainers"))
    for module, defined in flags.FLAGS.flags_by_module_dict().items():
        file = getattr(sys.modules.get(module), "__file__", None) or ""
        for flag in defined if file.startswith(ours) else []:
            places = ("_dir", "pack", "table", "exported", "_from", "back")
            if flag.name.endswith(places):
                assert isinstance(flag.parser, type(command_line.PATH))
