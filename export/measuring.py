"""What networks learn from each form of a set, beside its decoded floats."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from fred_tf import config as config_lib
from fred_tf.datasets import ImageData
from fred_tf.disk import files
from fred_tf.forms import SetForm
from fred_tf.scoring import how, score
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluation import Evaluation


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """What a form is worth.

    Attributes:
        form: its name.
        how: networks were trained, see `scoring.how`.
        evaluation: of networks trained on what is read back of it.
        difference: how much their mean differs from what the same networks
            reach on the decoded floats.
    """

    form: str
    how: Mapping[str, Any]
    evaluation: Evaluation
    difference: float

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as JSON values."""
        return {
            "form": self.form,
            **self.how,
            **self.evaluation.to_json(),
            "difference_to_float32": self.difference,
        }


def accuracies(
    config: config_lib.Config,
    decoded: SyntheticSet,
    written: Mapping[pathlib.Path, SetForm],
    data: ImageData,
    folder: pathlib.Path,
) -> dict[pathlib.Path, Accuracy]:
    """Scores what is read back of each form that loses something.

    Forms that lose nothing, and such as happen to give the very same images,
    share the evaluation of the decoded floats.

    Args:
        config: how to train.
        decoded: the set.
        written: the forms by the paths where they lie.
        data: its test split scores the networks.
        folder: of the files of evaluations, which continue.
    """

    def evaluation(images: np.ndarray, kind: str) -> Evaluation:
        same = np.array_equal(images, decoded.images)
        soft = "" if decoded.soft_labels is None else "_soft"
        return score(
            config,
            dataclasses.replace(decoded, images=images),
            data,
            folder / f"evaluation_{'exact' if same else kind}{soft}.json",
        )

    exact, trained = evaluation(decoded.images, "exact"), how(config)
    measured = {}
    for path, form in written.items():
        own = exact
        if form.lossy:
            images, kind = form.read(path).images, form.name
            if "step" in form.options:  # Another step is another set.
                kind += f"_{files.digest(images.tobytes())[:8]}"
            own = evaluation(images, kind)
        difference = own.mean - exact.mean
        measured[path] = Accuracy(form.name, trained, own, difference)
    return measured
