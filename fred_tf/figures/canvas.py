"""Figures as pixels: drawn by Agg, without pyplot and without a display."""

import pathlib

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fred_tf import files

# More classes than this make a picture nobody reads.
MAX_CLASSES = 20


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
    """Writes a PNG, all of it or nothing, and returns its path.

    Equal figures give equal files: the PNG names no software and no date.

    Raises:
        ValueError: `path` does not end in `.png`.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(
            f"Figures are written as PNG. Received: {path}. Let the name end "
            "in `.png`."
        )
    with files.replacing_file(path) as temporary:
        FigureCanvasAgg(figure)
        figure.savefig(
            temporary, format="png", dpi=dpi, metadata={"Software": None}
        )
    return path
