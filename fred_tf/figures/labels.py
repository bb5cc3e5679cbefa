"""Soft labels: what the images of each class say of all classes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from fred_tf.figures.canvas import FONT_SIZE, MAX_CLASSES, left_out


def labels(
    soft_labels: np.ndarray, of_class: np.ndarray, class_names: Sequence[str]
) -> Figure:
    """Draws the mean label of each class as a row, a column per class.

    Scores of 0 are white, positive ones red and negative ones blue. Of more
    than 20 classes the first 20 are drawn, and a note says so.

    Args:
        soft_labels: probabilities or scores, `[n, classes]`.
        of_class: the class of each image, int `[n]`.
        class_names: one name per class.

    Raises:
        ValueError: the shapes do not match, or a number is not finite.
    """
    soft, count = np.asarray(soft_labels, np.float64), len(class_names)
    if soft.shape != (len(of_class), count) or not np.isfinite(soft).all():
        raise ValueError(
            f"`soft_labels` must be finite and [n, classes] = "
            f"[{len(of_class)}, {count}]. Received: {soft.shape}."
        )
    shown = min(count, MAX_CLASSES)
    rows = [c for c in range(shown) if (of_class == c).any()]
    means = np.stack([soft[of_class == c].mean(0)[:shown] for c in rows])
    most = np.abs(means).max() or 1.0
    side = 0.3 * shown + 1.6
    figure = Figure(figsize=(side + 0.8, side), layout="compressed")
    axes = figure.subplots()
    drawn = axes.imshow(
        means, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest"
    )
    names = [str(name)[:12] for name in class_names]
    axes.set_xticks(
        range(shown), names[:shown], rotation=90, fontsize=FONT_SIZE
    )
    axes.set_yticks(
        range(len(rows)), [names[c] for c in rows], fontsize=FONT_SIZE
    )
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_parse_math(False)
    axes.set_xlabel("class", fontsize=FONT_SIZE)
    axes.set_ylabel("images of", fontsize=FONT_SIZE)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8)
    bar.set_label("mean label", fontsize=FONT_SIZE)
    bar.ax.tick_params(labelsize=FONT_SIZE)
    if note := left_out(count):
        figure.suptitle(note, fontsize=FONT_SIZE)
    return figure
