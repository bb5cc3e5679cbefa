import numpy as np
import pytest

from fred_tf import figures

CLASSES = np.repeat(np.arange(3), 2)


def test_shows_the_mean_label_of_each_class():
    soft = np.arange(18.0).reshape(6, 3) - 9
    figure = figures.labels(soft, CLASSES, ["a", "b", "c"])
    panel, _ = figure.axes
    means = soft.reshape(3, 2, 3).mean(1)
    np.testing.assert_array_equal(panel.images[0].get_array(), means)
    assert [t.get_text() for t in panel.get_yticklabels()] == ["a", "b", "c"]
    # 0 lies in the middle of the colours.
    low, high = panel.images[0].get_clim()
    assert low == -high == -np.abs(means).max()


def test_many_classes_are_counted():
    names = [str(i) for i in range(23)]
    figure = figures.labels(np.eye(23), np.arange(23), names)
    assert "3 more classes" in figure.get_suptitle()
    assert figure.axes[0].images[0].get_array().shape == (20, 20)


@pytest.mark.parametrize("soft", [np.zeros((6, 2)), np.full((6, 3), np.nan)])
def test_other_labels_are_refused(soft):
    with pytest.raises(ValueError, match=r"finite and \[n, classes\] = \[6, 3"):
        figures.labels(soft, CLASSES, ["a", "b", "c"])
