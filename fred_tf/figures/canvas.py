"""Figures as pixels: drawn by Agg, without pyplot and without a display."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import IO, Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from fred_tf.disk import files, replaceable

# More classes than this make a picture nobody reads.
MAX_CLASSES = 20
# Points, of all text: figures of several kinds stand on one page.
FONT_SIZE = 9
# What is black on white otherwise; there is no ground but that of the page.
_LIGHT = "#e4e4e4"
_ON_DARK: dict[Any, Any] = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    **dict.fromkeys(
        (
            "text.color",
            "axes.edgecolor",
            "axes.labelcolor",
            "xtick.color",
            "ytick.color",
            "grid.color",
        ),
        _LIGHT,
    ),
}
# How a PNG begins, and its bytes, at most.
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_PNG = 64 << 20
# What the files say of who made them; neither a version nor a date.
_MAKER = "fred_tf"
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": _MAKER},
    "svg": {"Creator": _MAKER, "Date": None},
}
# What of that stands near their beginning.
_MARKS = {
    "png": f"Software\0{_MAKER}",
    "svg": f"<dc:title>{_MAKER}</dc:title>",
}


def left_out(classes: int) -> str:
    """Returns a note of how many classes are not drawn; empty if all are."""
    more = classes - MAX_CLASSES
    return f"{more} more classes are not shown" if more > 0 else ""


@contextlib.contextmanager
def on_dark() -> Iterator[None]:
    """Within it, figures are drawn and written for a dark page."""
    with matplotlib.rc_context(_ON_DARK):
        yield


def to_array(figure: Figure, dpi: float = 100) -> np.ndarray:
    """Returns the drawn figure as uint8 `[height, width, 3]`.

    Args:
        figure: any figure; its own resolution is left as it was.
        dpi: pixels per inch.
    """
    before = figure.dpi
    canvas = FigureCanvasAgg(figure)
    try:
        figure.set_dpi(dpi)
        canvas.draw()
        return np.array(canvas.buffer_rgba())[..., :3]
    finally:
        figure.set_dpi(before)


def write(
    figure: Figure,
    file: IO[bytes],
    kind: str,
    dpi: float = 200,
    about: str = "",
) -> None:
    """Writes a figure into an open file; equal figures give equal bytes.

    Args:
        figure: any figure.
        file: what is written to.
        kind: `"png"` or `"svg"`; neither names a version or a date.
        dpi: pixels per inch.
        about: what the file says of itself, in a line.
    """
    FigureCanvasAgg(figure)
    said = {**_METADATA[kind], **({"Description": about} if about else {})}
    # The salt makes the names inside an SVG the same every time.
    with matplotlib.rc_context({"svg.hashsalt": "fred_tf"}):
        figure.savefig(file, format=kind, dpi=dpi, metadata=said)


def save(
    figure: Figure, path: files.Path, dpi: float = 200, about: str = ""
) -> pathlib.Path:
    """Writes a PNG or an SVG, all of it or nothing, and returns its path.

    Args:
        figure, dpi, about: see `write`.
        path: of the file.

    Raises:
        ValueError: `path` ends neither in `.png` nor in `.svg`.
    """
    path = pathlib.Path(path)
    kind = _kind(path)
    with files.replacing_file(path) as temporary:
        with open(temporary, "wb") as file:
            write(figure, file, kind, dpi, about)
    return path


def about(path: pathlib.Path) -> str:
    """Returns what a PNG says of itself, see `write`; empty if nothing."""
    with contextlib.suppress(OSError, ValueError), files.opened(path) as file:
        with Image.open(file, formats=["PNG"]) as image:
            return str(image.info.get("Description", ""))
    return ""


def read_png(path: pathlib.Path) -> bytes:
    """Returns the bytes of a picture, whoever wrote it.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is a link, no PNG, or too large.
    """
    stored = files.read_bytes(path, _MOST_PNG)
    if not stored.startswith(_PNG):
        raise ValueError(
            f"{path} must be a picture in PNG. Received: a file that does not "
            "begin as one. Delete it, or draw it again."
        )
    return stored


def _kind(path: pathlib.Path) -> str:
    kind = path.suffix.lower().lstrip(".")
    if kind not in _METADATA:
        raise ValueError(
            f"Figures are written as PNG or SVG. Received: {path}. Let the "
            "name end in `.png` or `.svg`."
        )
    return kind


def check_replaceable(path: files.Path) -> None:
    """Refuses what `save` would: other suffixes, and files of others.

    Raises:
        ValueError: see `save`.
        FileExistsError: see `replaceable.check_file`.
    """
    path = pathlib.Path(path)
    replaceable.check_file(path, _MARKS[_kind(path)].encode())
