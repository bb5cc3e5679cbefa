import os
import zlib

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import datasets
from fred_tf.datasets import image_folder
from fred_tf.datasets.preparation import Preparation
from fred_tf.datasets.preparing import prepared

NAMES = ("ant", "wasp")
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


def read(root, **preparation):
    """Returns train and test split, decoded."""
    done = prepared(image_folder.read(root), Preparation(**preparation))
    return done.train, done.test


def test_pixels_labels_and_names_come_back(tmp_path):
    bee = write(tmp_path / "train" / "bee" / "b.PNG")
    second = write(tmp_path / "train" / "ant" / "2.png")
    first = write(tmp_path / "train" / "ant" / "1.png")
    write(tmp_path / "test" / "bee" / "1.png")
    (tmp_path / "train" / "ant" / "notes.txt").write_text("not an image")
    train, test = read(tmp_path)
    assert image_folder.read(tmp_path).class_names == ("ant", "bee")
    np.testing.assert_array_equal(train.images, [first, second, bee])
    np.testing.assert_array_equal(train.labels, [0, 0, 1])
    np.testing.assert_array_equal(test.labels, [1])


def test_jpeg_is_read(root):
    grey = np.full((6, 5, 3), 128, np.uint8)
    path = root / "train" / "ant" / "2.jpg"
    path.write_bytes(tf.io.encode_jpeg(grey).numpy())
    train, _ = read(root)
    assert len(train) == 5
    np.testing.assert_allclose(train.images[2], grey, atol=2)


def test_load_standardises_with_the_training_split(root):
    data = datasets.load(f"folder:{root}")
    assert data.name == f"folder:{root.name}"
    assert data.data_dir == root.parent
    assert data.class_names == ("ant", "wasp")
    pixels = data.train.images.reshape(-1, 3) / 255
    np.testing.assert_allclose(data.normalization.mean, pixels.mean(0))
    np.testing.assert_allclose(data.normalization.deviation, pixels.std(0))


@pytest.mark.parametrize("name", ["validation", "valid", "val"])
def test_validation_stands_in_for_test(root, name):
    (root / "test").rename(root / name)
    data = datasets.load(f"folder:{root}")
    assert len(data.test) == 4
    assert data.facts.to_json()["tested_on"] == name


@pytest.mark.parametrize("made", [True, False])
def test_missing_folders_are_named(tmp_path, made):
    root = tmp_path / "photos"
    if made:
        root.mkdir()
    with pytest.raises(
        FileNotFoundError, match=f"{root} must hold a folder.* moved, --data_d"
    ):
        image_folder.read(root)


@pytest.mark.parametrize("split", [True, False])
def test_without_test_images_a_fifth_of_each_class_is_held_back(
    tmp_path, split, caplog
):
    parent = tmp_path / "photos" / ("train" if split else "")
    for name, count in (("ant", 10), ("wasp", 3)):
        for number in range(count):
            write(parent / name / f"{number}.png")
    data = datasets.load(f"folder:{tmp_path}/photos")
    assert data.class_names == ("ant", "wasp")
    assert np.bincount(data.train.labels).tolist() == [8, 2]
    assert np.bincount(data.test.labels).tolist() == [2, 1]
    assert "held-back fifth" in data.facts.to_json()["tested_on"]
    assert caplog.text.count("accuracies are on a held-back fifth") == 1
    again = datasets.load(f"folder:{tmp_path}/photos")
    assert again.facts == data.facts
    held = datasets.load(f"folder:{tmp_path}/photos", holdout=0.5)
    assert len(held.train) + len(held.test) == 13
    assert held.facts.tested_on == "held-out training images"


def test_a_class_of_one_image_cannot_be_held_back(tmp_path):
    for name, count in (("ant", 4), ("wasp", 1)):
        for number in range(count):
            write(tmp_path / name / f"{number}.png")
    with pytest.raises(ValueError, match="two.*Received: 1, .*wasp/0.png"):
        read(tmp_path)


def test_an_empty_class_is_named(root):
    (root / "train" / "moth").mkdir()
    (root / "train" / "moth" / "notes.txt").write_text("none yet")
    with pytest.raises(ValueError, match=f"Received: {root}/train/moth with"):
        datasets.load(f"folder:{root}")


