"""HTML, as far as pages need it; every text is escaped."""

import base64
import html
import io
import re
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from matplotlib.figure import Figure

from fred_tf.figures import canvas

# By which a page is known that may be replaced.
MARK = '<meta name="generator" content="fred_tf">'
# Dots of a picture for each of CSS's 96 pixels per inch: phones have so many.
_SHARPNESS, _PIXELS_PER_INCH = 2, 96
# Bytes of the signature and the header of a PNG.
_HEADER = 33
_DARK = "(prefers-color-scheme: dark)"

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1b;
        --quiet: #595959; --line: #dcdcdc; --shade: #f3f3f3; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #161616; --ink: #e4e4e4; --quiet: #a6a6a6;
          --line: #3a3a3a; --shade: #232323; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem;
       margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word;
       background: var(--paper); color: var(--ink); }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.25rem; margin-top: 2.5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
a { color: inherit; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; }
td, th { padding: .25rem 1rem .25rem 0; text-align: left;
         vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
.whole { white-space: nowrap; }
.numbers { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem;
           margin: 1rem 0; padding: 0; list-style: none; }
.numbers b { display: block; font-size: 1.75rem; line-height: 1.2; }
.quiet, figcaption { color: var(--quiet); font-size: .9rem; }
.row { display: flex; flex-wrap: wrap; gap: 0 2.5rem; }
figure { margin: 1rem 0; max-width: 100%; }
figcaption { width: 0; min-width: min(100%, 20rem); }
.row figcaption { min-width: max(100%, 12rem); }
img { display: block; max-width: 100%; height: auto; }
.paper { background: #fff; border-radius: 4px; padding: 4px;
         box-sizing: border-box; }
@media (prefers-color-scheme: dark) { .paper { filter: brightness(.85); } }
pre { overflow-x: auto; padding: .8rem; font-size: .85rem; }
pre, code { background: var(--shade); border-radius: 4px; }
code { overflow-wrap: anywhere; padding: 0 .2rem; font-size: .9em; }
summary { cursor: pointer; }
@media (max-width: 40rem) { td, th { padding-right: .6rem; } }
"""


class Html(str):
    """Text that is HTML already."""


def escaped(text: Any) -> str:
    """Returns a text, or anything that has one, as HTML."""
    return text if isinstance(text, Html) else html.escape(str(text))


def document(title: str, sections: Iterable[str]) -> str:
    """Returns a page that holds its style itself."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{MARK}\n<title>{html.escape(title)}</title>\n"
        f"<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n<h1>{html.escape(title)}</h1>\n"
        f"{''.join(sections)}</body>\n</html>\n"
    )


def section(title: str, content: str, name: str = "") -> str:
    """Returns content under its heading; nothing where there is none.

    Args:
        title: the heading.
        content: HTML.
        name: what links to it name, if any do.
    """
    anchor = f' id="{html.escape(name)}"' if name else ""
    heading = f"<h2{anchor}>{html.escape(title)}</h2>\n"
    return f"{heading}{content}" if content else ""


def folded(title: str, content: str) -> str:
    """Returns content that opens at a click."""
    return (
        f"<details>\n<summary>{html.escape(title)}</summary>\n{content}"
        "</details>\n"
    )


def link(text: str, name: str) -> Html:
    """Returns a text that leads to a section of the page."""
    return Html(f'<a href="#{html.escape(name)}">{html.escape(text)}</a>')


def command(line: str, before: str = "") -> Html:
    """Returns a command to run, and what is said before it."""
    said = f"{html.escape(before)} " if before else ""
    return Html(f"{said}<code>{html.escape(line)}</code>")


def paragraph(text: str) -> str:
    """Returns a paragraph; what stands between backticks is code."""
    marked = re.sub("`([^`]+)`", r"<code>\1</code>", escaped(text))
    return f"<p>{marked}</p>\n"


def code(text: str) -> str:
    """Returns lines as they stand."""
    return f"<pre>{html.escape(text)}</pre>\n"


def numbers(named: Iterable[tuple[str, str]]) -> str:
    """Returns figures to be seen first: each large, above what it is."""
    items = "".join(
        f"<li><b>{escaped(number)}</b> {escaped(name)}</li>\n"
        for number, name in named
    )
    return f'<ul class="numbers">\n{items}</ul>\n'


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a table, without a header where all of it is empty.

    One that is wider than the page scrolls for itself.
    """

    def line(cells, tag):
        inner = ""
        for cell in cells:
            text = escaped(cell).replace("+-", "±")
            whole = ' class="whole"' if "±" in text else ""
            inner += f"<{tag}{whole}>{text}</{tag}>"
        return f"<tr>{inner}</tr>\n"

    head = line(header, "th") if any(header) else ""
    body = "".join(line(row, "td") for row in rows)
    return f'<div class="wide"><table>\n{head}{body}</table></div>\n'


def beside(parts: Iterable[str]) -> str:
    """Returns figures beside each other, as many as there is room for."""
    inner = "".join(parts)
    return f'<div class="row">{inner}</div>\n' if inner else ""


def drawing(draw: Callable[[], Figure], caption: str) -> str:
    """Returns a figure in the size that it is drawn in, or less.

    Letters of all figures are therefore of one size. It is drawn twice, for
    readers of light and of dark pages.

    Args:
        draw: draws it.
        caption: what is said under it.
    """
    light = draw()
    with canvas.on_dark():
        dark = _source(_png(draw()))
    width = round(_PIXELS_PER_INCH * light.get_size_inches()[0])
    return _figure(
        f'<picture><source media="{_DARK}" srcset="{dark}">'
        f'<img width="{width}" alt="{html.escape(caption)}" '
        f'src="{_source(_png(light))}"></picture>',
        caption,
    )


def picture(png: bytes, caption: str) -> str:
    """Returns a picture that was drawn on white elsewhere.

    It has the size that it was drawn in, or less.
    """
    width = f'width="{size}" ' if (size := _css_width(png)) else ""
    return _figure(
        f'<img class="paper" {width}alt="{html.escape(caption)}" '
        f'src="{_source(png)}">',
        caption,
    )


def _figure(inner: str, caption: str) -> str:
    said = f"<figcaption>{html.escape(caption)}</figcaption>"
    return f"<figure>{inner}{said}</figure>\n"


def _css_width(png: bytes) -> int:
    """Returns how wide a PNG says that it is on paper; 0 if it does not."""
    place = png.find(b"pHYs", _HEADER) + 4
    if place < _HEADER or len(png) < place + 4:
        return 0
    # Of the header; and dots per metre.
    (dots,) = struct.unpack_from(">I", png, 16)
    (density,) = struct.unpack_from(">I", png, place)
    return round(_PIXELS_PER_INCH * dots / (density * 0.0254)) if density else 0


def _png(drawn: Figure) -> bytes:
    file = io.BytesIO()
    canvas.write(drawn, file, "png", dpi=_SHARPNESS * _PIXELS_PER_INCH)
    return file.getvalue()


def _source(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
