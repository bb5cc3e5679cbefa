"""What is installed: a command for each program, and the mark of types."""

import configparser
import importlib
import inspect

import pytest

from tests.docs.pages import ROOT
from trainers.__main__ import PROGRAMS as FREDS

METADATA = configparser.ConfigParser()
METADATA.read(ROOT / "setup.cfg")
SCRIPTS = dict(
    line.split(" = ")
    for line in METADATA["options.entry_points"]["console_scripts"].split("\n")
    if line
)
# The command in front of them all.
FRONT = SCRIPTS.pop("fred")


@pytest.mark.parametrize("entry", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_command_runs_the_main_of_a_program(entry):
    module, _, name = entry.partition(":")
    main = getattr(importlib.import_module(module), name)
    assert inspect.isfunction(main)
    assert not inspect.signature(main).parameters


def test_every_program_has_a_command():
    """`python -m trainers.x` or `python -m export` is `fred-x`."""
    programs = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for room in ("trainers", "export")
        for path in (ROOT / room).rglob("*.py")
        if "__name__ == " in path.read_text() and path.name != "run.py"
    }
    programs.remove(FRONT.partition(":")[0])
    assert {entry.partition(":")[0] for entry in SCRIPTS.values()} == programs
    for script, entry in SCRIPTS.items():
        module = entry.partition(":")[0].removesuffix(".__main__")
        assert script == "fred-" + module.split(".")[-1].replace("_", "-")


def test_the_front_command_names_every_program():
    assert FRONT == "trainers.__main__:main"
    called = {
        script.removeprefix("fred-"): entry.partition(":")[0]
        for script, entry in SCRIPTS.items()
    }
    named = {"distill" if k == "distil" else k: v for k, v in FREDS.items()}
    assert named == called


def test_the_package_is_marked_as_typed():
    named = METADATA["options.package_data"]["fred_tf"].split()
    assert all(any((ROOT / "fred_tf").glob(name)) for name in named)
    assert "py.typed" in named