def test_an_empty_split_is_named(root):
    for path in (root / "test").rglob("*.png"):
        path.unlink()
    with pytest.raises(ValueError, match="test must hold.*Received: none"):
        image_folder.read(root)


def test_a_class_of_test_images_only_is_refused(root):
    write(root / "test" / "moth" / "0.png")
    with pytest.raises(ValueError, match=r"Received: \['moth'\] besides"):
        image_folder.read(root)


def test_sizes_that_differ_are_told_before_anything_is_decoded(
    root, monkeypatch
):
    write(root / "train" / "wasp" / "odd.png", (9, 7, 3))
    monkeypatch.setattr(image_folder, "_decoded", None)
    with pytest.raises(
        ValueError, match=r"6 x 5 in .* 9 x 7 in .*wasp/odd.png.*image_size=5"
    ):
        read(root)
    with pytest.raises(ValueError, match="at least as large.*6 x 5.*enlarge"):
        read(root, image_size=6)


def test_sizes_that_differ_become_one(root):
    write(root / "train" / "wasp" / "odd.png", (9, 7, 3))
    train, test = read(root, image_size=5)
    assert train.images.shape == (5, 5, 5, 3)
    assert test.images.shape == (4, 5, 5, 3)
    train, _ = read(root, image_size=8, enlarge=True)
    assert train.images.shape == (5, 8, 8, 3)


def test_grey_among_colour_becomes_colour(root, caplog):
    grey = write(root / "train" / "wasp" / "odd.png", (6, 5, 1))
    train, test = read(root)
    np.testing.assert_array_equal(train.images[-1], np.tile(grey, 3))
    assert "1 of 9 images are grey among others in colour" in caplog.text
    train, test = read(root, colour="grey")
    assert train.images.shape[-1] == test.images.shape[-1] == 1


def test_a_damaged_image_is_named_or_left_out(root, caplog):
    whole = (root / "train" / "ant" / "1.png").read_bytes()
    (root / "train" / "ant" / "0.png").write_bytes(whole[:60])
    (root / "test" / "ant" / "1.png").write_bytes(whole[:20])
    with pytest.raises(ValueError, match=r"ant/0\.png is not a readable"):
        read(root)
    data = datasets.load(
        f"folder:{root}", preparation=Preparation(skip_corrupt=True)
    )
    assert len(data.train) == len(data.test) == 3
    assert data.facts.preparation == {"skip_corrupt": True, "left_out": 2}
    assert "2 of 8 images cannot be read and are left out; the f" in caplog.text
    np.testing.assert_array_equal(data.train.labels, [0, 1, 1])


def test_a_split_of_damaged_images_alone_is_refused(root):
    for path in (root / "test").rglob("*.png"):
        path.write_bytes(b"none")
    with pytest.raises(ValueError, match="test with 4 that cannot"):
        read(root, skip_corrupt=True)


def test_classes_are_chosen_and_renumbered(root):
    write(root / "train" / "moth" / "0.png")
    data = datasets.load(
        f"folder:{root}", preparation=Preparation(classes="wasp,ant")
    )
    assert data.class_names == ("wasp", "ant")
    ant = tf.io.decode_png((root / "train/ant/0.png").read_bytes()).numpy()
    np.testing.assert_array_equal(data.train.images[0], ant)
    np.testing.assert_array_equal(data.train.labels, [1, 1, 0, 0])
    with pytest.raises(ValueError, match="'wsp'. Did you mean 'wasp'"):
        read(root, classes="ant,wsp")


