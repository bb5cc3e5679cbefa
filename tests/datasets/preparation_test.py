"""Images of any size become images of one size, as the papers make them."""

import re

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from sklearn.datasets import load_sample_images

from fred_tf.datasets.class_lists import CLASS_LISTS, chosen
from fred_tf.datasets.preparation import Preparation, resized_to


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A real photo, 427 x 640."""
    return load_sample_images().images[0]


def test_without_a_size_nothing_changes(photo):
    assert Preparation()(photo, 3) is photo


def test_antialiased_squash_is_that_of_pillow(photo):
    made = Preparation(64, "squash")(photo, 3)
    resized = Image.fromarray(photo).resize((64, 64), Image.BILINEAR)
    difference = np.abs(made.astype(int) - np.asarray(resized))
    assert made.dtype == np.uint8 and difference.max() <= 1


def test_plain_squash_samples_at_the_middles_of_pixels(photo):
    made = Preparation(50, "squash", antialias=False)(photo, 3)
    rows = (np.arange(50) + 0.5) * photo.shape[0] / 50 - 0.5
    columns = (np.arange(50) + 0.5) * photo.shape[1] / 50 - 0.5
    grid = np.meshgrid(rows, columns, indexing="ij")
    for channel in range(3):
        sampled = ndimage.map_coordinates(
            photo[..., channel].astype(float), grid, order=1, mode="nearest"
        )
        assert np.abs(made[..., channel] - sampled).max() < 0.51


def test_a_crop_is_the_middle_of_the_shorter_side(photo):
    made = Preparation(64)(photo, 3)
    whole = Image.fromarray(photo).resize((95, 64), Image.BILINEAR)
    middle = np.asarray(whole)[:, 16:80]
    assert np.abs(made.astype(int) - middle).max() <= 1


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(427, 640, (64, 95)), (640, 427, (95, 64)), (64, 64, (64, 64))],
)
def test_the_longer_side_is_rounded_down(height, width, size):
    assert resized_to(height, width, 64, "crop") == size


def test_float_images_stay_float(photo):
    made = Preparation(32)(photo.astype(np.float32) / 255, 3)
    eight = Preparation(32)(photo, 3)
    assert made.dtype == np.float32
    assert np.abs(255 * made - eight).max() < 0.51


def test_a_small_image_is_enlarged_only_when_asked():
    small = np.zeros((30, 40, 3), np.uint8)
    with pytest.raises(
        ValueError, match=r"\(32\).*30 x 40 in cat\.png.*enlarge"
    ):
        Preparation(32)(small, 3, "cat.png")
    assert Preparation(32, enlarge=True)(small, 3).shape == (32, 32, 3)


def test_colours_of_five_channels_are_unknown():
    for colour, channels in (("rgb", 3), ("grey", 1)):
        many = np.zeros((8, 8, 5), np.uint8)
        with pytest.raises(ValueError, match="Received: 5 in x.*'as_is'"):
            Preparation(colour=colour)(many, channels, "x")


def test_colours(photo):
    grey = Preparation(colour="grey")(photo, 1)
    pillow = np.asarray(Image.fromarray(photo).convert("L"))
    assert np.abs(grey[..., 0].astype(int) - pillow).max() <= 1
    assert Preparation(colour="rgb")(grey, 3).shape == photo.shape
    assert Preparation().channels([True, True]) == 1
    assert Preparation().channels([True, False]) == 3
    assert Preparation(colour="grey").channels([False]) == 1


def test_records_hold_what_differs_only():
    assert Preparation().to_json() == {}
    assert Preparation(64, "squash").to_json() == {
        "image_size": 64,
        "resize": "squash",
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_size": -1}, "`image_size` must lie in"),
        ({"image_size": 10**6}, "`image_size` must lie in"),
        ({"resize": "crop_it"}, "Did you mean 'crop'"),
        ({"resize": "squash"}, "{'resize': 'squash'} without it. Give `image"),
        ({"antialias": False, "classes": "0,1"}, "{'antialias': False} with"),
        ({"enlarge": True}, "{'enlarge': True} without it"),
        ({"colour": "gray"}, "Did you mean 'grey'"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Preparation(**settings)


ANIMALS = ("cat", "dog", "7", "owl")


def test_classes_are_chosen_by_name_or_place_in_the_order_given():
    assert chosen("", ANIMALS) == [0, 1, 2, 3]
    assert chosen("owl, cat", ANIMALS) == [3, 0]
    assert chosen("1,0", ANIMALS) == [1, 0]
    assert chosen("7,0", ANIMALS) == [2, 0]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("cat,dgo", "'dgo'. Did you mean 'dog'"),
        ("cat,²", "Received: '²'"),
        ("cat," + "9" * 5000, "Received: '999"),
        ("cat,9", "places below 4 .*'9'"),
        ("cat,0", r"once\. Received twice: \['cat'\]"),
        ("cat", "at least two"),
        ("imagenet_woof", "'193'"),
    ],
)
def test_odd_lists_are_refused(classes, message):
    with pytest.raises(ValueError, match=message):
        chosen(classes, ANIMALS)


def test_lists_of_papers_have_distinct_classes():
    assert len(CLASS_LISTS) == 13
    for name, classes in CLASS_LISTS.items():
        wanted = 100 if name == "imagenet_100" else 10
        assert len(set(classes)) == len(classes) == wanted
        for one in classes:
            if isinstance(one, int):
                assert 0 <= one < 1000
            else:
                assert re.fullmatch(r"n\d{8}", one)
    assert CLASS_LISTS["imagenet_100"][:10] == CLASS_LISTS["imagenet_10"]


def test_classes_of_a_list_may_be_synsets():
    """Of sets that call their classes so, in any order."""
    known = sorted(CLASS_LISTS["imagenet_100"])
    places = chosen("imagenet_10", known)
    assert [known[p] for p in places] == [*CLASS_LISTS["imagenet_10"]]
