"""A gallery of a synthetic set: one row of images per class."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fred_tf.figures.canvas import MAX_CLASSES
from fred_tf.synthetic_set import SyntheticSet

# At the 200 dots per inch of `save` every pixel of an image gets a dot.
_MIN_INCHES, _PIXELS_PER_INCH = 0.6, 150
_GAP = 0.06  # of an image's side
_MARGIN = 0.06  # inches
_FONT_SIZE = 9
_DEVIATIONS = 2.5


def gallery(synthetic_set: SyntheticSet, per_class: int = 10) -> Figure:
    """Draws the first images of each class, a row per class.

    Normalisation is undone. Distilled pixels leave [0, 1]: an image that does
    is drawn with less contrast, so that its values within 2.5 deviations of
    its mean show, and the rest is clipped. Volumes are seen from the front:
    their maximum over the leading spatial axes. Of more than 20 classes the
    first 20 are drawn, and a note says so.

    Args:
        synthetic_set: images with one channel (drawn grey) or three (RGB).
        per_class: images per row at most.

    Raises:
        ValueError: `per_class` is not positive, the set is empty, or its
            images have neither one nor three channels.
    """
    images = synthetic_set.images
    if per_class < 1:
        raise ValueError(
            f"`per_class` must be at least 1. Received: {per_class}."
        )
    if not len(images) or images.ndim < 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            "A gallery shows images [n, height, width, channels], n at least "
            f"1, with one channel or three. Received: {images.shape}. Select "
            "channels first."
        )
    names = synthetic_set.class_names[:MAX_CLASSES]
    rows = [
        np.flatnonzero(synthetic_set.labels == label)[:per_class]
        for label in range(len(names))
    ]
    step = 1 + _GAP  # from one image to the next, in sides of an image
    across = max(1, *map(len, rows)) * step - _GAP
    down = len(rows) * step - _GAP

    figure = Figure()
    axes = figure.add_axes((0, 0, 1, 1))
    for row, tiles in enumerate(_tiles(synthetic_set, rows)):
        for column, tile in enumerate(tiles):
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
        names,
        parse_math=False,
        fontsize=_FONT_SIZE,
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)

    height, width = images.shape[-3:-1]
    inches = max(_MIN_INCHES / min(height, width), 1 / _PIXELS_PER_INCH)
    dropped = synthetic_set.classes - len(names)
    _place(figure, across * width * inches, down * height * inches, dropped)
    return figure


def _place(figure: Figure, width: float, height: float, dropped: int) -> None:
    """Sizes `figure` for axes of `width` by `height` inches and its texts."""
    (axes,) = figure.axes
    renderer = FigureCanvasAgg(figure).get_renderer()
    names = axes.yaxis.get_tightbbox(renderer)
    # There is no box where every name is empty.
    left = (names.width / figure.dpi if names else 0) + 2 * _MARGIN
    top = (0.2 if dropped else 0) + _MARGIN
    total = np.array([left + width + _MARGIN, _MARGIN + height + top])
    if dropped:
        total[0] = max(total[0], 2)
        figure.text(
            _MARGIN / total[0],
            1 - _MARGIN / total[1],
            f"{dropped} more classes are not shown",
            fontsize=_FONT_SIZE,
            verticalalignment="top",
        )
    figure.set_size_inches(total)
    axes.set_position(
        (
            left / total[0],
            _MARGIN / total[1],
            width / total[0],
            height / total[1],
        )
    )


def _tiles(
    synthetic_set: SyntheticSet, rows: list[np.ndarray]
) -> list[np.ndarray]:
    """Returns each row's images in [0, 1], `[n, height, width(, 3)]`."""
    tiles = []
    for row in rows:
        pixels = synthetic_set.normalization.undo(synthetic_set.images[row])
        depth = tuple(range(1, pixels.ndim - 3))
        pixels = _fitted(pixels).max(axis=depth)
        tiles.append(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return tiles


def _fitted(pixels: np.ndarray) -> np.ndarray:
    """Maps each image's own range to [0, 1] and clips the rest."""
    axes = tuple(range(1, pixels.ndim))
    mean = pixels.mean(axes, keepdims=True)
    spread = _DEVIATIONS * pixels.std(axes, keepdims=True)
    lowest = np.maximum(pixels.min(axes, keepdims=True), mean - spread)
    highest = np.minimum(pixels.max(axes, keepdims=True), mean + spread)
    low, high = np.minimum(lowest, 0), np.maximum(highest, 1)
    return np.clip((pixels - low) / (high - low), 0, 1)
