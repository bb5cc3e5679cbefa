import numpy as np
from sklearn.datasets import load_digits

from fred_tf.datasets import digits


def test_splits_share_out_the_source():
    train, test, class_names = digits.read()
    source = load_digits()
    assert len(train) + len(test) == len(source.images) == 1797
    assert class_names == tuple("0123456789")
    rows = {row.tobytes() for row in source.data.astype(np.float32) / 16}
    ours = {
        image.tobytes() for split in (train, test) for image in split.images
    }
    assert ours == rows


def test_test_split_is_every_fifth_image_of_a_class():
    train, test, _ = digits.read()
    source = load_digits()
    for label in range(10):
        images = source.images[source.target == label] / 16
        np.testing.assert_array_equal(
            test.images[test.indices_of(label), ..., 0], images[::5]
        )
        assert len(train.indices_of(label)) == len(images) - len(images[::5])


def test_pixels_fill_the_unit_range():
    train, _, _ = digits.read()
    assert train.images.dtype == np.float32
    assert train.images.shape == (1433, 8, 8, 1)
    assert (train.images.min(), train.images.max()) == (0.0, 1.0)
