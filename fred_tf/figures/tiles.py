"""Images in rows and columns, each pixel a square of the picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fred_tf.figures.canvas import FONT_SIZE
from fred_tf.normalizations import Normalization

# At the 200 dots per inch of `save` every pixel of an image gets a dot.
_MIN_INCHES, _PIXELS_PER_INCH = 0.6, 150
_GAP = 0.06  # of an image's side
_MARGIN = 0.06  # inches
_DEVIATIONS = 2.5


# What a volume `[n, depth, height, width, channels]` is seen from, by the axis
# that is looked along.
SIDES = {1: "front", 2: "top", 3: "side"}


def clearest(images: np.ndarray) -> int:
    """Returns the axis along which volumes look least alike; 1 for images.

    Args:
        images: `[n, ..., channels]`.
    """
    if images.ndim != 5:
        return 1
    differ = {axis: images.max(axis).std(0).mean() for axis in SIDES}
    return max(differ, key=lambda axis: differ[axis])


def seen_size(image_shape: Sequence[int], along: int = 1) -> tuple[int, int]:
    """Returns height and width of an image, or of a volume seen from a side.

    Args:
        image_shape: `[height, width, channels]`, or with a depth before.
        along: the axis of a batch that is looked along.
    """
    sizes = list(image_shape[:-1])
    if len(sizes) == 3:
        del sizes[along - 1]
    height, width = sizes
    return height, width


def displayable(
    images: np.ndarray, normalization: Normalization, along: int = 1
) -> np.ndarray:
    """Returns normalised images as a screen shows them.

    Normalisation is undone. Distilled pixels leave [0, 1]: an image that does
    is drawn with less contrast, so that its values within 2.5 deviations of
    its mean show, and the rest is clipped. Volumes are seen from a side: their
    maximum along an axis.

    Args:
        images: `[n, height, width, channels]`, one channel or three, or with a
            depth before the height.
        normalization: what they were normalised with.
        along: which axis of volumes, a key of `SIDES`.

    Returns:
        In [0, 1], `[n, height, width]`, or `[n, height, width, 3]`.
    """
    pixels = contrasted(normalization.undo(images))
    if pixels.ndim == 5:
        pixels = pixels.max(axis=along)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def contrasted(pixels: np.ndarray) -> np.ndarray:
    """Maps each image's own range to [0, 1] and clips the rest.

    Args:
        pixels: `[n, ..., channels]`, in [0, 1] but for what goes beyond.
    """
    axes = tuple(range(1, pixels.ndim))
    mean = pixels.mean(axes, keepdims=True)
    spread = _DEVIATIONS * pixels.std(axes, keepdims=True)
    lowest = np.maximum(pixels.min(axes, keepdims=True), mean - spread)
    highest = np.minimum(pixels.max(axes, keepdims=True), mean + spread)
    low, high = np.minimum(lowest, 0), np.maximum(highest, 1)
    return np.clip((pixels - low) / (high - low), 0, 1)


def tiles(
    rows: Sequence[Sequence[np.ndarray] | np.ndarray],
    row_names: Sequence[str],
    size: tuple[int, int],
    column_names: Sequence[str] = (),
    note: str = "",
    column_label: str = "",
) -> Figure:
    """Draws rows of images with a name beside each.

    Args:
        rows: per row its images, in [0, 1]: `[height, width]` in grey or
            `[height, width, 3]`; rows may differ in length, or be empty.
        row_names: one per row.
        size: height and width of an image.
        column_names: above the columns; none if empty.
        note: a line above all; none if empty.
        column_label: what the names of the columns mean, above them.
    """
    step = 1 + _GAP  # from one image to the next, in sides of an image
    across = max(1, *map(len, rows)) * step - _GAP
    down = len(rows) * step - _GAP
    figure = Figure()
    axes = figure.add_axes((0, 0, 1, 1))
    for row, images in enumerate(rows):
        for column, tile in enumerate(images):
            left, top = column * step, row * step
            axes.imshow(
                tile,
                cmap="gray",
                vmin=0,
                vmax=1,
                interpolation="nearest",
                aspect="auto",
                extent=(left, left + 1, top + 1, top),
            )
    axes.set(xlim=(0, across), ylim=(down, 0), xticks=[])
    axes.set_yticks(
        np.arange(len(rows)) * step + 0.5,
        row_names,
        parse_math=False,
        fontsize=FONT_SIZE,
    )
    if column_names:
        axes.xaxis.tick_top()
        axes.set_xticks(
            np.arange(len(column_names)) * step + 0.5,
            column_names,
            parse_math=False,
            fontsize=FONT_SIZE,
        )
        axes.xaxis.set_label_position("top")
        axes.set_xlabel(column_label, fontsize=FONT_SIZE)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    height, width = size
    inches = max(_MIN_INCHES / min(height, width), 1 / _PIXELS_PER_INCH)
    _place(figure, across * width * inches, down * height * inches, note)
    return figure


def _place(figure: Figure, width: float, height: float, note: str) -> None:
    """Sizes `figure` for axes of `width` by `height` inches and its texts."""
    (axes,) = figure.axes
    # Columns overlap or not depending on the size of the axes.
    figure.set_size_inches(width, height)
    renderer = FigureCanvasAgg(figure).get_renderer()
    beside, above = (
        axis.get_tightbbox(renderer) for axis in (axes.yaxis, axes.xaxis)
    )
    # There is no box where every name is empty.
    left = (beside.width / figure.dpi if beside else 0) + 2 * _MARGIN
    names = (above.height / figure.dpi + _MARGIN) if above else 0
    top = (0.2 if note else 0) + names + _MARGIN
    total = np.array([left + width + _MARGIN, _MARGIN + height + top])
    if note:
        total[0] = max(total[0], 2)
        figure.text(
            _MARGIN / total[0],
            1 - _MARGIN / total[1],
            note,
            fontsize=FONT_SIZE,
            verticalalignment="top",
        )
    figure.set_size_inches(*total)
    axes.set_position(
        (
            left / total[0],
            _MARGIN / total[1],
            width / total[0],
            height / total[1],
        )
    )
