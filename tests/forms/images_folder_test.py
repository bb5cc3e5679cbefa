"""Pictures in folders: what loaders see, and what is refused."""

import csv
import dataclasses
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

from fred_tf import forms
from fred_tf.forms.images_folder import ImagesFolder
from fred_tf.synthetic_set import SyntheticSet
from tests.faults.folders import reseal


@pytest.fixture
def named(small_set) -> SyntheticSet:
    """The small set, of classes one of which is no name of a folder."""
    return dataclasses.replace(small_set, class_names=("T-shirt/top", 'a: "b"'))


@pytest.fixture
def folder(named, tmp_path):
    return ImagesFolder().write(named, None, tmp_path / "pictures")


def rows(folder) -> list[dict[str, str]]:
    with open(folder / "labels.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_pillow_reads_pixels_by_the_table(named, folder):
    read = rows(folder)
    assert [row["file"] for row in read] == [
        "T-shirt_top/000000.png",
        "T-shirt_top/000001.png",
        "a_b/000002.png",
        "a_b/000003.png",
    ]
    assert [int(row["label"]) for row in read] == named.labels.tolist()
    assert {row["class_name"] for row in read} == set(named.class_names)
    for row, pixels in zip(read, named.pixels()):
        low, high = float(row["low"]), float(row["high"])
        levels = np.asarray(Image.open(folder / row["file"]))
        found = low + levels / 255 * (high - low)
        np.testing.assert_allclose(
            found, pixels[..., 0], atol=(high - low) / 500
        )


def test_the_code_to_copy_leaves_no_file_open(named, folder):
    found = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(ImagesFolder().code(named, str(folder)), found)
    assert [str(x.message) for x in caught] == []
    assert found["labels"] == named.labels.tolist()


def test_keras_finds_a_class_for_each_folder(folder):
    dataset = keras.utils.image_dataset_from_directory(
        folder,
        color_mode="grayscale",
        image_size=(4, 4),
        shuffle=False,
        verbose=False,
    )
    assert dataset.class_names == ["T-shirt_top", "a_b"]
    _, labels = next(iter(dataset))
    assert labels.numpy().tolist() == [0, 0, 1, 1]


def test_it_is_read_back(named, folder, assert_same):
    read = forms.read(folder)
    assert_same(read, named, images=False)
    assert 0 < np.abs(read.images - named.images).max() < 0.1


def test_equal_sets_give_equal_files(named, folder, tmp_path):
    again = ImagesFolder().write(named, None, tmp_path / "again")
    for path in filter(lambda path: path.is_file(), folder.rglob("*")):
        twin = again / path.relative_to(folder)
        assert twin.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_no_flipped_byte_goes_unseen(
    folder, named, assert_same, flipped, every
):
    for name in ("labels.csv", "manifest.json", "a_b/000003.png"):
        for _ in flipped(folder / name, every):
            with pytest.raises(ValueError, match=name):
                forms.read(folder)
    assert_same(forms.read(folder), named, images=False)


@pytest.mark.parametrize("kind", ["cut in record", "empty", "delete", "link"])
def test_a_damaged_picture_is_named(folder, damage, kind):
    damage[kind](folder / "a_b" / "000003.png")
    with pytest.raises(ValueError, match="a_b/000003.png"):
        forms.read(folder)


def test_a_picture_too_many_is_named(named, folder):
    """Loaders of folders would take it."""
    more = folder / "a_b" / "more.png"
    more.write_bytes((folder / "a_b" / "000003.png").read_bytes())
    with pytest.raises(ValueError, match="Received: a_b/more.png"):
        forms.read(folder)
    with pytest.raises(FileExistsError, match="a_b/more.png, which its"):
        ImagesFolder().write(named, None, folder)


def _line(old, new):
    def edit(folder):
        path = folder / "labels.csv"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return edit


def _picture(shape, mode="L"):
    def edit(folder):
        Image.new(mode, shape).save(folder / "a_b" / "000003.png")

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_line("a_b/000003.png", "a_b/000002.png"), "each once"),
        (_line("a_b/000003.png", "../../x.png"), "files of the manifest"),
        (_line("a_b/000003.png", "manifest.json"), "files of the manifest"),
        (_line(",low,", ",lower,"), "must have the columns"),
        (_line(",high\n", ",high,soft_0\n"), "must have the columns"),
        (_line(",0,T", ",5,T"), "must name the class of each picture"),
        (_line(",0,T", ",x,T"), "must name the class of each picture"),
        (_line(",0,T", ",0,0,T"), "must have the columns"),
        (_line('a: ""b""', 'a: "b'), "is no table"),
        (_picture((5, 4)), "must be a PNG of 8 bits and shape"),
        (_picture((4, 4), "RGB"), "must be a PNG of 8 bits and shape"),
        (_picture((20_000, 1)), "must be a PNG of 8 bits and shape"),
    ],
)
def test_folders_of_others_are_data(folder, edit, message):
    edit(folder)
    reseal(folder)
    with pytest.raises(ValueError, match=message) as raised:
        forms.read(folder)
    assert str(folder) in str(raised.value)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([4096, 4096, 3], "`image_shape` must be a shape"),
        ([4, 4, 2], "is none of a picture"),
        ([2, 2, 2, 1], "is none of a picture"),
        ("4", "`image_shape` must be a list"),
    ],
)
def test_sizes_are_checked_before_pictures(folder, shape, message):
    reseal(folder, image_shape=shape)
    with pytest.raises(ValueError, match=message):
        forms.read(folder)


def test_shapes_that_are_no_pictures_are_refused(small_set, tmp_path):
    volumes = small_set.images.reshape(4, 4, 2, 2, 1)
    odd = dataclasses.replace(small_set, images=volumes)
    assert not ImagesFolder().fits(odd, None)
    with pytest.raises(ValueError, match="`png` stores images"):
        ImagesFolder().write(odd, None, tmp_path / "x")
