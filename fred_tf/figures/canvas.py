"""Figures as pixels: drawn by Agg, without pyplot and without a display."""

import pathlib

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fred_tf import files

# More classes than this make a picture nobody reads.
MAX_CLASSES = 20
_ANONYMOUS = {
    "png": {"Software": None},
    "svg": {"Creator": None, "Date": None},
}


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


def save(figure: Figure, path: files.Path, dpi: float = 200) -> pathlib.Path:
    """Writes a PNG or an SVG, all of it or nothing, and returns its path.

    Equal figures give equal files: they name no software and no date.

    Raises:
        ValueError: `path` ends neither in `.png` nor in `.svg`.
    """
    path = pathlib.Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in _ANONYMOUS:
        raise ValueError(
            f"Figures are written as PNG or SVG. Received: {path}. Let the "
            "name end in `.png` or `.svg`."
        )
    with files.replacing_file(path) as temporary:
        FigureCanvasAgg(figure)
        # The salt makes the names inside an SVG the same every time.
        with matplotlib.rc_context({"svg.hashsalt": "fred_tf"}):
            figure.savefig(
                temporary, format=kind, dpi=dpi, metadata=_ANONYMOUS[kind]
            )
    return path
