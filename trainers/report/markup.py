"""HTML, as far as the page of a run needs it; every text is escaped."""

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.figure import Figure

from fred_tf.figures import canvas

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0;
       text-align: left; border-bottom: 1px solid #8884; }
.whole { white-space: nowrap; }
figure { margin: 1rem 0; } figcaption { color: #777; font-size: .9rem; }
img { max-width: 100%; background: white; border-radius: 4px; }
pre { overflow: auto; padding: .8rem; background: #8882; border-radius: 4px; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; }
.row figure { flex: 1 1 24rem; }
"""


def document(title: str, sections: Iterable[str]) -> str:
    """Returns a page that holds its style itself."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n<h1>{html.escape(title)}</h1>\n"
        f"{''.join(sections)}</body>\n</html>\n"
    )


def section(title: str, content: str) -> str:
    """Returns content under its heading; nothing where there is none."""
    return f"<h2>{html.escape(title)}</h2>\n{content}" if content else ""


def hint(text: str, command: str) -> str:
    """Returns a paragraph that names a command to run."""
    return f"<p>{html.escape(text)} <code>{html.escape(command)}</code></p>\n"


def note(text: str) -> str:
    """Returns a paragraph."""
    return f"<p>{html.escape(text)}</p>\n"


def code(text: str) -> str:
    """Returns lines as they stand."""
    return f"<pre>{html.escape(text)}</pre>\n"


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a table, without a header where all of it is empty."""

    def line(cells, tag):
        inner = ""
        for cell in cells:
            text = html.escape(str(cell)).replace("+-", "±")
            whole = ' class="whole"' if "±" in text else ""
            inner += f"<{tag}{whole}>{text}</{tag}>"
        return f"<tr>{inner}</tr>\n"

    head = line(header, "th") if any(header) else ""
    body = "".join(line(row, "td") for row in rows)
    return f"<table>\n{head}{body}</table>\n"


def beside(parts: Sequence[str]) -> str:
    """Returns figures beside each other, as many as there is room for."""
    return f'<div class="row">{"".join(parts)}</div>\n' if parts else ""


def drawing(drawn: Figure, caption: str) -> str:
    """Returns a figure of matplotlib as a part of the page."""
    buffer = io.BytesIO()
    canvas.write(drawn, buffer, "png", dpi=110)
    return figure(buffer.getvalue(), caption)


def figure(png: bytes, caption: str) -> str:
    """Returns a picture as a part of the page."""
    text, data = html.escape(caption), base64.b64encode(png).decode()
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>\n"
    )
