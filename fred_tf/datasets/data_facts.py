"""What must be known of a data set to use what was made from it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from fred_tf.normalizations import Normalization, from_config


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
    """

    name: str
    image_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    normalization: Normalization
    preparation: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    train: str | None = None
    test: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the facts as JSON values."""
        return {
            "name": self.name,
            "image_shape": list(self.image_shape),
            "class_names": list(self.class_names),
            "normalization": self.normalization.get_config(),
            "preparation": dict(self.preparation),
            "train": self.train,
            "test": self.test,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "DataFacts":
        """Undoes `to_json`."""
        return cls(
            **{
                **values,
                "image_shape": tuple(values["image_shape"]),
                "class_names": tuple(values["class_names"]),
                "normalization": from_config(values["normalization"]),
            }
        )
