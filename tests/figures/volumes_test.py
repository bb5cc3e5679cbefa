import dataclasses

import numpy as np
import pytest

from fred_tf import figures
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet

AS_IT_IS = Standardize((0.0,), (1.0,))


@pytest.fixture
def solids() -> SyntheticSet:
    """One volume [2, 3, 4] with a single bright voxel, one that is empty."""
    images = np.zeros((2, 2, 3, 4, 1), np.float32)
    images[0, 1, 2, 3] = 1
    return SyntheticSet(images, [0, 1], ("dot", "empty"), AS_IT_IS, "solids", 0)


def rows(figure) -> list[np.ndarray]:
    (axes,) = figure.axes
    return [np.asarray(image.get_array()) for image in axes.images]


def test_sides_and_slices_of_each_class(solids):
    figure = figures.views(solids)
    drawn = rows(figure)
    (axes,) = figure.axes
    columns = [label.get_text() for label in axes.get_xticklabels()]
    assert columns == ["front", "top", "side", "slice 0", "slice 1"]
    assert len(drawn) == 2 * len(columns)
    assert {tile.shape for tile in drawn} == {(4, 4)}
    front, top, side, first, second = drawn[:5]
    # [height, width] = [3, 4] stands in rows 0 to 2, [depth, ...] in 1 and 2.
    dim = front[0, 0]
    assert front[2, 3] > dim and (front[:3] > dim).sum() == 1
    assert (front[3] == 1).all()
    assert top[2, 3] > dim and (top[1:3] > dim).sum() == 1
    # [depth, height] = [2, 3]
    assert side[2, 2] > dim and (side[1:3, :3] > dim).sum() == 1
    assert (first[:3] == dim).all()
    np.testing.assert_array_equal(second, front)


def test_slices_are_evenly_spaced(solids):
    deep = np.repeat(solids.images[:, :1], 16, axis=1)
    figure = figures.views(dataclasses.replace(solids, images=deep), slices=3)
    (axes,) = figure.axes
    columns = [label.get_text() for label in axes.get_xticklabels()]
    assert columns[3:] == ["slice 4", "slice 8", "slice 11"]


def test_what_is_no_volume_is_refused(solids):
    flat = dataclasses.replace(solids, images=solids.images[:, 0])
    with pytest.raises(ValueError, match="Views are of volumes.*2, 3, 4, 1"):
        figures.views(flat)
    with pytest.raises(ValueError, match="`slices`.*Received: 0"):
        figures.views(solids, slices=0)