@pytest.mark.parametrize(
    ("channels", "constant", "advice"),
    [
        (1, 1, "All training images are alike: give others"),
        (3, 3, "All training images are alike: give others"),
        (3, 2, "Remove channels that are constant"),
        (3, 1, "keep one, or their mean, as grey images"),
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
    read(root)
    assert not caplog.text
    for place in (
        "ant/a.txt",
        "ant/b.TXT",
        "ant/c.svg",
        "ant/d",
        "ant/._0.png",
        "ant/__MACOSX/0.png",
        "f.png",
    ):
        write(train / place)
    write(train / "wasp/more/e.PNG")
    split, _ = read(root)
    assert len(split) == 5
    (told,) = [r.getMessage() for r in caplog.records]
    assert f"7 of 12 files in {train} are NOT used" in told
    for kind in (
        "2 .txt",
        "1 .svg",
        "1 without a suffix",
        "2 hidden",
        "1 beside the classes",
    ):
        assert kind in told
    assert "'ant/._0.png'" in told


def png_of(width, height):
    png = bytearray(tf.io.encode_png(np.zeros((6, 5, 1), np.uint8)).numpy())
    png[16:24] = width.to_bytes(4) + height.to_bytes(4)
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4)
    return bytes(png)


def jpeg_of(width, height):
    jpeg = tf.io.encode_jpeg(np.zeros((6, 5, 3), np.uint8)).numpy()
    start = jpeg.index(b"\xff\xc0") + 5
    size = height.to_bytes(2) + width.to_bytes(2)
    return jpeg[:start] + size + jpeg[start + 4 :]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.png", png_of(100_000, 100_000), "size .10000000000 pixels"),
        ("a.png", png_of(8_192, 8_193), "Received: 8193 x 8192 in"),
        ("a.png", png_of(2**32 - 1, 2), "size .8589934590 pixels"),
        ("a.png", png_of(2**32 - 1, 2**32 - 1), "is not a readable|pixels"),
        ("a.jpg", jpeg_of(65_000, 65_000), "size .4225000000 pixels"),
        ("a.png", png_of(0, 5), "pixels|a.png is not a readable"),
        ("a.png", png_of(5, 6)[:20], "a.png is not a readable picture"),
        ("a.jpg", b"GIF89a", "a.jpg is not a readable picture"),
        ("a.png", b"", "a.png is not a readable picture"),
    ],
)
def test_images_are_measured_before_they_are_decoded(
    root, name, content, message, monkeypatch
):
    (root / "test" / "wasp" / name).write_bytes(content)
    for path in root.rglob("[01].png"):
        path.unlink()
    for class_name in NAMES:
        write(root / "train" / class_name / "0.png")
    monkeypatch.setattr(image_folder, "_decoded", None)
    with pytest.raises(ValueError, match=message):
        read(root)


@pytest.mark.parametrize("name", [" ant", "a\tnt", "ant\n", b"an\xe9t"])
def test_names_of_folders_are_lines_of_utf8(root, name, monkeypatch):
    folder = os.fsencode(root) + b"/train/" + os.fsencode(name)
    os.rename(root / "train" / "ant", folder)
    os.rename(root / "test" / "ant", folder.replace(b"/train/", b"/test/"))
    monkeypatch.setattr(image_folder, "_decoded", None)
    with pytest.raises(ValueError, match="`class_names` must be .*Rename"):
        datasets.load(f"folder:{root}")


def test_a_pipe_is_no_image(root):
    os.mkfifo(root / "train" / "ant" / "pipe.png")
    assert len(read(root)[0]) == 4


def test_images_may_be_links(root):
    path = root / "train" / "ant" / "0.png"
    path.rename(root / "kept.png")
    path.symlink_to(root / "kept.png")
    assert len(read(root)[0]) == 4


def test_what_lies_beside_the_splits_is_told(root, caplog):
    image_folder.read(root)
    assert not caplog.text
    write(root / "val" / "ant" / "0.png")
    write(root / "cover.png")
    (root / "LICENSE").write_text("free")
    image_folder.read(root)
    assert "2 folders and pictures" in caplog.text
    assert "'cover.png', 'val'" in caplog.text


def test_splits_are_not_taken_for_classes(root):
    (root / "train").rename(root / "Training")
    with pytest.raises(ValueError, match=r"\['Training', 'test'\], which are"):
        image_folder.read(root)
    write(root / "bee" / "0.png")
    assert "bee" in image_folder.read(root).class_names


def test_linked_folders_are_classes_and_told_of_within_them(root, caplog):
    write(root / "elsewhere" / "0.png")
    (root / "train" / "moth").symlink_to(root / "elsewhere")
    (root / "train" / "ant" / "more").symlink_to(root / "elsewhere")
    found = image_folder.read(root)
    assert found.class_names == ("ant", "moth", "wasp")
    assert found.train.labels.tolist() == [0, 0, 1, 2, 2]
    # Of what a linked class holds nothing is told that is read.
    (root / "elsewhere" / "more.txt").touch()
    assert "1 of 6 files" in caplog.text
    assert "1 a folder that is a link, within a class; e.g." in caplog.text
    caplog.clear()
    image_folder.read(root)
    assert "1 .txt" in caplog.text and "'moth/more.txt'" in caplog.text
