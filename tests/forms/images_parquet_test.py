"""The Parquet file: what Hugging Face reads of it, and what is refused."""

import dataclasses
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fred_tf import forms
from fred_tf.forms import images_parquet, manifest
from fred_tf.forms.images_parquet import ImagesParquet
from fred_tf.synthetic_set import SyntheticSet
from tests.faults.folders import reseal

TABLE = images_parquet._TABLE


@pytest.fixture
def named(small_set) -> SyntheticSet:
    soft = np.random.default_rng(0).dirichlet([1, 1], 4).astype(np.float32)
    return dataclasses.replace(
        small_set, class_names=("T-shirt/top", "né"), soft_labels=soft
    )


@pytest.fixture
def folder(named, tmp_path):
    return ImagesParquet().write(named, None, tmp_path / "table")


def test_pyarrow_reads_pictures_labels_and_pixels(named, folder):
    table = pq.read_table(folder / TABLE)
    assert table["label"].to_pylist() == named.labels.tolist()
    soft = np.array(table["soft_label"].to_pylist(), np.float32)
    np.testing.assert_array_equal(soft, named.soft_labels)
    for row, pixels in zip(table.to_pylist(), named.pixels()):
        span = row["high"] - row["low"]
        levels = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
        found = row["low"] + levels / 255 * span
        np.testing.assert_allclose(found, pixels[..., 0], atol=span / 500)


def test_the_schema_says_it_as_hugging_face_does(named, folder):
    """So `datasets` has written it, in its versions 2 to 5."""
    schema = pq.read_schema(folder / TABLE)
    said = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert said["image"] == {"_type": "Image"}
    names = list(named.class_names)
    assert said["label"] == {"names": names, "_type": "ClassLabel"}
    assert list(said) == schema.names
    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    # It believes what is said of a column of the very same type only.
    assert schema.field("image") == pa.field("image", image)
    assert schema.field("label") == pa.field("label", pa.int64())
    pixels = json.loads(schema.metadata[b"fred_tf"])
    assert pixels["normalization"] == named.normalization.get_config()
    assert "low + image / 255 * (high - low)" in pixels["description"]


def test_datasets_gives_images_with_class_names(named, folder, tmp_path):
    datasets = pytest.importorskip(
        "datasets", reason="needs `pip install datasets`"
    )
    for data in (
        datasets.load_dataset(
            "parquet",
            data_files=f"{folder}/data/*.parquet",
            split="train",
            cache_dir=str(tmp_path / "cache"),
        ),
        datasets.load_dataset(
            str(folder), split="train", cache_dir=str(tmp_path / "cache")
        ),
    ):
        assert data.features["label"].names == list(named.class_names)
        assert data["label"][:] == named.labels.tolist()
        assert data[0]["image"].size == (4, 4)


def test_it_is_read_back(named, small_set, folder, tmp_path, assert_same):
    assert_same(forms.read(folder), named, images=False)
    assert 0 < np.abs(forms.read(folder).images - named.images).max() < 0.1
    hard = ImagesParquet().write(small_set, None, tmp_path / "hard")
    assert_same(forms.read(hard), small_set, images=False)
    assert "soft_label" not in pq.read_schema(hard / TABLE).names


def test_equal_sets_give_equal_files(named, folder, tmp_path):
    again = ImagesParquet().write(named, None, tmp_path / "again")
    for name in (TABLE, manifest.NAME):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_no_flipped_byte_goes_unseen(
    folder, named, assert_same, flipped, every
):
    for name in (TABLE, manifest.NAME):
        for _ in flipped(folder / name, every):
            with pytest.raises(ValueError, match=name):
                forms.read(folder)
    assert_same(forms.read(folder), named, images=False)


def _table(change=lambda table: table, **how):
    def edit(folder):
        how_written = {"compression": "none", "use_dictionary": False, **how}
        table = change(pq.read_table(folder / TABLE))
        pq.write_table(table, folder / TABLE, **how_written)

    return edit


def _column(name, values):
    def change(table):
        at = table.schema.get_field_index(name)
        field = table.schema.field(name)
        return table.set_column(at, field, pa.array(values, field.type))

    return _table(change)


def _bytes(content):
    return lambda folder: (folder / TABLE).write_bytes(content)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_table(lambda table: table.slice(0, 3)), "must have 4 rows"),
        (
            _table(lambda table: table.drop_columns(["low"])),
            "must have the col",
        ),
        (_table(compression="zstd"), "must not be packed"),
        (_column("label", [0, 0, 1, 2]), r"`labels` must lie in \[0, 2\)"),
        (_column("label", [0, 0, 1, None]), "`labels` must be integers"),
        (_column("image", [None] * 4), "NoneType"),
        (_column("image", [{"bytes": b"GIF"}] * 4), "must be a PNG of 8 bits"),
        (_column("low", [np.nan] * 4), "must be finite"),
        (_bytes(b""), "is no Parquet file|Parquet"),
        (_bytes(b"PAR1" * 9), "is no Parquet file|Parquet"),
    ],
)
def test_tables_of_others_are_data(folder, edit, message):
    edit(folder)
    reseal(folder)
    with pytest.raises(ValueError, match=message) as raised:
        forms.read(folder)
    assert str(folder) in str(raised.value)


def test_one_picture_may_not_stand_for_many(folder):
    """A dictionary has each of its entries once, however often it is used."""
    picture = {"bytes": b"x" * 9000, "path": ""}
    many = _column("image", [picture] * 4)
    many(folder)
    table = pq.read_table(folder / TABLE)
    pq.write_table(
        table, folder / TABLE, compression="none", use_dictionary=True
    )
    reseal(folder)
    with pytest.raises(ValueError, match="holds more than its bytes"):
        forms.read(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_shape": [4096, 4096, 3]}, "`image_shape` must be a shape"),
        ({"image_shape": [4, 4, 2]}, "is none of a picture"),
        ({"images": 10**9}, "`images` must be an integer"),
        ({"images": 10**7}, "must decode to at most"),
        ({"soft_labels": [[1, 0]] * 3}, "`soft_labels` must be"),
    ],
)
def test_sizes_are_checked_before_rows(folder, changes, message):
    reseal(folder, **changes)
    with pytest.raises(ValueError, match=message):
        forms.read(folder)


def test_tables_beside_it_are_refused(folder):
    """Loaders read all that lies there."""
    (folder / TABLE).with_name("more.parquet").write_bytes(b"")
    with pytest.raises(ValueError, match="loaders take.*data/more.parquet"):
        forms.read(folder)
