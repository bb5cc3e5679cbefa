"""What a source has found, brought to one size, colour and list of classes."""

import dataclasses
from typing import Any

from absl import logging

from fred_tf.datasets import raw_images
from fred_tf.datasets.class_lists import chosen
from fred_tf.datasets.image_data import Split, check_classes
from fred_tf.datasets.preparation import Preparation
from fred_tf.datasets.raw_images import Found, Raw
from fred_tf.disk.paths import Path

# What levels of 16 bits are divided by.
_MOST_OF_16_BITS = 65_535


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Splits as they are handed out.

    Attributes:
        train: the training split.
        test: the test split; None where there is none.
        class_names: one per class.
        tested_on: what stands for the test split.
        preparation: what was done to the images; fit for JSON, and empty where
            that is nothing.
    """

    train: Split
    test: Split | None
    class_names: tuple[str, ...]
    tested_on: str
    preparation: dict[str, Any]


def prepared(
    found: Found,
    preparation: Preparation,
    hold_back: bool = True,
    cache_dir: Path | None = None,
) -> Prepared:
    """Decodes and prepares what a source has found.

    Args:
        found: splits, in memory or not.
        preparation: what is done to them.
        hold_back: whether a part of the training images stands for test images
            that are missing. Data in memory are left as they are.
        cache_dir: see `raw_images.collected`.

    Raises:
        ValueError: a class is unknown, or an image cannot be prepared.
    """
    class_names, tested_on = found.class_names, found.tested_on
    if isinstance(found.train, Split):
        if not preparation.to_json():
            return Prepared(
                found.train, _split(found.test), class_names, tested_on, {}
            )
        hold_back = False
    splits = {
        "train": _raw(found.train, "the train split"),
        "test": _raw(found.test, "the test split"),
    }
    if preparation.classes:
        places = chosen(preparation.classes, class_names)
        class_names = tuple(class_names[place] for place in places)
        splits = {
            name: raw and raw_images.only_classes(raw, places)
            for name, raw in splits.items()
        }
    present = {n: raw for n, raw in splits.items() if raw and len(raw.labels)}
    _check_train(splits["train"], class_names)
    asked = sum(len(raw.labels) for raw in present.values())
    faults: list[ValueError] = []
    # All is looked at before anything is decoded.
    present = {
        name: raw_images.without_damaged(raw, preparation, faults)
        for name, raw in present.items()
    }
    if "test" not in present and hold_back:
        present["train"], present["test"] = raw_images.parted(present["train"])
        tested_on = raw_images.HELD_BACK_SPLIT
        logging.warning(
            "%s has no test images with labels: accuracies are on %s, %d "
            "images.",
            found.train.place if isinstance(found.train, Raw) else "It",
            tested_on,
            len(present["test"].labels),
        )
    channels = _channels(present["train"], [*present.values()], preparation)
    deep = any(raw.deep for raw in present.values())
    done = {
        name: raw_images.collected(
            raw, preparation, channels, deep, cache_dir, faults
        )
        for name, raw in present.items()
    }
    for name, raw in present.items():
        if raw.deep and raw.divided:
            _tell_of_dark(done[name], raw.place)
    described = preparation.to_json()
    if left_out := asked - sum(map(len, done.values())):
        described["left_out"] = left_out
        logging.warning(
            "%d of %d images cannot be read and are left out%s",
            left_out,
            asked,
            f"; the first: {faults[0]}" if faults else ", as before.",
        )
    return Prepared(
        done["train"], done.get("test"), class_names, tested_on, described
    )


def _split(split: Raw | Split | None) -> Split | None:
    assert not isinstance(split, Raw)
    return split


def _raw(split: Raw | Split | None, place: str) -> Raw | None:
    if isinstance(split, Split):
        return raw_images.of_split(split, place)
    return split


def _check_train(train: Raw | None, class_names: tuple[str, ...]) -> None:
    assert train is not None
    check_classes(class_names, train.place)
    there = set(train.labels.tolist())
    missing = [n for label, n in enumerate(class_names) if label not in there]
    if missing:
        raise ValueError(
            "Every class must occur in the train split. Received: no image of "
            f"{', '.join(map(repr, missing))}. Add images, or leave the class "
            "out with `classes`."
        )


def _channels(
    train: Raw, splits: list[Raw], preparation: Preparation
) -> int | None:
    """Returns how many channels all are to have; None leaves them."""
    if train.channels and preparation.colour == "as_is":
        return None
    grey = [grey for raw in splits for grey in raw.grey]
    channels = preparation.channels(grey)
    if preparation.colour == "as_is" and channels == 3 and any(grey):
        logging.warning(
            "%d of %d images are grey among others in colour: they become RGB.",
            sum(grey),
            len(grey),
        )
    return channels


def _tell_of_dark(split: Split, place: str) -> None:
    """Warns of levels of 16 bits that look as if they were of fewer."""
    brightest = round(raw_images.brightest(split.images) * _MOST_OF_16_BITS)
    if brightest < 1 << 15:
        logging.warning(
            "%s holds images of 16 bits whose brightest value is %d: they are "
            "divided by 65,535 and so at most %.3f of 1. If they are of fewer "
            "bits, multiply them before they are written.",
            place,
            brightest,
            brightest / _MOST_OF_16_BITS,
        )
