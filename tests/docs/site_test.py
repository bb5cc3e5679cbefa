"""The site has every page once, and links that lead there.

`make docs` builds it, by programs that these tests do without.
"""

import importlib.util
import re

import pytest

import fred_tf
from tests.docs.pages import PAGES, ROOT, name

SETTINGS = (ROOT / "mkdocs.yml").read_text()
_NAMED = re.findall(r"[\w/-]+\.md", SETTINGS.partition("\nnav:\n")[2])


@pytest.fixture(scope="module")
def site():
    path = ROOT / "docs" / "site_pages.py"
    spec = importlib.util.spec_from_file_location("site_pages", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_in_the_menu_once(site):
    places = sorted(site.place(name(page)) for page in PAGES)
    made = [page for page in _NAMED if re.match("api/|examples/", page)]
    assert sorted(_NAMED) == sorted([*places, *made])
    assert {ROOT / page for page in site.PAGES} <= set(PAGES)
    assert re.findall(r"hooks: \[(.*)\]", SETTINGS) == ["docs/site_pages.py"]


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("README.md", "docs/words.md#ipc", "words.md#ipc"),
        ("README.md", "docs/gallery.png", "gallery.png"),
        ("README.md", "RESULTS.md", "RESULTS.md"),
        ("docs/running.md", "../RESULTS.md", "RESULTS.md"),
        ("docs/running.md", "../README.md", "index.md"),
        ("docs/running.md", "exports.md#forms", "exports.md#forms"),
        ("docs/exports.md", "../examples/a.py", "examples/a.py"),
        ("README.md", "examples/a.ipynb", "examples/a.md"),
        ("examples/a.ipynb", "../docs/words.md", "../words.md"),
        ("README.md", "#own-run", "#own-run"),
        ("README.md", "https://a.b/docs/c.md", "https://a.b/docs/c.md"),
    ],
)
def test_links_of_the_code_host_lead_to_the_site(site, page, link, expected):
    text = "See [this]({}), `[that]({})` and\n```\n[those]({})\n```\n"
    assert site.moved(text.format(link, "a.md", "b.md"), page) == text.format(
        expected, "a.md", "b.md"
    )


def test_what_pages_link_to_is_there(site):
    """Pictures, code and licences come along."""
    linked = [
        target
        for page in PAGES
        for target in site.linked(page.read_text(), name(page))
    ]
    assert {"LICENSE", "examples/decode_coded.py", "docs/masks.png"} <= {
        *linked
    }
    for target in linked:
        assert (ROOT / target).is_file(), target


def test_a_notebook_is_a_page(site):
    page = site.notebook("examples/first_steps.ipynb")
    assert page.startswith("# First steps\n")
    assert "](../words.md)" in page and "docs/" not in page
    assert page.count("```python\n") >= 7 and page.count("```") % 2 == 0


def test_the_front_door_tells_every_name(site):
    families = [n for n in fred_tf.__all__ if n.isupper()]
    page = site.front_door()
    for told in set(fred_tf.__all__) - set(families):
        assert f"::: fred_tf.{told}\n" in f"{page}\n"
    # The others are families, whose members have pages.
    for table in families:
        assert f"api/{table.lower()}.md" in _NAMED


def test_a_family_tells_every_file(site):
    for page in _NAMED:
        folder = page.removeprefix("api/").removesuffix(".md")
        if page.startswith("api/") and folder != "fred_tf":
            files = {f.stem for f in (ROOT / "fred_tf" / folder).glob("*.py")}
            told = re.findall(r"^::: ([\w.]+)$", site.family(folder), re.M)
            package = f"fred_tf.{folder}"
            assert told[0] == package and len(files) > 1
            assert set(told[1:]) == {
                f"{package}.{name}" for name in files - {"__init__"}
            }
