"""A distilled set and what can be done with it."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from fred_tf import config as config_lib
from fred_tf import datasets, presets, scoring
from fred_tf.assignments import listed
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.disk import paths
from fred_tf.disk.files import Path
from fred_tf.distilled_run import DistilledRun
from fred_tf.foreign import KerasNetwork, array_file
from fred_tf.parameterizations import Parameterization
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluation import Evaluation


@dataclasses.dataclass(frozen=True, eq=False)
class DistilledSet:
    """Decoded images with labels, and the run that made them, if at hand.

    ```python
    distilled = fred_tf.distill(data, ipc=1)
    distilled = fred_tf.DistilledSet.load("exported/images_float32")
    for image, label in distilled.dataset():
        ...
    print(distilled.evaluate(data))
    ```

    Attributes:
        decoded: images, labels, normalisation and what else is known.
        made_by: the run; None for a set that was loaded.
    """

    decoded: SyntheticSet
    made_by: DistilledRun | None = None

    @property
    def run(self) -> DistilledRun:
        """The run that made it: its memory, settings and folder.

        Raises:
            ValueError: the set was loaded.
        """
        if self.made_by is None:
            raise ValueError(
                "Only a set that `distill` returned has its run at hand. "
                "Received: one that was loaded. Take what you need from "
                "`decoded`, or restore the run with `DistilledRun.restore`."
            )
        return self.made_by

    @classmethod
    def of_run(cls, run: DistilledRun) -> "DistilledSet":
        """Returns the set of a run."""
        return cls(run.synthetic_set(), run)

    @classmethod
    def load(cls, path: Path) -> "DistilledSet":
        """Reads a set in any form that `export` or `save` has written.

        Raises:
            FileNotFoundError: there is none at `path`.
            ImportError: a package that reads this form is not installed.
            TypeError: it is no path.
            ValueError: it is damaged, or no form of a data set.
        """
        from fred_tf import forms  # Loads TFDS and matplotlib.

        if not isinstance(path, Path):
            raise TypeError(
                "A set is read from the path of its export. Received: "
                f"{type(path).__name__}. Arrays become a set by "
                "`fred_tf.foreign_set((images, labels), data, values=...)`."
            )
        if array_file.is_array_file(path):
            raise ValueError(
                "Arrays of others mean something beside the data that they "
                f"stand for. Received: {path}. Read them with "
                "`fred_tf.foreign_set(path, data, values=...)`."
            )
        return cls(forms.read(paths.checked(path)))

    @property
    def images(self) -> np.ndarray:
        """Normalised float32 `[n, height, width, channels]`."""
        return self.decoded.images

    @property
    def labels(self) -> np.ndarray:
        """Classes, int32 `[n]`."""
        return self.decoded.labels

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return (
            f"<DistilledSet of {self.decoded.dataset}: {len(self)} images "
            f"{self.images.shape[1:]} in {self.decoded.floats_stored:,} floats>"
        )

    def dataset(self) -> tf.data.Dataset:
        """Returns all `(image, label)` as a `tf.data.Dataset`, unbatched.

        Labels are probabilities `[classes]` where the set has soft ones.
        """
        return tf.data.Dataset.from_tensor_slices(
            (self.images, self.decoded.targets)
        )

    def evaluate(
        self,
        data: ImageData | Any,
        config: Config | str | None = None,
        *,
        overrides: Iterable[str] = (),
        path: Path | None = None,
        network: Callable[[], keras.Model] | keras.Model | Path | None = None,
    ) -> Evaluation:
        """Trains fresh networks on the set and scores them on test images.

        Args:
            data: from `load_data`, or what that takes; its test split scores.
            config: how; by default as the set's own run says.
            overrides: `name=value` each, e.g. `evaluation.networks=2`.
            path: JSON file that keeps each network's accuracy, so that a
                stopped evaluation continues; None keeps nothing.
            network: any Keras model in place of the config's network: a
                function that makes one, a model, or a `.keras` file. Each
                network starts with fresh weights, see `KerasNetwork`.

        Returns:
            Accuracies with their `mean` and `deviation`.

        Raises:
            ValueError: `data` has no test images, a setting is wrong, or the
                model does not suit images and classes.
            TypeError: an argument is of another kind.
            FileNotFoundError: there is no model where `network` says.
            OSError: `path` cannot be written; no network is trained.
        """
        path = None if path is None else paths.file(path)
        data = datasets.as_data(data)
        overrides = listed(overrides)  # They are read twice.
        own, settled = (
            presets.settled(
                data, config or self.config(), None, changes, scored=True
            )
            for changes in ((), overrides)
        )
        replaced = () if network is None else scoring.OF_NETWORK
        scoring.check_changes(own, settled, replaced=replaced)
        made_by = self.made_by
        if made_by and made_by.config.parameterization.export_bytes:
            logging.warning(
                "The set is scored as floats. What %s bytes hold of it is what "
                "`DistilledSet.load` reads of its export `coefficients_coded`.",
                f"{made_by.config.parameterization.export_bytes:,}",
            )
        foreign = None
        if network is not None:
            foreign = KerasNetwork(network, data.image_shape, data.classes)
        return scoring.score(settled, self.decoded, data, path, network=foreign)

    def config(self) -> Config:
        """Returns the settings of the run that made the set.

        Raises:
            ValueError: the set does not say.
        """
        if self.made_by is not None:
            return self.made_by.config
        told = self.decoded.details.get("config")
        if told is None:
            raise ValueError(
                "The set does not say how it was made. Received: details "
                f"{sorted(self.decoded.details)}. Give a `config`."
            )
        return config_lib.from_json(told)

    def export(
        self,
        folder: Path,
        names: str | Iterable[str] = (),
        card: bool = False,
        budget_bytes: int | None = None,
        **options: Any,
    ) -> list[pathlib.Path]:
        """Writes the set for others, in some forms, with a README.md.

        That tells of forms of the same set that were there before, too; of
        those of another it warns. `python -m export` also measures and lists
        what each form costs.

        Args:
            folder: of all that is written.
            names: keys of `fred_tf.FORMS`, or one; all that fit if empty.
            card: whether the README.md begins with what hubs of data sets read.
            budget_bytes: writes only the form that errs least within so many
                bytes, all its files counted; None writes each.
            **options: of the forms that take them, e.g. `shards=2`, see
                `Form.options`.

        Returns:
            The paths of the forms.

        Raises:
            TypeError: no form has such an option, or it is of another type.
            ValueError: a form is unknown or does not fit the set, an option is
                out of range or of none of these forms, or nothing fits
                `budget_bytes`.
            FileExistsError: something else lies where a form would, or the
                README.md.
            ImportError: a package that writes a form is not installed.
            RuntimeError: another process exports to the folder.
        """
        from fred_tf import forms  # Loads TFDS and matplotlib.
        from fred_tf.forms import exports, staging, within_budget

        checked = paths.folder(folder, "folder")
        names = listed(names)  # They are read several times.
        forms.readme.check_replaceable(checked)
        decoded = exports.evaluated(self.decoded, self.made_by)
        if budget_bytes is not None:
            best, _ = within_budget.best(
                decoded,
                self._memory,
                checked,
                names,
                budget_bytes,
                options,
            )
            names, options = [best.name], dict(best.options)
        fit = forms.chosen(names, decoded, self._memory)
        with staging.alone(checked / forms.readme.NAME):
            stays = exports.staying(decoded, checked, fit)
            written = forms.write(
                decoded, self._memory, checked, names, **options
            )
            exports.describe(decoded, checked, written, stays, card)
        return list(written.values())

    def save(
        self, path: Path, form: str = "images_float32", **options: Any
    ) -> pathlib.Path:
        """Writes the set in one form at `path`; `load` reads it.

        Args:
            path: folder or file; an earlier export there is replaced, and the
                README.md and sizes.md beside it that told of it are removed.
            form: a key of `fred_tf.FORMS`.
            **options: those of the form, see `Form.options`.

        Raises:
            ValueError: the form is unknown or does not fit the set, or an
                option is out of range.
            TypeError: the form has no such option.
            FileExistsError: something else lies there.
            ImportError: a package that writes the form is not installed.
            RuntimeError: another process writes there.
        """
        from fred_tf import forms  # Loads TFDS and matplotlib.
        from fred_tf.forms import exports, staging, summaries

        (writer,) = forms.chosen([form], self.decoded, self._memory).values()
        if unknown := options.keys() - set(writer.options):
            raise TypeError(
                f"Options of {form!r} are {list(writer.options)}. Received: "
                f"{sorted(unknown)}."
            )
        place = paths.file(path)
        writer.check_replaceable(place)
        with staging.alone(place), staging.staged(place.parent) as scratch:
            written = writer.write(
                exports.evaluated(self.decoded, self.made_by),
                self._memory,
                scratch / place.name,
                **writer.taken(options),
            )
            if place.exists():
                summaries.remove(place.parent)
            return writer.move(written, place)

    @property
    def _memory(self) -> Parameterization | None:
        return None if self.made_by is None else self.made_by.parameterization


def evaluate(
    subject: DistilledSet | SyntheticSet | Path,
    data: ImageData | Any,
    config: Config | str | None = None,
    *,
    overrides: Iterable[str] = (),
    path: Path | None = None,
    network: Callable[[], keras.Model] | keras.Model | Path | None = None,
) -> Evaluation:
    """Trains fresh networks on a set and scores them on test images.

    Args:
        subject: the set, e.g. of real images, or an export of it.
        data, config, overrides, path, network: see `DistilledSet.evaluate`.

    Raises:
        FileNotFoundError: there is no export at `subject`.
        TypeError: an argument is of another kind.
        ValueError: `data` has no test images, or a setting is wrong.
    """
    if isinstance(subject, SyntheticSet):
        subject = DistilledSet(subject)
    elif not isinstance(subject, DistilledSet):
        subject = DistilledSet.load(subject)
    return subject.evaluate(
        data, config, overrides=overrides, path=path, network=network
    )
