"""Makes the site of what is read on the code host: a hook of MkDocs.

Pages outside docs/ join those in it, README.md as the front. So does every file
that a page links to, a notebook as a page; links are written for the code host,
and moved here. Pages of `api/` are made of docstrings, which are read and not
imported: one of the front door, and one for each folder of fred_tf/ that `nav`
names.
"""

import ast
import json
import pathlib
import posixpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = pathlib.Path(__file__).parents[1]
PAGES = ("README.md", "RESULTS.md", "CHANGELOG.md", "CONTRIBUTING.md")
_DOCS, _API = "docs/", "api/"
_FRONT_DOOR = "fred_tf"
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_CODE = re.compile(r"(^```.*?^```$|`[^`]+`)", re.DOTALL | re.MULTILINE)


def place(path: str) -> str:
    """Returns where a file of the project, by its path, is on the site."""
    if path == "README.md":
        return "index.md"
    return path.removeprefix(_DOCS).replace(".ipynb", ".md")


def linked(markdown: str, page: str) -> list[str]:
    """Returns the files of the project that a page links to.

    Args:
        markdown: its text.
        page: its path in the project.
    """
    prose = _CODE.sub("", markdown)
    return [
        _target(link, page)
        for _, link, *_ in _LINK.findall(prose)
        if "://" not in link
    ]


def moved(markdown: str, page: str) -> str:
    """Returns a page whose links lead to where their files are on the site."""
    here = posixpath.dirname(place(page))

    def move(match: re.Match) -> str:
        before, link, anchor, after = match.groups()
        if "://" not in link:
            link = posixpath.relpath(place(_target(link, page)), here or ".")
        return f"{before}{link}{anchor or ''}{after}"

    # What is between backticks is at odd places, and stays.
    return "".join(
        part if number % 2 else _LINK.sub(move, part)
        for number, part in enumerate(_CODE.split(markdown))
    )


def _target(link: str, page: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), link))


def notebook(path: str) -> str:
    """Returns a notebook of the project as a page, without outputs."""
    book = json.loads((ROOT / path).read_text(encoding="utf-8"))
    texts = {"markdown": "{}", "code": "```python\n{}\n```"}
    cells = [
        texts[cell["cell_type"]].format("".join(cell["source"]))
        for cell in book["cells"]
    ]
    return moved("\n\n".join(cells), path)


def front_door() -> str:
    """Returns the page of what `import fred_tf` gives, functions first."""
    package = ROOT / _FRONT_DOOR / "__init__.py"
    (places,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(package.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "_PLACES"
    )
    # Tables of families have pages of their own.
    names = [name for name in places if not name.isupper()]
    names.sort(key=lambda name: (name[0].isupper(), name))
    return _page(_FRONT_DOOR, names)


def family(name: str) -> str:
    """Returns the page of a folder of fred_tf/, a section for each file."""
    files = sorted((ROOT / _FRONT_DOOR / name).glob("[!_]*.py"))
    return _page(f"{_FRONT_DOOR}.{name}", [file.stem for file in files])


def _page(package: str, names: Sequence[str]) -> str:
    """Returns what a package says of itself, and what it has by these names."""
    head = f"::: {package}\n    options: {{members: false, heading_level: 1}}"
    return "\n\n".join([head, *(f"::: {package}.{name}" for name in names)])


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Adds pages, linked files, and pages of `nav` that docstrings make."""
    from mkdocs.structure.files import File

    pages = [
        *PAGES,
        *(f"{_DOCS}{f.src_uri}" for f in files.documentation_pages()),
    ]
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        for path in (page, *linked(text, page)):
            at = place(path)
            if files.get_file_from_path(at) is None:
                made: dict[str, str] = {"abs_src_path": str(ROOT / path)}
                if path.endswith(".ipynb"):
                    made = {"content": notebook(path)}
                files.append(File.generated(config, at, **made))
    for at in re.findall(rf"{_API}\w+\.md", str(config.nav)):
        name = pathlib.PurePath(at).stem
        text = front_door() if name == _FRONT_DOOR else family(name)
        files.append(File.generated(config, at, content=text))
    return files


def on_page_markdown(
    markdown: str, page: "Page", config: "MkDocsConfig", files: "Files"
) -> str:
    """Moves the links of a page that is a file; others were made with them."""
    if not page.file.abs_src_path:
        return markdown
    whole = pathlib.Path(page.file.abs_src_path)
    return moved(markdown, whole.relative_to(ROOT).as_posix())
