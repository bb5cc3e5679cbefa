import numpy as np
import pytest
import tensorflow as tf

from fred_tf import datasets
from fred_tf.datasets import image_folder

RANDOM = np.random.default_rng(0)


def write(path, shape=(6, 5, 3)):
    pixels = RANDOM.integers(0, 256, shape, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(pixels).numpy())
    return pixels


@pytest.fixture
def root(tmp_path):
    for split in ("train", "test"):
        for name in ("wasp", "ant"):
            for number in range(2):
                write(tmp_path / split / name / f"{number}.png")
    return tmp_path


def test_pixels_labels_and_names_come_back(tmp_path):
    bee = write(tmp_path / "train" / "bee" / "b.PNG")
    second = write(tmp_path / "train" / "ant" / "2.png")
    first = write(tmp_path / "train" / "ant" / "1.png")
    write(tmp_path / "test" / "bee" / "1.png")
    (tmp_path / "train" / "ant" / "notes.txt").write_text("not an image")
    train, test, class_names = image_folder.read(tmp_path)
    assert class_names == ("ant", "bee")
    np.testing.assert_array_equal(train.images, [first, second, bee])
    np.testing.assert_array_equal(train.labels, [0, 0, 1])
    np.testing.assert_array_equal(test.labels, [1])


def test_jpeg_is_read(root):
    grey = np.full((6, 5, 3), 128, np.uint8)
    path = root / "train" / "ant" / "2.jpg"
    path.write_bytes(tf.io.encode_jpeg(grey).numpy())
    train, _, _ = image_folder.read(root)
    assert len(train) == 5
    np.testing.assert_allclose(train.images[2], grey, atol=2)


def test_load_standardises_with_the_training_split(root):
    data = datasets.load(f"folder:{root}")
    assert data.name == f"folder:{root}"
    assert data.class_names == ("ant", "wasp")
    pixels = data.train.images.reshape(-1, 3) / 255
    np.testing.assert_allclose(data.normalization.mean, pixels.mean(0))
    np.testing.assert_allclose(data.normalization.deviation, pixels.std(0))


@pytest.mark.parametrize("name", ["validation", "val"])
def test_validation_stands_in_for_test(root, name):
    (root / "test").rename(root / name)
    _, test, _ = image_folder.read(root)
    assert len(test) == 4


@pytest.mark.parametrize("split", ["train", "test"])
def test_missing_folders_are_named(root, split):
    (root / split).rename(root / "elsewhere")
    with pytest.raises(
        FileNotFoundError, match=f"{root} must hold.*{split}/<class>"
    ):
        image_folder.read(root)


def test_an_empty_class_is_named(root):
    (root / "train" / "moth").mkdir()
    with pytest.raises(ValueError, match="no image of 'moth'"):
        datasets.load(f"folder:{root}")


def test_an_empty_split_is_named(root):
    for path in (root / "train").rglob("*.png"):
        path.unlink()
    with pytest.raises(ValueError, match="train must hold.*Received: none"):
        image_folder.read(root)


def test_a_class_of_test_images_only_is_refused(root):
    write(root / "test" / "moth" / "0.png")
    with pytest.raises(ValueError, match=r"Received: \['moth'\] besides"):
        image_folder.read(root)


@pytest.mark.parametrize("shape", [(6, 6, 3), (6, 5, 1)])
def test_an_image_of_another_shape_is_named(root, shape):
    write(root / "train" / "wasp" / "odd.png", shape)
    with pytest.raises(ValueError, match=r"same height.*wasp/odd\.png"):
        image_folder.read(root)


def test_a_damaged_image_is_named(root):
    path = root / "test" / "ant" / "1.png"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"ant/1\.png is not a readable"):
        image_folder.read(root)


def test_a_constant_channel_is_refused(root):
    for path in (root / "train").rglob("*.png"):
        pixels = RANDOM.integers(0, 256, (6, 5, 3), np.uint8)
        pixels[..., 2] = 7
        path.write_bytes(tf.io.encode_png(pixels).numpy())
    with pytest.raises(ValueError, match="positive in every channel"):
        datasets.load(f"folder:{root}")
