"""What each form of a distilled set costs, in bytes and in accuracy."""

import dataclasses
import pathlib
import re

import numpy as np
import tensorflow as tf

from export.measuring import Accuracy
from fred_tf.datasets.data_facts import on_split
from fred_tf.disk import files
from fred_tf.forms import FORMS, alike, making, summaries
from fred_tf.forms.encodings import Png
from fred_tf.forms.manifest import is_of_records
from fred_tf.forms.whitening import matrix_bytes
from fred_tf.synthetic_set import SyntheticSet

NAME = summaries.SIZES
_OF_SET = re.compile(r"^<!-- Of the set (\w+)\. -->$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Size:
    """One row of the table.

    Attributes:
        name: the form.
        size: bytes of all its files.
        payload: bytes of its records alone; None where there are none.
        accuracy: of networks trained on what is read back; None if not
            measured.
    """

    name: str
    size: int
    payload: int | None = None
    accuracy: Accuracy | None = None


def size_of(
    name: str, path: pathlib.Path, accuracy: Accuracy | None = None
) -> Size:
    """Returns the bytes of a form, or else of a file or folder."""
    own = FORMS[name].own_files(path) if name in FORMS else files.inside(path)
    records = [p for p in own if is_of_records(p.name)]
    payload = files.size(*records) if records else None
    return Size(name, files.size(*own), payload, accuracy)


def pictures(decoded: SyntheticSet) -> list[Size]:
    """Returns what the images take as PNG and as JPEG files, no container.

    Each is drawn in its own range, as `Png` does. JPEG has quality 95.
    """
    levels = Png().encode(decoded.images, decoded.normalization)["image"]
    encoders = {
        "PNG files": tf.io.encode_png,
        "JPEG files, quality 95": lambda x: tf.io.encode_jpeg(x, quality=95),
    }
    return [
        Size(name, sum(len(encode(image).numpy()) for image in levels))
        for name, encode in encoders.items()
    ]


def set_of(text: str) -> str | None:
    """Returns the digest of the set that a table is of, see `alike.digest`.

    None where it does not say so: those of earlier versions do not.
    """
    found = _OF_SET.search(text)
    return found[1] if found else None


def table(decoded: SyntheticSet, rows: list[Size], why: str = "") -> str:
    """Returns the sizes as Markdown; ratios are to the decoded floats.

    Args:
        decoded: the set.
        rows: in the order in which they are listed.
        why: why these forms and no others, as Markdown.
    """
    floats = decoded.images.size * np.dtype(np.float32).itemsize
    memory = decoded.floats_stored * np.dtype(np.float32).itemsize
    lines = [
        f"{summaries.SIZES_MARK}test accuracy | against float32, in points |",
        "|---|---|---|---|---|---|",
        f"| decoded floats, in memory | {floats:,} | | 1.0 | | |",
        f"| stored floats, in memory | {memory:,} | | {floats / memory:.1f} "
        "| | |",
    ]
    for row in rows:
        counted = row.size if row.payload is None else row.payload
        payload = "" if row.payload is None else f"{row.payload:,}"
        accuracy = points = ""
        if row.accuracy is not None:
            accuracy = str(row.accuracy.evaluation)
            points = f"{100 * row.accuracy.difference:+.1f}"
        lines.append(
            f"| {row.name} | {row.size:,} | {payload} | "
            f"{floats / counted:.1f} | {accuracy} | {points} |"
        )
    if split := on_split(making.tested_on(decoded.details)):
        lines += ["", f"Accuracies are{split}."]
    if size := matrix_bytes(decoded):
        lines += [
            "",
            f"Images are whitened by `{decoded.normalization.name}`, whose "
            f"matrix takes {size:,} bytes as float32. The stored floats, which "
            "a budget counts, and all forms but `whitening` are without it: it "
            "follows from the training images.",
        ]
    if why:
        lines += ["", why.rstrip()]
    lines += ["", f"<!-- Of the set {alike.digest(decoded)}. -->"]
    return "\n".join(lines) + "\n"
