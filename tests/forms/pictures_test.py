import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from fred_tf import figures, forms
from fred_tf.forms.pictures import Gallery, Masks
from fred_tf.normalizations import Standardize
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet


def read_png(path) -> np.ndarray:
    return tf.io.decode_png(path.read_bytes(), channels=3).numpy()


@pytest.fixture(scope="module")
def synthetic_set() -> SyntheticSet:
    data = load_digits(n_class=2)
    pixels = (data.images[:8, ..., None] / 16).astype(np.float32)
    standardize = Standardize.fit(pixels)
    return SyntheticSet(
        standardize(pixels),
        data.target[:8],
        ("zero", "one"),
        standardize,
        "digits",
        512,
    )


def test_gallery_file_is_the_figure(synthetic_set, tmp_path):
    path = tmp_path / "new" / "a.png"
    Gallery().write(synthetic_set, None, path, per_class=2)
    figure = figures.gallery(synthetic_set, per_class=2)
    np.testing.assert_array_equal(
        read_png(path), figures.to_array(figure, dpi=200)
    )


def test_pictures_of_others_stay(synthetic_set, tmp_path):
    """Nothing else is written, either."""
    path = tmp_path / "gallery.png"
    path.write_bytes(b"a photograph")
    for write in (
        lambda: Gallery().write(synthetic_set, None, path),
        lambda: forms.write(synthetic_set, None, tmp_path),
    ):
        with pytest.raises(FileExistsError, match="gallery.png, which fred_tf"):
            write()
    assert [file.name for file in tmp_path.iterdir()] == ["gallery.png"]
    assert path.read_bytes() == b"a photograph"
    path.unlink()
    for _ in range(2):
        forms.write(synthetic_set, None, tmp_path, ["gallery"])


def test_masks_file_is_the_figure(synthetic_set, tmp_path):
    memory = Frequency(
        (8, 8, 1),
        2,
        1,
        Frequency.Settings(coefficients_per_channel=5, transform="dft"),
    )
    memory.table.assign([[0, 1, 2, 8, 9], [0, 1, 8, 9, 16]])
    path = Masks().write(synthetic_set, memory, tmp_path / "masks.png")
    axis = "frequency (cycles per image, mirrored)"
    figure = figures.masks(memory.masks, ["zero", "one"], axis)
    np.testing.assert_array_equal(
        read_png(path), figures.to_array(figure, dpi=200)
    )
