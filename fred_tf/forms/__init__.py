"""Every form that a distilled set can be written in, as one table."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable

from fred_tf.distilled_run import DistilledRun
from fred_tf.forms import coefficients, manifest
from fred_tf.forms import images as tfrecord
from fred_tf.forms.coefficients import (
    STORAGES,
    read_coefficients,
    write_coefficients,
)
from fred_tf.forms.encodings import ENCODINGS
from fred_tf.forms.images import read_tfrecord, write_tfrecord
from fred_tf.forms.pictures import write_gallery, write_masks
from fred_tf.forms.provenance import provenance
from fred_tf.forms.saved_model import write_keras, write_saved_model
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to write a run.

    Attributes:
        path: where, below the export folder.
        write: takes the run, its decoded set and the path.
        read: takes the path, returns the set; None for what is no data set.
        fits: whether a run can be written so.
        sharded: whether `write` also takes `shards`, a number of files.
    """

    path: str
    write: Callable[..., pathlib.Path]
    read: Callable[[pathlib.Path], SyntheticSet] | None = None
    fits: Callable[[DistilledRun], bool] = lambda run: True
    sharded: bool = False


def _has_frequencies(run: DistilledRun) -> bool:
    return isinstance(run.parameterization, Frequency)


def _has_colours(run: DistilledRun) -> bool:
    return len(run.facts.image_shape) == 3 and run.facts.image_shape[-1] in (
        1,
        3,
    )


def _images(run, decoded, path, encoding, shards=1):
    return write_tfrecord(decoded, path, shards, encoding)


def _coefficients(run, decoded, path, storage):
    return write_coefficients(
        run.parameterization,
        run.config.parameterization,
        decoded,
        path,
        storage,
    )


def _facts(decoded):
    """Returns what no model says: pixels, names, how to train, what to cite."""
    return {
        "dataset": decoded.dataset,
        "class_names": list(decoded.class_names),
        "normalization": decoded.normalization.get_config(),
        "student_learning_rate": decoded.student_learning_rate,
        "details": dict(decoded.details),
        **provenance(decoded),
    }


def _saved_model(run, decoded, path):
    return write_saved_model(run.parameterization, path, _facts(decoded))


def _keras(run, decoded, path):
    return write_keras(run.parameterization, path, _facts(decoded))


FORMS = {
    **{
        f"images_{encoding}": Form(
            f"images_{encoding}",
            functools.partial(_images, encoding=encoding),
            read_tfrecord,
            _has_colours if encoding == "png" else Form.fits,
            sharded=True,
        )
        for encoding in ENCODINGS
    },
    **{
        f"coefficients_{storage}": Form(
            f"coefficients_{storage}",
            functools.partial(_coefficients, storage=storage),
            read_coefficients,
            _has_frequencies,
        )
        for storage in STORAGES
    },
    # As TensorFlow Serving wants it: <name>/<version>.
    "saved_model": Form("saved_model/1", _saved_model),
    "keras": Form("memory.keras", _keras),
    "gallery": Form(
        "gallery.png",
        lambda run, decoded, path: write_gallery(decoded, path),
        fits=lambda run: run.facts.image_shape[-1] in (1, 3),
    ),
    "masks": Form(
        "masks.png",
        lambda run, decoded, path: write_masks(
            run.parameterization, run.facts.class_names, path
        ),
        fits=_has_frequencies,
    ),
}


def read_export(folder: pathlib.Path) -> SyntheticSet:
    """Reads an export of images or of coefficients, whichever it is.

    Raises:
        FileNotFoundError: there is no export at `folder`.
        ValueError: it is damaged, or of another kind or format version.
    """
    readers = {
        tfrecord.KIND: read_tfrecord,
        coefficients.KIND: read_coefficients,
    }
    kind = manifest.read(folder)["kind"]
    if kind not in readers:
        raise ValueError(
            f"Exports of {' and '.join(readers)} can be read. Received: "
            f"{kind!r} in {folder}. Give another folder of `python -m export`."
        )
    return readers[kind](folder)
