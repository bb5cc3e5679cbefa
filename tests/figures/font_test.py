"""All figures of a page have letters of one size."""

import numpy as np
import pytest
from matplotlib.text import Text

from fred_tf import figures
from fred_tf.figures import Curve
from fred_tf.figures.canvas import FONT_SIZE
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet

NAMES = tuple(f"class {number}" for number in range(23))
VALUES = np.random.default_rng(0).random((23, 8, 8, 1), np.float32)


def few() -> SyntheticSet:
    own = Standardize((0.5,), (0.2,))
    return SyntheticSet(VALUES, np.arange(23), NAMES, own, "made up", 23 * 64)


DRAWN = {
    "curves": lambda: figures.curves({"a": Curve([1, 2], [1, 2])}, "x", "y"),
    "few powers of ten": lambda: figures.curves(
        {"a": Curve([1, 2], [10, 25])}, "x", "y", log_y=True
    ),
    "gallery": lambda: figures.gallery(few()),
    "labels": lambda: figures.labels(np.eye(23), np.arange(23), NAMES),
    "maps": lambda: figures.frequency_maps({"a": VALUES[0, ..., 0]}, "energy"),
    "masks": lambda: figures.masks(VALUES[..., 0] > 0.5, NAMES),
    "strips": lambda: figures.strips({1: VALUES}, NAMES, few().normalization),
}


@pytest.mark.parametrize("name", DRAWN)
def test_letters_have_one_size(name):
    figure = DRAWN[name]()
    figures.to_array(figure)
    texts = [x for x in figure.findobj(Text) if x.get_text().strip()]
    seen = [x for x in texts if x.get_visible()]
    assert len(seen) > 3
    assert {x.get_fontsize() for x in seen} == {FONT_SIZE}
