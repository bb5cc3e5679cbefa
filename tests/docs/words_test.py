"""Links, pictures, code and lengths of the pages."""

import ast
import importlib
import pkgutil
import re

import pytest

from fred_tf import networks, objectives, parameterizations, transforms
from tests.docs.pages import PAGES, README, ROOT, blocks, inline, name

_OURS = {"fred_tf", "trainers", "export", "examples", "benchmarks"}
every_page = pytest.mark.parametrize("page", PAGES, ids=name)


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= 165


@every_page
def test_links_and_pictures_exist(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"https?://|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), target


@every_page
def test_files_between_backticks_exist(page):
    """By their path from the root, or from fred_tf/."""
    if page.name == "extending.md":
        return  # It names files that its reader is to write.
    for code in inline(page):
        if re.fullmatch(r"[\w/]+/[\w]+\.(py|md|txt|cfg)", code):
            places = (ROOT / code, ROOT / "fred_tf" / code)
            assert any(place.exists() for place in places), code


@every_page
def test_names_between_backticks_exist(page):
    for code in inline(page):
        if re.fullmatch(r"fred_tf(\.\w+)+", code):
            assert pkgutil.resolve_name(code) is not None


@every_page
def test_python_compiles_and_its_imports_are_there(page):
    if page.name == "extending.md":
        return  # Its code imports what it adds, and has a test of its own.
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), (node.module, alias)


@every_page
def test_what_python_takes_from_the_front_door_is_there(page):
    front_door = importlib.import_module("fred_tf")
    for block in blocks(page, "python"):
        for used in re.findall(r"\bfred_tf\.(\w+)\(", block):
            assert hasattr(front_door, used), used


def test_as_many_members_as_the_readme_says():
    numbers = "no one two three four five six seven eight nine ten".split()
    words = " ".join(README.read_text().split())
    for table, said in (
        (parameterizations.PARAMETERIZATIONS, "ways to store"),
        (objectives.OBJECTIVES, "objectives"),
        (transforms.TRANSFORMS, "transforms"),
        (networks.NETWORKS, "networks"),
    ):
        assert f"{numbers[len(table)]} {said}" in words


def test_every_member_is_named_where_settings_are():
    text = (ROOT / "docs" / "running.md").read_text()
    for table in (
        parameterizations.PARAMETERIZATIONS,
        objectives.OBJECTIVES,
        transforms.TRANSFORMS,
        networks.NETWORKS,
    ):
        for member in table:
            assert f"`{member}`" in text


def test_the_readme_cites_as_exports_do():
    (block,) = blocks(README, "bibtex")
    assert block == parameterizations.Frequency.paper.bibtex() + "\n"
