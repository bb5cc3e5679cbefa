"""A synthetic set as pictures in a folder for each class, and back."""

import csv
import io
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fred_tf.disk import files
from fred_tf.forms import facts, manifest, picture_form
from fred_tf.forms.class_folders import folders
from fred_tf.forms.picture_form import PictureForm
from fred_tf.synthetic_set import SyntheticSet

_TABLE = "labels.csv"
_COLUMNS = ["file", "label", "class_name", "low", "high"]
# Bytes of the table, at most: a thousand of a million images.
_MOST_TABLE = 1 << 30


class ImagesFolder(PictureForm):
    """A folder of PNG files that every loader of images takes, and a table.

    ```
    images_folder/
      airplane/000000.png     a folder for each class, named for it
      labels.csv              a row per image, in their order
      manifest.json           what the set is, and the SHA-256 of each file
    ```

    A class whose name is no name of a folder has one that is near, see
    `class_folders`; `labels.csv` has the class by number and name as they are.
    Pictures are those of `images_png`, each of its own range of values: pixels
    in [0, 1] units, which they may leave, are `low + image / 255 * (high -
    low)`, of its row. Soft labels are its columns `soft_0`, `soft_1` and so
    on, a number per class. Loaders that know folders only, and number them by
    the alphabet, learn from the hard labels and see pictures without their
    range.
    """

    name = path = kind = "images_folder"
    ranges = f"its row of {_TABLE}"
    loading = """\
import csv

import numpy as np
from PIL import Image

with open(PATH + "/labels.csv", encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
pictures = [np.asarray(Image.open(f"{PATH}/{row['file']}")) for row in rows]
low, high = ([float(row[name]) for row in rows] for name in ("low", "high"))
labels = [int(row["label"]) for row in rows]"""
    arrays = """\
import csv

import numpy as np
from PIL import Image

with open(PATH + "/labels.csv", encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
levels = [np.float32(Image.open(f"{PATH}/{row['file']}")) for row in rows]
labels = np.array([int(row["label"]) for row in rows])
low, high = (
    np.float32([row[name] for row in rows])[:, None, None, None]
    for name in ("low", "high")
)
levels = np.stack(levels).reshape(len(rows), *levels[0].shape[:2], -1)
pixels = low + levels / 255 * (high - low)"""
    soft_arrays = """\
soft_labels = np.float32(
    [[row[x] for x in row if x.startswith("soft_")] for row in rows]
)"""

    def write(self, decoded, memory, path):
        path = pathlib.Path(path)
        self.check_replaceable(path)
        said = self.said(decoded)
        pictures, low, high = picture_form.encoded(decoded)
        rows = _rows(decoded, low, high)
        with files.replacing_folder(path) as temporary:
            for row, picture in zip(rows, pictures):
                place = temporary / row[0]
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(picture)
            text = io.StringIO()
            table = csv.writer(text, lineterminator="\n")
            table.writerows(
                [
                    _header(decoded.classes, decoded.soft_labels is not None),
                    *rows,
                ]
            )
            (temporary / _TABLE).write_text(text.getvalue(), encoding="utf-8")
            manifest.write(temporary, self.kind, {}, **said)
        return path

    def restored(self, folder, said):
        names = facts.class_names(said)
        rows = list(_table(folder / _TABLE, len(names)))
        paths, there = [row["file"] for row in rows], set(said["files"])
        if not rows or len(set(paths)) < len(rows) or set(paths) - there:
            raise ValueError(
                f"{_TABLE} must name files of the manifest, each once"
            )
        _check_classes(rows, names)
        stored = sum((folder / path).stat().st_size for path in paths)
        shape = picture_form.shape_of(said, len(rows), stored)
        labels = np.array([int(row["label"]) for row in rows])
        pictures = (files.read_bytes(folder / path, stored) for path in paths)
        ranges = ([row[name] for row in rows] for name in ("low", "high"))
        soft = None
        if len(rows[0]) > len(_COLUMNS):
            soft = np.array([[*row.values()][len(_COLUMNS) :] for row in rows])
            soft = soft.astype(np.float32)
        images = picture_form.images(said, folder, shape, pictures, *ranges)
        return facts.restored(said, images, labels, soft, folder)

    def verify(self, path):
        picture_form.verify_alone(pathlib.Path(path), self.kind, "*.png")


def _header(classes: int, soft: bool) -> list[str]:
    return [*_COLUMNS, *(f"soft_{i}" for i in range(classes if soft else 0))]


def _rows(
    decoded: SyntheticSet, low: Sequence[float], high: Sequence[float]
) -> list[list[str]]:
    """Returns the table, a row per image."""
    names = decoded.class_names
    places = _places(names)
    soft = decoded.soft_labels
    rows = []
    for number, label in enumerate(decoded.labels):
        numbers = [low[number], high[number]]
        numbers += [] if soft is None else list(soft[number])
        rows.append(
            [
                f"{places[label]}/{number:06}.png",
                str(label),
                names[label],
                *map(str, map(float, numbers)),
            ]
        )
    return rows


def _check_classes(
    rows: Sequence[Mapping[str, str]], names: Sequence[str]
) -> None:
    """Refuses a table whose pictures are of other classes than it says.

    Loaders learn a class from the folder, people from its name, we from its
    number.

    Raises:
        ValueError: the three of a row are not of one class.
    """
    places = _places(names)
    known = {str(n): (name, places[n]) for n, name in enumerate(names)}
    for row in rows:
        place, _, _ = row["file"].rpartition("/")
        if known.get(row["label"]) != (row["class_name"], place):
            raise ValueError(
                f"{_TABLE} must name the class of each picture as its folder "
                f"does. Received: {list(row.values())!r:.200}."
            )


def _places(names: Sequence[str]) -> Sequence[str]:
    """Returns the folder of each class."""
    return folders(names, (_TABLE, manifest.NAME))


def _table(path: pathlib.Path, classes: int) -> Iterator[dict[str, str]]:
    """Yields the rows of a table, each with all columns and no more."""
    text = files.read_bytes(path, _MOST_TABLE).decode("utf-8")
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    except csv.Error as error:
        raise ValueError(f"{_TABLE} is no table: {error}") from error
    known = [_header(classes, soft) for soft in (False, True)]
    for row in (header, *rows):
        if header not in known or len(row) != len(header):
            raise ValueError(
                f"{_TABLE} must have the columns {_COLUMNS}, and soft labels "
                f"or none. Received: {row!r:.200}."
            )
    for row in rows:
        yield dict(zip(header, row))
