"""What a prepared data set says of itself runs nothing and reads nothing else.

Each attack is a prepared folder whose metadata were changed, with the module
that they name where Python would find it: in the working folder.
"""

import json
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from fred_tf import datasets
from fred_tf.datasets import tfds_metadata
from tests.datasets.prepared import EXAMPLES, IMAGE, LABEL, prepare

LEGACY = "tensorflow_datasets.core.features."


@pytest.fixture
def insects(tmp_path, monkeypatch):
    """A prepared folder, and modules that tell when they are imported."""
    folder = tmp_path / "insects" / "1.0.0"
    features = {"image": IMAGE, "label": LABEL, "id": tfds.features.Text()}
    splits = {"train": EXAMPLES, "test": EXAMPLES[:2]}
    prepare(folder, features, splits)
    for name in ("evil", "riegeli", "array_record", "insects"):
        (tmp_path / f"{name}.py").write_text(f"open('{name}.ran', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    assert not list(tmp_path.glob("*.ran"))
    assert not {"evil", "riegeli", "insects"} & sys.modules.keys()


def change(path, edit):
    values = json.loads(path.read_text())
    path.write_text(json.dumps(edit(values) or values))


def put(*way, value):
    """Returns an edit that sets a value deep in a JSON object."""

    def edit(values):
        for key in way[:-1]:
            values = values[key]
        values[way[-1]] = value

    return edit


OF_ID = ("featuresDict", "features", "id")
EVIL = "evil.Features"


@pytest.mark.parametrize(
    "edit",
    [
        put("pythonClassName", value=EVIL),
        put("python_class_name", value=EVIL),
        put(*OF_ID, "pythonClassName", value=EVIL),
        put(*OF_ID, value={"type": EVIL, "content": "{}"}),
        put(
            *OF_ID,
            value={
                "pythonClassName": f"{LEGACY}sequence_feature.Sequence",
                "jsonFeature": {
                    "json": json.dumps({"feature": {"type": EVIL}})
                },
            },
        ),
        lambda _: {"type": EVIL, "content": {}},
        lambda _: {
            "type": f"{LEGACY}features_dict.FeaturesDict",
            "content": json.dumps({"image": {"type": EVIL}}),
        },
        # A module of TFDS that imports others than its own.
        put("pythonClassName", value=f"{LEGACY}image_feature_test.Image"),
        put("pythonClassName", value="tensorflow_datasets.testing.Image"),
        put("pythonClassName", value="os.path"),
    ],
)
def test_classes_that_are_not_of_tfds_are_not_imported(insects, edit):
    change(insects / "features.json", edit)
    with pytest.raises(ValueError, match="features.json must .*trust"):
        datasets.load("insects", insects.parents[1])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (put("fileFormat", value="riegeli"), "tfrecord. Received: 'riegeli'"),
        (put("file_format", value="array_record"), "Received: 'array_record'"),
        (put("name", value="../other"), "a word. Received: '../other'"),
        (
            put("splits", 0, "filepathTemplate", value="/etc/{SPLIT}"),
            "beside itself. Received: '/etc/{SPLIT}'",
        ),
        (put("splits", 0, "name", value="../train"), "beside itself"),
    ],
)
def test_formats_and_places_are_checked(insects, edit, message):
    change(insects / "dataset_info.json", edit)
    with pytest.raises(ValueError, match=f"dataset_info.json .*{message}"):
        datasets.load("insects", insects.parents[1])


def test_a_default_config_stays_in_its_folder(insects):
    hidden = insects.parent / ".config"
    hidden.mkdir()
    (hidden / "metadata.json").write_text('{"defaultConfigName": "../../x"}')
    with pytest.raises(ValueError, match="must name a folder. Received: '../"):
        datasets.load("insects", insects.parents[1])


@pytest.mark.parametrize(
    "name",
    [
        "insects/../other",
        "insects/data_dir=other",
        "insects/a/b",
        "insects/..",
        "insects:1.0.0/evil",
        "huggingface:insects",
        "../insects",
    ],
)
def test_names_that_lead_elsewhere_are_unknown(insects, name):
    with pytest.raises(ValueError, match="`dataset` must be .*Did you mean"):
        datasets.load(name, insects.parents[1])


def test_other_configs_and_versions_are_checked_too(insects):
    other = insects.parent / "config" / "2.0.0"
    other.mkdir(parents=True)
    (other / "features.json").write_text(json.dumps({"type": EVIL}))
    with pytest.raises(ValueError, match="2.0.0/features.json must name"):
        datasets.load("insects", insects.parents[1])


def test_deep_and_twofold_json_is_refused(insects):
    path = insects / "features.json"
    for text in ("[" * 100_000, '{"type": "a", "type": "b"}', '{"a": NaN}'):
        path.write_text(text)
        with pytest.raises(OSError, match=f"{insects} is damaged.*features"):
            datasets.load("insects", insects.parents[1])


def test_features_of_tfds_pass(tmp_path):
    """All that TFDS offers itself, in both versions of the file."""
    features = tfds.features.FeaturesDict(
        {
            "image": IMAGE,
            "label": LABEL,
            "sizes": tfds.features.Sequence(tfds.features.Scalar(np.int32)),
            "box": tfds.features.BBoxFeature(),
            "film": tfds.features.Video(shape=(None, 4, 4, 3)),
            "more": {"type": tfds.features.Text()},
        }
    )
    folder = tmp_path / "insects" / "1.0.0"
    folder.mkdir(parents=True)
    features.save_config(folder)
    tfds_metadata.check(tmp_path, "insects")
    legacy = {
        "type": f"{LEGACY}features_dict.FeaturesDict",
        "content": {"x": {"type": f"{LEGACY}scalar.Scalar", "content": {}}},
    }
    (folder / "features.json").write_text(json.dumps(legacy))
    tfds_metadata.check(tmp_path, "insects")
    # A data set may be made of links.
    (folder / "features.json").rename(tmp_path / "kept")
    (folder / "features.json").symlink_to(tmp_path / "kept")
    tfds_metadata.check(tmp_path, "insects")
