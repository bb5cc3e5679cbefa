"""A part of the training images that stands for the test images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from fred_tf.datasets.data_facts import HELD_OUT
from fred_tf.datasets.image_data import ImageData, Split
from fred_tf.datasets.names import held_share
from fred_tf.datasets.raw_images import HELD_BACK_SPLIT


def held_out(
    whole: Split, class_names: Sequence[str], share: float
) -> tuple[Split, Split]:
    """Returns what is left of a training split, and what is held out of it.

    To choose settings by: the real test split is not looked at. The last
    images of each class are held out.

    Args:
        whole: the training split.
        class_names: one name per class.
        share: of each class that is held out, in (0, 1); rounded to images.

    Raises:
        ValueError: a class would have no image left on one of the sides.
    """
    held = np.zeros(len(whole), bool)
    for label, name in enumerate(class_names):
        rows = whole.indices_of(label)
        if not len(rows):
            continue  # Which no split may lack, as `check` says.
        count = round(share * len(rows))
        if not 0 < count < len(rows):
            raise ValueError(
                "`holdout` must leave each class an image to train on and one "
                f"to test on. Received: {share} of {len(rows)} images of class "
                f"{name!r}. Choose another share."
            )
        held[rows[-count:]] = True
    train, test = (whole.only(members) for members in (~held, held))
    return train, test


def warn_of_seen(made_of: str, data: ImageData, stated: Any = None) -> None:
    """Warns that a set is scored on images that it was distilled from.

    What is held back or out is drawn from training images as they are: where
    these have changed, others are drawn.

    Args:
        made_of: the data of the set, by their name.
        data: what scores it.
        stated: what the set says of its data, see `DataFacts.description`.
    """
    # The last images of each class: a larger share holds what a smaller does.
    if held_share(data.name) > held_share(made_of):
        logging.warning(
            "%r scores a set of %r by what `holdout` %g holds out, which are "
            "images that it was distilled from: its accuracy on them is no "
            "test accuracy. Distil with it, too.",
            data.name,
            made_of,
            data.holdout,
        )
        return
    train = stated.get("train") if isinstance(stated, Mapping) else None
    drawn = data.tested_on == HELD_BACK_SPLIT or (
        data.tested_on == HELD_OUT and held_share(made_of) == data.holdout
    )
    if drawn and train is not None and train != data.facts.train:
        logging.warning(
            "%r scores a set of %r by %s, drawn from training images that are "
            "not those which it was distilled from: it may have seen some of "
            "them, and its accuracy may be no test accuracy. Load the images "
            "as they were, or put others to test with in `test`.",
            data.name,
            made_of,
            data.tested_on,
        )
