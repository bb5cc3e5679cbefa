"""Commands on the pages name programs, flags, settings and targets that are."""

import ast
import dataclasses
import functools
import pathlib
import re

import pytest

from fred_tf import config, presets
from fred_tf.objectives import OBJECTIVES
from tests.docs.pages import (
    PAGES,
    ROOT,
    commands,
    inline,
    name,
    program,
    source,
)
from trainers.results.rows import ROWS
from trainers.sweep.grid import cells

# A flag for a path, or for numbers, has its parser before its name.
_PARSER = r"(?:\s*(?:[\w.]*(?:PATH|FOLDER)|flags\.Numbers?\([^()]*\)),)?"
_DEFINED = re.compile(
    rf"flags\.DEFINE(?:_\w+)?\({_PARSER}\s*\"(\w+)\""
    r"|add_argument\(\s*\"--(\w+)\""
)
_MATCHING = ("trainers.distill", "trainers.sweep")
_PREFIX = re.compile(r"^(trainers|export)\b")
every_page = pytest.mark.parametrize("page", PAGES, ids=name)


def flags_in(file: pathlib.Path) -> set[str]:
    """Returns the flags that a file defines."""
    found = _DEFINED.findall(file.read_text())
    return {one or other for one, other in found}


@functools.cache
def flags_of(file: pathlib.Path) -> frozenset[str]:
    """Returns the flags of a program and of our modules that it imports."""
    found = flags_in(file)
    for node in ast.walk(ast.parse(file.read_text())):
        # Relative ones are of the runner, whose flags are in one file.
        named = isinstance(node, ast.ImportFrom) and node.module
        if named and _PREFIX.match(node.module):
            imported = [f"{node.module}.{alias.name}" for alias in node.names]
            for module in (node.module, *imported):
                path = ROOT / f"{module.replace('.', '/')}.py"
                if path.exists():
                    found |= flags_of(path)
    return frozenset(found)


@functools.cache
def settings() -> frozenset[str]:
    """Returns every name that an override may have, dotted and bare."""
    found = set()
    for field in dataclasses.fields(config.Config):
        if field.name in config.FAMILIES:
            members = config.FAMILIES[field.name].values()
            sections = [member.Settings for member in members]
            found.add(f"{field.name}.name")
        elif dataclasses.is_dataclass(field.type):
            sections = [field.type]
        else:
            sections = []
            found.add(field.name)
        for section in sections:
            for inner in dataclasses.fields(section):
                found |= {f"{field.name}.{inner.name}", inner.name}
    return frozenset(found)


def values(words: list[str], flag: str) -> list[str]:
    """Returns what a command gives for a flag, each time."""
    return [value for word, value in zip(words, words[1:]) if word == flag]


def overridden(words: list[str]) -> list[str]:
    """Returns the names that a command's overrides and points set."""
    pairs = values(words, "--override")
    for point in values(words, "--point"):
        pairs += re.sub(r"^[^=]*:", "", point).split(";")
    return [pair.partition("=")[0].strip() for pair in pairs]


@every_page
def test_programs_and_their_flags_are_there(page):
    for words in commands(page):
        if words[0] == "make":
            continue
        module, arguments = program(words)
        file = source(module)
        assert file, f"`{module}` in {page} is no program."
        for word in arguments:
            if word.startswith("--"):
                flag = word[2:].partition("=")[0]
                assert flag in flags_of(file) | {"help"}, (module, word)


@every_page
def test_flags_between_backticks_are_there(page):
    rooms = [ROOT / room for room in ("trainers", "export", "benchmarks")]
    files = [path for room in rooms for path in room.rglob("*.py")]
    known = {"help"}.union(*map(flags_in, files))
    for code in inline(page):
        if code.startswith("--"):
            for flag in re.findall(r"--(\w+)", code):
                assert flag in known, code


@every_page
def test_settings_are_there(page):
    for words in commands(page):
        for setting in overridden(words):
            assert setting in settings(), words
    for code in inline(page):
        for setting in re.findall(r"--override ([\w.]+)=", code):
            assert setting in settings() | {"name"}, code  # name=value


@every_page
def test_settings_between_backticks_are_there(page):
    """Those that name their section: `distiller.memory_average`."""
    if page.name == "CHANGELOG.md":
        return  # It names what is gone, too.
    sections = {name.partition(".")[0] for name in settings() if "." in name}
    for code in inline(page):
        named = re.fullmatch(r"((\w+)\.\w+)(=\S+)?", code)
        if named and named[2] in sections:
            assert named[1] in settings(), code


def grid(words: list[str]) -> list[config.Config]:
    """Returns what a command sets of its preset or row; none without one."""
    found = []
    for word in words:
        flag, _, called = word.partition("=")
        if flag == "--preset":
            start = presets.preset(called)
        elif flag == "--row" and called in ROWS:
            start = ROWS[called].config()
        else:
            continue
        taken = values(words, "--override"), values(words, "--point")
        found += [config.override(start, c.assignments) for c in cells(*taken)]
    return found


@every_page
def test_presets_and_rows_take_their_settings(page):
    for words in commands(page):
        grid(words)


@every_page
def test_what_matches_experts_names_their_store(page):
    for words in commands(page):
        if words[0] == "make" or program(words)[0] not in _MATCHING:
            continue
        names = {made.objective.name for made in grid(words)}
        if any(OBJECTIVES[name].needs_experts for name in names):
            assert any(w.startswith("--expert_dir=") for w in words), words


@every_page
def test_rows_are_there(page):
    for words in [*commands(page), *map(str.split, inline(page))]:
        for word in words:
            name = word.removeprefix("--row=")
            if name not in (word, "NAME"):
                assert name in ROWS, word


@every_page
def test_targets_of_make_are_there(page):
    makefile = (ROOT / "Makefile").read_text()
    for words in commands(page):
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), words


def test_commands_are_found():
    """The pages hold many; a test of none would pass."""
    found = [words for page in PAGES for words in commands(page)]
    named = [program(words) for words in found if words[0] != "make"]
    assert len(named) > 40
    assert ("export", ["--run_dir=runs/cifar10"]) in named
    assert any(words[0] == "fred" for words in found)
    assert any(module == "trainers.elsewhere.run" for module, _ in named)
    sweep, export = source("trainers.sweep"), source("export")
    assert {"data_dir", "override", "preset"} <= flags_of(sweep)
    assert "preset" not in flags_of(export)
