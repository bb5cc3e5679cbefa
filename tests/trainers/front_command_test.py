"""`fred` calls every program, which then says how it was called."""

import pathlib
import subprocess
import sys

import pytest

from export import command_line
from tests.trainers.conftest import ROOT
from tests.trainers.ending_test import FOLDERS
from trainers import __main__ as front
from trainers import distill


@pytest.fixture
def fred(monkeypatch, capsys):
    """Calls `fred` in this process, up to the program that it calls."""

    def fred(*words, script="/usr/bin/fred"):
        monkeypatch.setattr(sys, "argv", [script, *words])
        return (front.main() or 0, *capsys.readouterr())

    return fred


@pytest.mark.parametrize("words", [(), ("--help",), ("help",)])
def test_alone_it_lists_the_programs(words, fred):
    code, output, errors = fred(*words)
    assert (code, errors) == (0, "")
    assert output.startswith("Usage: fred PROGRAM [flags]\n")
    first = distill.__doc__.splitlines()[0]
    assert f"  distil          {first}\n" in output
    for name in front.PROGRAMS:
        assert f"\n  {name} " in output and len(front.summary(name)) > 20
    said = fred(script="/x/trainers/__main__.py")[1]
    assert said.startswith("Usage: python -m trainers PROGRAM")


def test_a_list_takes_no_time():
    """TensorFlow, Keras and NumPy are not loaded for it."""
    code = (
        "import sys, trainers.__main__ as front; sys.argv = ['fred']\n"
        "front.main(); print([m for m in ('tensorflow', 'keras', 'numpy', "
        "'absl') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.endswith("\n[]\n"), done.stderr


def test_a_shell_learns_that_help_is_no_failure():
    script = pathlib.Path(sys.executable).with_name("fred")
    commands = [[sys.executable, "-m", "trainers"]]
    commands += [[script]] if script.exists() else []  # Not of a checkout.
    for command in commands:
        for word, code in (("--help", 0), ("no-program", 1)):
            done = subprocess.run(
                [*command, word], cwd=ROOT, capture_output=True
            )
            assert done.returncode == code, done.stderr


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("evalute", "Did you mean `fred evaluate`?"),
        ("distilll", "Did you mean `fred distill`?"),
        ("--preset=x", "Received: '--preset=x'."),
    ],
)
def test_an_unknown_word_gets_a_suggestion(word, meant, fred):
    code, output, errors = fred(word)
    assert (code, output) == (1, "") and errors.rstrip().endswith(meant)
    assert "select-coreset" in errors


@pytest.fixture
def helps(call, monkeypatch):
    """Returns what `--help` prints of a program, however it is called."""

    def helps(module, *argv):
        monkeypatch.setattr(
            command_line.sys.modules["__main__"], "__doc__", None
        )
        code, output, errors = call(module, *argv)
        assert (code, errors) == (0, "")
        return output

    return helps


@pytest.mark.parametrize("word", front.PROGRAMS)
def test_help_is_as_full_as_the_modules(word, helps):
    module = front.PROGRAMS[word]
    own = helps(module, "--help")
    assert own.startswith(sys.modules[module].__doc__)
    assert f"--{FOLDERS.get(module, 'run_dir')}:" in own
    through = helps("trainers.__main__", word, "--help")
    called = {"trainers.__main__": "python -m trainers " + word}
    assert through.replace(called["trainers.__main__"], module) == own


def test_words_may_be_written_otherwise(helps):
    for word in ("distill", "distil"):
        output = helps("trainers.__main__", word, "--help")
        assert output.startswith(distill.__doc__)
    output = helps("trainers.__main__", "train_experts", "--help")
    assert "--list_experts" in output


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        ("/x/trainers/distill.py", "python -m trainers.evaluate"),
        ("/x/my fred runs/trainers/distill.py", "python -m trainers.evaluate"),
        ("/usr/bin/fred-distill", "fred-evaluate"),
        ("fred distil", "fred evaluate"),
        ("python -m trainers distil", "python -m trainers evaluate"),
    ],
)
def test_the_next_command_is_called_as_this_one(called, expected, monkeypatch):
    monkeypatch.setattr(sys, "argv", [called])
    assert command_line.command("trainers.evaluate") == expected
    experts = command_line.command("trainers.train_experts")
    assert experts.endswith(("train-experts", "train_experts"))


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        ("fred distill", "fred distill"),
        ("fred distil", "fred distil"),
        ("fred evaluate", "fred distil"),
        ("python -m trainers quickstart", "python -m trainers distil"),
        ("/usr/bin/fred-quickstart", "fred-distill"),
    ],
)
def test_a_program_keeps_the_word_that_was_typed(called, expected, monkeypatch):
    """And has its main name where another one was."""
    monkeypatch.setattr(sys, "argv", [called])
    assert command_line.command("trainers.distill") == expected
    monkeypatch.setattr(sys, "argv", ["fred train_experts"])
    experts = command_line.command("trainers.train_experts")
    assert experts == "fred train_experts"


def test_a_run_says_what_is_next_as_it_was_called(call, tmp_path, monkeypatch):
    flags = [
        "--preset=digits_ipc1_dm_tiny",
        f"--run_dir={tmp_path / 'two words'}",
        "--override=network.name=mlp",
        "--override=augmentation=none",
        "--override=outer_steps=1",
    ]
    code, output, errors = call("trainers.__main__", "distil", *flags)
    assert code == 0, errors
    said = "Next: python -m trainers evaluate --run_dir='"
    assert said in output and output.endswith("/two words'\n")
