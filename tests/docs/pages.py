"""The pages that people read, taken apart for the tests beside this file."""

import pathlib
import re
import shlex

from trainers.__main__ import PROGRAMS as FREDS

ROOT = pathlib.Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [
    README,
    *(ROOT / name for name in ("RESULTS.md", "CHANGELOG.md")),
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMANDS = (
    "python ",
    "make ",
    "fred ",
    "trainers.",
    "examples.",
    "benchmarks.",
)


def name(page: pathlib.Path) -> str:
    """Returns what a page is called in a test's name."""
    return str(page.relative_to(ROOT))


def blocks(page: pathlib.Path, language: str) -> list[str]:
    """Returns the fenced blocks of a page that are in a language."""
    return [
        text
        for found, text in _FENCED.findall(page.read_text())
        if found == language
    ]


def inline(page: pathlib.Path) -> list[str]:
    """Returns what stands between single backticks, each in one line."""
    prose = _FENCED.sub("", page.read_text())
    return [" ".join(x.split()) for x in re.findall(r"`([^`]+)`", prose)]


def lines_with(page: pathlib.Path, *parts: str) -> list[str]:
    """Returns the lines of a page that hold every part."""
    return [
        line
        for line in page.read_text().splitlines()
        if all(part in line for part in parts)
    ]


def commands(page: pathlib.Path) -> list[list[str]]:
    """Returns the words of every command, in blocks and between backticks."""
    lines = inline(page)
    for block in blocks(page, "sh"):
        lines += re.sub(r"\\\n\s*", " ", block).splitlines()
    return [
        shlex.split(line, comments=True)
        for line in lines
        if line.startswith(_COMMANDS)
    ]


def program(words: list[str]) -> tuple[str, list[str]]:
    """Returns the module that a command runs, and its arguments.

    A file of a pack is known by the one that is copied there.
    """
    if words[0] == "python" and words[1:2] == ["-m"]:
        words = words[2:]
    elif words[0] == "fred":
        words = [FREDS[words[1]], *words[2:]]
    elif words[0] == "python":
        path = re.sub(r"^packs/(\w+/)?", "trainers/elsewhere/", words[1])
        words = [path.removesuffix(".py").replace("/", "."), *words[2:]]
    return words[0], words[1:]


def source(module: str) -> pathlib.Path | None:
    """Returns the file that `python -m module` runs, if there is one."""
    path = ROOT / module.replace(".", "/")
    for file in (path.with_suffix(".py"), path / "__main__.py"):
        if file.exists():
            return file
    return None
