"""Images go into parts and come back, bit for bit."""

import numpy as np
import pytest

from trainers.elsewhere.runner import images


@pytest.mark.parametrize(
    "shape", [(2300, 8, 6, 3), (1001, 8, 8, 1), (5, 4, 4, 2), (3, 4, 4, 4, 1)]
)
def test_bytes_come_back(shape, generator, tmp_path):
    pixels = generator.integers(0, 256, shape).astype(np.uint8)
    labels = np.arange(len(pixels))
    images.write(tmp_path, pixels, labels, 150_000)
    found = images.read(tmp_path)
    np.testing.assert_array_equal(found[0], pixels)
    np.testing.assert_array_equal(found[1], labels)
    assert found[0].dtype == np.uint8
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == (3 if len(pixels) == 2300 else 1)


def test_numbers_come_back(generator, tmp_path):
    pixels = generator.normal(size=(1500, 4, 4, 1)).astype(np.float32)
    images.write(tmp_path, pixels, np.zeros(1500), 1)
    np.testing.assert_array_equal(images.read(tmp_path)[0], pixels)


def test_photographs_take_less_than_they_are(photographs):
    block = np.concatenate([photographs] * 4)
    assert len(images.encode(block)) < 0.8 * block.nbytes


@pytest.fixture
def photographs():
    """Two smooth pictures with a little noise, as photographs have."""
    from sklearn.datasets import load_sample_images

    pictures = np.stack(load_sample_images().images)
    return np.ascontiguousarray(pictures[:, :320:4, :320:4])


def test_a_missing_part_is_named(generator, tmp_path):
    pixels = generator.integers(0, 256, (2300, 8, 6, 3)).astype(np.uint8)
    images.write(tmp_path, pixels, np.zeros(2300), 150_000)
    (tmp_path / "1.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"0.npz to 2.npz .*\[0, 2\]"):
        images.read(tmp_path)
