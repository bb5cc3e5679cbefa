"""Exports of pictures that claim too much, or contradict themselves."""

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.faults.folders import FOLDER, TABLE
from tests.faults.strangers.forged import (
    Change,
    export,
    json,
    rows,
    text,
    unchanged,
    update,
)

_TABLE = "data/train-00000-of-00001.parquet"


def _claims(**values: Any) -> Change:
    return json("manifest.json", update(**values))


# What both are told of by their manifests.
_CLAIMS = {
    "images of two channels": _claims(image_shape=[8, 8, 2]),
    "images of another size": _claims(image_shape=[9, 9, 1]),
    "a shape in words": _claims(image_shape="8x8x1"),
    "fewer names than labels": _claims(class_names=list("012")),
    "an unknown normalisation": _claims(normalization={"name": "evil"}),
    "a step size below 0": _claims(student_learning_rate=-1.0),
    "floats stored in words": _claims(floats_stored="few"),
}
_HUGE = {
    "images of 100000x100000": _claims(image_shape=[100_000, 100_000, 1]),
    "images of 4096x1024": _claims(image_shape=[4096, 1024, 1]),
}


def _huge(picture: bytes) -> bytes:
    """Lets a PNG file claim what another file would."""
    return picture[:16] + (60_000).to_bytes(4, "big") * 2 + picture[24:]


# --- Folders ------------------------------------------------------------------


def _row(**values: str) -> Change:
    """Changes the first row of the table, column by column."""

    def change(path):
        with open(path / "labels.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        rows[0].update(values)
        written = io.StringIO()
        table = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        text("labels.csv", written.getvalue())(path)

    return change


def _picture(changed: Callable[[bytes], bytes]) -> Change:
    def change(path):
        first = min(path.rglob("*.png"))
        first.write_bytes(changed(first.read_bytes()))

    return change


_FOLDERS = rows(
    export(FOLDER),
    "images_folder",
    {
        **_CLAIMS,
        "a picture outside": _row(file="../theirs.npz"),
        "a picture of an absolute path": _row(file="/etc/hostname"),
        "a picture that is the manifest": _row(file="manifest.json"),
        "a picture named twice": _row(file="1/000001.png"),
        "a picture in the folder of another class": _row(
            label="1", class_name="1"
        ),
        "a label in words": _row(label="zero"),
        "a label of -1": _row(label="-1"),
        "a label that is not there": _row(label="10"),
        "a name that is not of its label": _row(class_name="9"),
        "a range in words": _row(low="low"),
        "a range of NaN": _row(high="nan"),
        "a range without end": _row(high="1e999"),
        "a table without rows": text(
            "labels.csv", "file,label,class_name,low,high\n"
        ),
        "a table of no bytes": text("labels.csv", ""),
        "a table of other columns": text("labels.csv", "file,label\n0,0\n"),
        "a table cut short": text(
            "labels.csv", "file,label,class_name,low,high\n0/000000.png,0"
        ),
        "a table that is no UTF-8": lambda path: (
            path / "labels.csv"
        ).write_bytes(b"\xff\xfe"),
        "a picture of text": _picture(lambda _: b"no picture"),
        "a picture of no bytes": _picture(lambda _: b""),
        "a picture cut short": _picture(lambda picture: picture[:60]),
    },
    {**_HUGE, "a picture of 60000x60000": _picture(_huge)},
)

# --- Tables -------------------------------------------------------------------


def _written(
    change: Callable[[pa.Table], pa.Table] = lambda table: table, **how: Any
) -> Change:
    """Writes the table anew, changed or otherwise."""

    def written(path):
        table = change(pq.read_table(path / _TABLE))
        how_written = {"compression": "none", "use_dictionary": False, **how}
        pq.write_table(table, path / _TABLE, **how_written)

    return written


def _column(name: str, changed: Callable[[list[Any]], list[Any]]) -> Change:
    def change(table):
        at = table.schema.get_field_index(name)
        field = table.schema.field(name)
        values = pa.array(changed(table[name].to_pylist()), type=field.type)
        return table.set_column(at, field, values)

    return _written(change)


def _of_each(changed: Callable[[bytes], Any]) -> Change:
    """Changes the bytes of every picture."""

    def change(values):
        return [{**x, "bytes": changed(x["bytes"])} for x in values]

    return _column("image", change)


def _bytes(changed: Callable[[bytes], bytes]) -> Change:
    def change(path):
        file = path / _TABLE
        file.write_bytes(changed(file.read_bytes()))

    return change


_TABLES = rows(
    export(TABLE),
    "images_parquet",
    {
        **_CLAIMS,
        "a table that is text": _bytes(lambda _: b"PAR1 no table PAR1"),
        "a table of no bytes": _bytes(lambda _: b""),
        "a table cut short": _bytes(lambda content: content[:-60]),
        "a table whose end is its beginning": _bytes(
            lambda content: content[:4] + content[-8:]
        ),
        "a table that is packed": _written(compression="zstd"),
        "fewer rows than claimed": _written(lambda table: table.slice(0, 9)),
        "a table without labels": _written(
            lambda table: table.drop_columns(["label"])
        ),
        "a label of -1": _column("label", lambda labels: [-1, *labels[1:]]),
        "a label that is nothing": _column(
            "label", lambda labels: [None, *labels[1:]]
        ),
        "a range of NaN": _column("low", lambda low: [np.nan] * len(low)),
        "pictures of text": _of_each(lambda _: b"no picture"),
        "pictures that are nothing": _of_each(lambda _: None),
        "pictures cut short": _of_each(lambda picture: picture[:60]),
    },
    {
        **_HUGE,
        "pictures of 60000x60000": _of_each(_huge),
        "a billion images": _claims(images=10**9),
    },
)

PICTURES = [*_FOLDERS, *_TABLES]
UNCHANGED = [export(FOLDER)(unchanged), export(TABLE)(unchanged)]
