"""What networks learn from each form of a set, beside its decoded floats."""

import contextlib
import dataclasses
import math
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fred_tf import config as config_lib
from fred_tf.datasets import DataFacts, ImageData
from fred_tf.disk import arrays, claims, evaluation_files, records, replaceable
from fred_tf.forms import SetForm, making
from fred_tf.scoring import TOLD, description, fitted_on, how, score
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

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Accuracy":
        """Undoes `to_json`, which somebody else may have given.

        Raises:
            ValueError: it is no accuracy.
        """
        scores = tuple(making.stated_scores(said))
        rate = claims.number(said, "learning_rate", 0, math.inf)
        return cls(
            claims.text(said, "form"),
            {k: v for k, v in said.items() if k in TOLD},
            Evaluation(scores, rate),
            claims.number(said, "difference_to_float32", -1, 1),
        )


def trained_alike(
    now: Iterable[Accuracy], before: Mapping[str, Mapping[str, Any]]
) -> dict[str, Accuracy]:
    """Returns accuracies that one table may hold, by form.

    Args:
        now: what was measured at present.
        before: what `to_json` gave of other forms, by name; left out where
            networks were trained otherwise, or where it tells nothing.
    """
    found = {accuracy.form: accuracy for accuracy in now}
    for name, said in before.items():
        with contextlib.suppress(*making.MISFITS):
            earlier = Accuracy.from_json(said)
            first = next(iter(found.values()), earlier)
            if records.plain(first.how) == records.plain(earlier.how):
                found[name] = earlier
    return found


def check_replaceable(folder: pathlib.Path) -> None:
    """Refuses a folder where files of somebody else might be replaced.

    Raises:
        FileExistsError: see `replaceable.check_file`.
    """
    for path in sorted(folder.glob("evaluation_*.json")):
        replaceable.check_file(
            path, f'"kind": "{evaluation_files.KIND}"'.encode()
        )


def check_data(own: DataFacts, data: ImageData) -> None:
    """Refuses test images on which an accuracy is none of an export's own.

    Args:
        own: of the data that the run was made of.
        data: what is to score its forms.

    Raises:
        ValueError: there are none, or they are others.
    """
    _ = data.scored  # Refuses data without any.
    if (test := data.facts.test) != own.test:
        raise ValueError(
            "An export states accuracies on the test images that the run was "
            f"recorded on. Received: others in {data.name!r}, whose digest is "
            f"{test}, and that of the run is {own.test}. Restore those images, "
            "or export without measuring and score a form on these by "
            "`trainers.evaluate --exported`."
        )


def accuracies(
    config: config_lib.Config,
    decoded: SyntheticSet,
    written: Mapping[pathlib.Path, SetForm],
    data: ImageData,
    folder: pathlib.Path,
) -> dict[pathlib.Path, Accuracy]:
    """Scores what is read back of each form that loses something.

    Forms that lose nothing, and such as happen to give the very same images and
    labels, share the evaluation of the decoded floats.

    Args:
        config: how to train.
        decoded: the set.
        written: the forms by the paths where they lie.
        data: its test split scores the networks.
        folder: of the files of evaluations, which continue; those of another
            set or of other settings are begun anew.
    """

    def evaluation(given: SyntheticSet, kind: str) -> Evaluation:
        same = all(
            np.array_equal(getattr(given, name), getattr(decoded, name))
            for name in ("images", "targets")
        )
        soft = "" if decoded.soft_labels is None else "_soft"
        path = folder / f"evaluation_{'exact' if same else kind}{soft}.json"
        read = dataclasses.replace(
            decoded, images=given.images, soft_labels=given.soft_labels
        )
        if not _continues(path, config, read, data):
            path.unlink(missing_ok=True)
        return score(config, read, data, path)

    exact, trained = evaluation(decoded, "exact"), how(config)
    measured = {}
    for path, form in written.items():
        own = exact
        if form.lossy:
            read, kind = form.read(path), form.name
            if "step" in form.options:  # Another step is another set.
                kind += f"_{arrays.bytes_digest(read.images)[:8]}"
            own = evaluation(read, kind)
        difference = own.mean - exact.mean
        measured[path] = Accuracy(form.name, trained, own, difference)
    return measured


def _continues(
    path: pathlib.Path,
    config: config_lib.Config,
    read: SyntheticSet,
    data: ImageData,
) -> bool:
    """Returns whether a file holds some of this very evaluation."""
    told = description(config, fitted_on(data, read))
    work = evaluation_files.KIND, told["identity"], data.facts.to_json()
    with contextlib.suppress(ValueError):
        return bool(records.continued(path, *work, has_begun=lambda _: False))
    return False
