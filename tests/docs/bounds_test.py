"""The lowest versions that are tried are the lowest that are allowed."""

import configparser
import re

from fred_tf.parameterizations import Frequency
from tests.docs.pages import ROOT

# `make lint` runs with what is newest.
_LINT = {"ruff", "mypy", "pre-commit"}
# Of libraries that ours need, each with its reason in the file.
_OTHERS = {"tensorflow-metadata"}


def lower_bounds() -> dict[str, str]:
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg")
    lines = metadata["options"]["install_requires"].splitlines()
    lines += metadata["options.extras_require"]["test"].splitlines()
    return dict(
        re.match(r"([\w-]+) >= ([\d.]+)", line).groups()
        for line in lines
        if line and not line.startswith("#")
    )


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints" / "lowest.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line[0] != "#")


def test_constraints_are_the_lower_bounds():
    allowed = lower_bounds()
    tried = constraints()
    assert tried.keys() - allowed.keys() == _OTHERS
    assert allowed.keys() - tried.keys() == _LINT
    for name in allowed.keys() & tried.keys():
        # 2.18 allows 2.18.0.
        assert re.fullmatch(rf"{re.escape(allowed[name])}(\.0)*", tried[name])


def test_every_python_that_is_named_is_tried():
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg")
    named = re.findall(r":: (3\.\d+)", metadata["metadata"]["classifiers"])
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    (matrix,) = re.findall(r"python: \[(.*)\]", workflow)
    assert re.findall(r"[\d.]+", matrix) == named
    assert metadata["options"]["python_requires"] == f">={named[0]}"
    page = (ROOT / "docs" / "install.md").read_text()
    assert f"Python {', '.join(named[:-1])} or {named[-1]}." in page


def test_the_citation_is_of_this_version_and_paper():
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg")
    version = metadata["metadata"]["version"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {version}\n" in citation
    paper = Frequency.paper
    for told in (f"title: {paper.title}\n", f"value: arXiv:{paper.arxiv}\n"):
        assert told in citation
    names = re.findall(r"family-names: (.*)\n +given-names: (.*)", citation)
    assert " and ".join(map(", ".join, names)) == paper.authors
