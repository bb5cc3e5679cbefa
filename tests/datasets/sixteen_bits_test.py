"""Folders of images of 16 bits keep their levels."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import datasets


def write_levels(root, levels, name="0.png"):
    for split in ("train", "test"):
        for number, class_name in enumerate(("ant", "wasp")):
            path = root / split / class_name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image = levels[number]
            path.write_bytes(tf.io.encode_png(image).numpy())


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_keep_their_levels(tmp_path, channels, caplog):
    levels = np.arange(2 * 30 * channels, dtype=np.uint16) * 300
    levels = levels.reshape(2, 6, 5, channels)
    write_levels(tmp_path, levels + 9_000)
    data = datasets.load(f"folder:{tmp_path}")
    expected = (levels + np.uint16(9_000)).astype(np.float32) / np.float32(
        65_535
    )
    np.testing.assert_array_equal(data.train.images, expected)
    told = "at most" in caplog.text
    assert told == (channels == 1)  # 26,700 of 65,535 could be 15 bits.


def test_twelve_bits_are_kept_and_told(tmp_path, caplog):
    levels = np.arange(60, dtype=np.uint16).reshape(2, 6, 5, 1) * 69
    write_levels(tmp_path, levels)
    data = datasets.load(f"folder:{tmp_path}")
    assert len(np.unique(data.train.images)) == 60
    assert "brightest value is 4071: they are divided by 65,535" in caplog.text


def test_bits_may_be_mixed(tmp_path):
    write_levels(tmp_path, np.full((2, 6, 5, 1), 60_000, np.uint16))
    eight = np.arange(30, dtype=np.uint8).reshape(6, 5, 1)
    path = tmp_path / "train" / "ant" / "1.png"
    path.write_bytes(tf.io.encode_png(eight).numpy())
    data = datasets.load(f"folder:{tmp_path}")
    train, test = data.train, data.test
    np.testing.assert_allclose(train.images[1] * 255, eight, rtol=1e-6)
    np.testing.assert_allclose(test.images, 60_000 / 65_535, rtol=1e-6)
