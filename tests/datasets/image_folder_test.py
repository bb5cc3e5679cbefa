import os

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


@pytest.mark.parametrize(
    ("channels", "constant", "advice"),
    [
        (1, 1, "All training images are alike: give others"),
        (3, 3, "All training images are alike: give others"),
        (3, 2, "Remove channels that are constant"),
        (3, 1, "keep one, or their mean, as grey images"),
        (4, 1, "Remove channels that are constant"),
    ],
)
def test_a_constant_channel_is_refused(root, channels, constant, advice):
    """With advice that can be followed: no image has two channels."""
    for path in root.rglob("*.png"):
        pixels = RANDOM.integers(0, 256, (6, 5, channels), np.uint8)
        pixels[..., :constant] = 149
        path.write_bytes(tf.io.encode_png(pixels).numpy())
    with pytest.raises(ValueError, match=f"in every channel.*{advice}"):
        datasets.load(f"folder:{root}")


def test_what_is_not_read_is_counted_and_named(root, caplog):
    train = root / "train"
    image_folder.read(root)
    assert not caplog.text
    for place in (
        "ant/a.webp",
        "ant/b.WEBP",
        "ant/c.bmp",
        "ant/d",
        "ant/._0.png",
        "wasp/more/e.png",
        "f.png",
    ):
        write(train / place)
    split, _, _ = image_folder.read(root)
    assert len(split) == 4
    (told,) = [r.getMessage() for r in caplog.records]
    assert f"7 of 11 files in {train} are NOT used" in told
    for kind in (
        "2 .webp",
        "1 .bmp",
        "1 without a suffix",
        "1 hidden",
        "1 in subfolders of classes",
        "1 beside the classes",
    ):
        assert kind in told
    assert "'ant/._0.png'" in told


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


def test_bits_are_not_mixed(tmp_path):
    write_levels(tmp_path, np.full((2, 6, 5, 1), 60_000, np.uint16))
    write(tmp_path / "train" / "ant" / "1.png", (6, 5, 1))
    with pytest.raises(ValueError, match=r"bits.*uint16 in .*uint8 in .*ant/1"):
        image_folder.read(tmp_path)


def png_of(width, height):
    png = bytearray(tf.io.encode_png(np.zeros((6, 5, 1), np.uint8)).numpy())
    png[16:24] = width.to_bytes(4) + height.to_bytes(4)
    return bytes(png)


def jpeg_of(width, height):
    jpeg = tf.io.encode_jpeg(np.zeros((6, 5, 3), np.uint8)).numpy()
    start = jpeg.index(b"\xff\xc0") + 5
    size = height.to_bytes(2) + width.to_bytes(2)
    return jpeg[:start] + size + jpeg[start + 4 :]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.png", png_of(100_000, 100_000), "Received: 100000 x 100000 in"),
        ("a.png", png_of(4_096, 4_097), "Received: 4097 x 4096 in"),
        ("a.png", png_of(2**32 - 1, 2), "pixels. Received: 2 x -1"),
        ("a.png", png_of(2**32 - 1, 2**32 - 1), "pixels. Received: -1 x -1"),
        ("a.jpg", jpeg_of(65_000, 65_000), "Received: 65000 x 65000 in"),
        ("a.png", png_of(0, 5), "pixels. Received: 5 x 0"),
        ("a.png", png_of(5, 6)[:20], "a.png is not a readable PNG or JPEG"),
        ("a.jpg", b"GIF89a", "a.jpg is not a readable PNG or JPEG"),
        ("a.png", b"", "a.png is not a readable PNG or JPEG"),
    ],
)
def test_images_are_measured_before_they_are_decoded(
    root, name, content, message, monkeypatch
):
    (root / "test" / "wasp" / name).write_bytes(content)
    for path in root.rglob("[01].png"):
        path.unlink()
    write(root / "train" / "ant" / "0.png")
    monkeypatch.setattr(
        image_folder.encoded_images.tf.io,
        "decode_image",
        lambda *_, **__: tf.zeros((6, 5, 3), tf.uint8),
    )
    with pytest.raises(ValueError, match=message):
        image_folder.read(root)


@pytest.mark.parametrize("name", [" ant", "a\tnt", "ant\n", b"an\xe9t"])
def test_names_of_folders_are_lines_of_utf8(root, name):
    folder = os.fsencode(root) + b"/train/" + os.fsencode(name)
    os.rename(root / "train" / "ant", folder)
    os.rename(root / "test" / "ant", folder.replace(b"/train/", b"/test/"))
    with pytest.raises(ValueError, match="`class_names` must be .*Rename"):
        datasets.load(f"folder:{root}")


def test_a_pipe_is_no_image(root):
    os.mkfifo(root / "train" / "ant" / "pipe.png")
    assert len(image_folder.read(root)[0]) == 4


def test_images_may_be_links(root):
    path = root / "train" / "ant" / "0.png"
    path.rename(root / "kept.png")
    path.symlink_to(root / "kept.png")
    assert len(image_folder.read(root)[0]) == 4
