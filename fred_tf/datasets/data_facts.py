"""What must be known of a data set to use what was made from it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from fred_tf.datasets import names
from fred_tf.disk import claims
from fred_tf.normalizations import Normalization, from_config

# The split that accuracies are on, unless another one stands for it.
TEST = "test"
# What `holdout` puts in its place. Records do not say so: the name does.
HELD_OUT = "held-out training images"


def on_split(tested_on: str) -> str:
    """Returns what to say of accuracies that are not on a test split.

    ` on the validation split`; nothing where they are.
    """
    if tested_on == TEST:
        return ""
    if " " in tested_on:
        return f" on {tested_on}"
    return f" on the {tested_on} split"


def tested_on(stated: Mapping[str, Any]) -> str:
    """Returns what stands for the test split of data that a record states."""
    told = stated.get("tested_on") or TEST
    name = str(stated.get("name"))
    held_out = names.held_share(name)
    return HELD_OUT if told == TEST and held_out else str(told)


@dataclasses.dataclass(frozen=True)
class DataFacts:
    """A data set without its images, as records state it.

    Attributes:
        name: what `datasets.load` was asked for.
        image_shape: `(height, width, channels)`; of voxels with the depth
            before.
        class_names: one name per class.
        normalization: maps pixels in [0, 1] to what networks see.
        preparation: how the images were made of others, e.g. by what crop to
            what size; fit for JSON. Empty where they are as they came.
        train: digest of the training split, see `arrays.digest`; None where it
            is not known.
        test: digest of the test split; None where there is none.
        tested_on: what stands for the test split, e.g. `validation`.
    """

    name: str
    image_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    normalization: Normalization
    preparation: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    train: str | None = None
    test: str | None = None
    tested_on: str = TEST

    def to_json(self) -> dict[str, Any]:
        """Returns the facts as JSON values.

        Where a test split is what is tested on they do not say so, nor where
        the name says it: records of earlier versions do not, either.
        """
        usual = self.tested_on in (TEST, HELD_OUT)
        other = {} if usual else {"tested_on": self.tested_on}
        return {
            "name": self.name,
            "image_shape": list(self.image_shape),
            "class_names": list(self.class_names),
            "normalization": self.normalization.get_config(),
            "preparation": dict(self.preparation),
            "train": self.train,
            "test": self.test,
            **other,
        }

    def description(self) -> dict[str, Any]:
        """Returns where images come from and what was done to them.

        For exports, which state classes and normalisation beside it.
        """
        stated = self.to_json()
        told = ("name", "image_shape", "preparation", "train", "test")
        return {
            **{name: stated[name] for name in told},
            "tested_on": stated.get("tested_on", TEST),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "DataFacts":
        """Undoes `to_json`.

        Raises:
            ValueError: `tested_on` or `preparation` is of another kind.
        """
        if "tested_on" in values:
            claims.text(values, "tested_on")
        if "preparation" in values:
            claims.mapping(values, "preparation")
        return cls(
            **{
                **values,
                "image_shape": tuple(values["image_shape"]),
                "class_names": tuple(values["class_names"]),
                "normalization": from_config(values["normalization"]),
                "tested_on": tested_on(values),
            }
        )
