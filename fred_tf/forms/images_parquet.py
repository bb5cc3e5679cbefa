"""A synthetic set as the Parquet file that Hugging Face reads as images."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from fred_tf.disk import files
from fred_tf.forms import facts, limits, manifest, picture_form
from fred_tf.forms.picture_form import PictureForm
from fred_tf.forms.provenance import provenance
from fred_tf.synthetic_set import SyntheticSet

# As on the Hub: beside it, `load_dataset` looks at no other file.
_TABLE = "data/train-00000-of-00001.parquet"
# Rows that are read at a time by those who stream.
_ROWS_OF_A_GROUP = 100


class ImagesParquet(PictureForm):
    """A folder with one Parquet file, in the layout of Hugging Face.

    ```python
    files = "images_parquet/data/*.parquet"
    data = datasets.load_dataset("parquet", data_files=files, split="train")
    data[0]["image"], data.features["label"].names
    ```

    Columns are `image` (`bytes` of a PNG file, `path` its name), `label`, `low`
    and `high`, and `soft_label` where the set has them. The metadata of the
    schema say under `huggingface` what they are, class names among it, and
    under `fred_tf` what the pixels mean. Pictures are those of `images_png`,
    each of its own range of values: pixels in [0, 1] units, which they may
    leave, are `low + image / 255 * (high - low)`.

    It needs the package `pyarrow`, which TensorFlow Datasets brings. `read`
    takes the soft labels from the manifest: a list within a row may be of any
    length before anybody has counted it.
    """

    name = path = kind = "images_parquet"
    ranges = "its row"
    loading = """\
from datasets import load_dataset

dataset = load_dataset(
    "parquet", data_files=PATH + "/data/*.parquet", split="train"
)
print(dataset.features["label"].names)
dataset[0]["image"]  # pixels: low + image / 255 * (high - low)"""
    arrays = """\
import io

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

table = pq.read_table(PATH + "/data")
pictures = [io.BytesIO(x["bytes"]) for x in table["image"].to_pylist()]
levels = [np.float32(Image.open(picture)) for picture in pictures]
labels = np.array(table["label"])
low, high = (
    np.array(table[name])[:, None, None, None] for name in ("low", "high")
)
levels = np.stack(levels).reshape(len(labels), *levels[0].shape[:2], -1)
pixels = low + levels / 255 * (high - low)"""
    soft_arrays = 'soft_labels = np.float32(table["soft_label"].to_pylist())'

    def write(self, decoded, memory, path):
        path = pathlib.Path(path)
        self.check_replaceable(path)
        _, parquet = _packages()
        said = self.said(decoded)
        table = _written(decoded, said["description"])
        with files.replacing_folder(path) as temporary:
            place = temporary / _TABLE
            place.parent.mkdir()
            # What is packed is not read: PNG is packed already.
            parquet.write_table(
                table,
                place,
                row_group_size=_ROWS_OF_A_GROUP,
                compression="none",
                use_dictionary=False,
            )
            manifest.write(
                temporary,
                self.kind,
                {},
                images=len(decoded.images),
                **said,
                **facts.soft_labels_of(decoded),
            )
        return path

    def verify(self, path):
        picture_form.verify_alone(pathlib.Path(path), self.kind, "*.parquet")

    def restored(self, folder, said):
        count, soft = limits.count(said, "images"), facts.soft_labels(said)
        stored = files.read_bytes(folder / _TABLE, limits.MOST_STORED)
        shape = picture_form.shape_of(said, count, len(stored))
        rows = list(_rows(stored, count, soft is not None))
        pictures, labels, *ranges = zip(*rows)
        images = picture_form.images(said, folder, shape, pictures, *ranges)
        return facts.restored(said, images, np.array(labels), soft, folder)


def _packages() -> tuple[Any, Any]:
    """Returns `pyarrow` and `pyarrow.parquet`.

    Raises:
        ImportError: they are not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "`images_parquet` needs the package `pyarrow`. Received: "
            f"{error}. Install it with `pip install pyarrow`, or export "
            "`images_folder`."
        ) from error
    return pyarrow, pyarrow.parquet


def _schema(soft: bool) -> Any:
    """Returns the columns.

    `datasets` believes its metadata only where all may lack values.
    """
    arrow, _ = _packages()
    parts = {"bytes": arrow.binary(), "path": arrow.string()}
    columns = {
        "image": arrow.struct(list(parts.items())),
        "label": arrow.int64(),
        "low": arrow.float32(),
        "high": arrow.float32(),
    }
    if soft:
        columns["soft_label"] = arrow.list_(arrow.float32())
    return arrow.schema(list(columns.items()))


def _metadata(decoded: SyntheticSet, description: str) -> dict[str, str]:
    """Returns what the schema says besides, as Hugging Face reads it."""

    def value(kind: str) -> dict[str, str]:
        return {"dtype": kind, "_type": "Value"}

    names = list(decoded.class_names)
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": names, "_type": "ClassLabel"},
        "low": value("float32"),
        "high": value("float32"),
    }
    if decoded.soft_labels is not None:
        numbers = {"feature": value("float32"), "_type": "Sequence"}
        features["soft_label"] = numbers
    pixels = {
        "description": description,
        "normalization": decoded.normalization.get_config(),
        **provenance(decoded),
    }
    return {
        "huggingface": json.dumps({"info": {"features": features}}),
        "fred_tf": json.dumps(pixels),
    }


def _written(decoded: SyntheticSet, description: str) -> Any:
    """Returns the table of a set."""
    arrow, _ = _packages()
    soft = decoded.soft_labels
    pictures, low, high = picture_form.encoded(decoded)
    columns: list[Any] = [
        [
            {"bytes": picture, "path": f"{number:06}.png"}
            for number, picture in enumerate(pictures)
        ],
        decoded.labels.astype(np.int64),
        low,
        high,
    ]
    if soft is not None:
        columns.append(list(soft))
    schema = _schema(soft is not None)
    return arrow.table(
        [arrow.array(c, type=f.type) for c, f in zip(columns, schema)],
        schema=schema.with_metadata(_metadata(decoded, description)),
    )


def _rows(
    stored: bytes, count: int, soft: bool
) -> Iterator[tuple[bytes, int, float, float]]:
    """Yields picture, label, low and high of each row of a Parquet file.

    A row is read at a time, so that whatever a page claims is at most as long
    as the file.

    Raises:
        ValueError: it is no such file, or not of `count` rows.
    """
    arrow, parquet = _packages()
    total = 0
    try:
        file = parquet.ParquetFile(arrow.BufferReader(stored))
        if file.metadata.num_rows != count:
            raise ValueError(f"{_TABLE} must have {count} rows")
        if not file.schema_arrow.equals(_schema(soft)):
            raise ValueError(
                f"{_TABLE} must have the columns {_schema(soft)}. Received: "
                f"{str(file.schema_arrow):.400}"
            )
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            packed = {
                group.column(column).compression
                for column in range(group.num_columns)
            }
            if packed != {"UNCOMPRESSED"}:
                raise ValueError(f"{_TABLE} must not be packed, by {packed}")
        wanted = ["image.bytes", "label", "low", "high"]
        for batch in file.iter_batches(1, columns=wanted):
            for row in batch.to_pylist():
                total += len(row["image"]["bytes"])
                if total > len(stored):
                    raise ValueError(f"{_TABLE} holds more than its bytes")
                yield (
                    row["image"]["bytes"],
                    *(row[name] for name in wanted[1:]),
                )
    except (arrow.ArrowException, OSError) as error:
        raise ValueError(f"{_TABLE} is no Parquet file: {error}") from error
