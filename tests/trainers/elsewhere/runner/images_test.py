"""Images go into parts and come back, bit for bit."""

import bz2
import tracemalloc

import numpy as np
import pytest

from trainers.elsewhere.runner import arrays, images


@pytest.mark.parametrize(
    "shape", [(2300, 8, 6, 3), (1001, 8, 8, 1), (5, 4, 4, 2), (3, 4, 4, 4, 1)]
)
def test_bytes_come_back(shape, generator, tmp_path):
    pixels = generator.integers(0, 256, shape).astype(np.uint8)
    labels = np.arange(len(pixels))
    images.write(tmp_path, pixels, labels, 150_000, "it")
    found = images.read(tmp_path, "it")
    np.testing.assert_array_equal(found[0], pixels)
    np.testing.assert_array_equal(found[1], labels)
    assert found[0].dtype == np.uint8
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == (3 if len(pixels) == 2300 else 1)


def test_numbers_come_back(generator, tmp_path):
    pixels = generator.normal(size=(1500, 4, 4, 1)).astype(np.float32)
    images.write(tmp_path, pixels, np.zeros(1500), 1, "it")
    np.testing.assert_array_equal(images.read(tmp_path, "it")[0], pixels)


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
    images.write(tmp_path, pixels, np.zeros(2300), 150_000, "it")
    (tmp_path / "1.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"0.npz to 2.npz .*\[0, 2\]"):
        images.read(tmp_path, "it")


@pytest.fixture
def part(generator, tmp_path):
    """The one part of a split, as it is stored."""
    pixels = generator.integers(0, 256, (30, 4, 4, 3)).astype(np.uint8)
    images.write(tmp_path, pixels, np.arange(30), 1 << 20, "it")
    return arrays.read(tmp_path / "0.npz", "it")


HOSTILE = {
    "more blocks": {"sizes": [7, 7]},
    "negative sizes": {"sizes": [-1]},
    "larger images": {"shape": [4, 4, 4]},
    "huge images": {"shape": [1 << 20, 1 << 20, 3]},
    "negative images": {"shape": [-4, -4, 3]},
    "no images": {"shape": []},
    "objects": {"dtype": "|O"},
    "no type": {"dtype": "<f3"},
    "larger type": {"dtype": "<f8"},
    "no labels": {"labels": np.zeros(0)},
    "more labels": {"labels": np.zeros(31)},
    "labels of labels": {"labels": np.zeros((30, 2))},
    "another part": {"part": [1, 2]},
    "no part": {"part": [0, 0]},
    "text": {"sizes": ["a"]},
    "no block": {"data": np.zeros(40, np.uint8), "sizes": [40]},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_what_a_part_claims_is_held_by_it(changes, part, tmp_path):
    path = tmp_path / "0.npz"
    arrays.write(path, "it", **{**part, **changes})
    with pytest.raises(ValueError, match=f"{path} must hold images as packs"):
        images.read(tmp_path, "it")


def test_a_missing_claim_is_named(part, tmp_path):
    del part["shape"]
    arrays.write(tmp_path / "0.npz", "it", **part)
    with pytest.raises(ValueError, match="must hold images.*'shape'"):
        images.read(tmp_path, "it")


def test_few_bytes_do_not_become_many(part, tmp_path):
    """A bomb of 32 MB, in as many bytes as so many zeros take."""
    bomb = np.frombuffer(bz2.compress(bytes(32 << 20)), np.uint8)
    path = tmp_path / "0.npz"
    hostile = {**part, "data": bomb, "sizes": [len(bomb)]}
    arrays.write(path, "it", **hostile)
    tracemalloc.start()
    with pytest.raises(ValueError, match="does not hold the 1440 bytes"):
        images.read(tmp_path, "it")
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    arrays.write(path, "it", **{**hostile, "shape": [4096, 4096, 3]})
    with pytest.raises(ValueError, match="are more than 1000000 bytes"):
        images.read(tmp_path, "it", 1_000_000)


def test_files_of_macos_are_passed_over(generator, tmp_path):
    pixels = generator.integers(0, 256, (5, 4, 4, 1)).astype(np.uint8)
    images.write(tmp_path, pixels, np.zeros(5), 1 << 20, "it")
    (tmp_path / "._0.npz").write_bytes(b"\0")
    np.testing.assert_array_equal(images.read(tmp_path, "it")[0], pixels)


def test_parts_of_other_splits_are_refused(generator, tmp_path):
    pixels = generator.integers(0, 256, (5, 4, 4, 1)).astype(np.uint8)
    images.write(tmp_path, pixels, np.zeros(5), 1 << 20, "data/a")
    with pytest.raises(ValueError, match="be of 'data/b'. Received: of 'data"):
        images.read(tmp_path, "data/b")
