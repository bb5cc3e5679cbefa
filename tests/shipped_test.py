"""Sets that come with the library are what their cards say, and complete."""

import configparser
import fnmatch
import json
import pathlib
import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import fred_tf
from fred_tf import forms, shipped
from fred_tf.disk import records
from tests.docs.pages import README, ROOT, lines_with
from tests.export.card_test import front_matter

EVERY = list(fred_tf.distilled_sets())
every_set = pytest.mark.parametrize("name", EVERY)


@pytest.fixture
def card():
    """Returns the card of a set."""
    return lambda name: (shipped.FOLDER / name / "README.md").read_text()


@every_set
def test_a_set_is_what_its_card_and_the_list_say(name, card):
    read, said = fred_tf.load_distilled(name), card(name)
    about = fred_tf.distilled_sets()[name]
    assert isinstance(read, fred_tf.DistilledSet)
    assert about.images == len(read)
    assert f"\n- {len(read):,} images of shape " in said
    assert about.floats == read.decoded.floats_stored
    assert f"\n- {about.floats:,} floats stored." in said
    files = (about.folder / about.form).iterdir()
    assert about.bytes == sum(path.stat().st_size for path in files)
    assert f" | {about.bytes:,} |" in said
    assert about.dataset == read.decoded.dataset
    assert about.license in said and about.method in said
    assert "\n".join(about.commands) in said
    head = front_matter(said)
    assert head["license"] == about.license_id
    assert head["pretty_name"] == f"{about.dataset}, distilled"


@every_set
def test_its_card_is_what_an_export_writes_today(name, card):
    """With code that reads the set, and as it is known to run."""
    about = fred_tf.distilled_sets()[name]
    written = {forms.FORMS[about.form]: about.folder / about.form}
    stored = forms.read(about.folder / about.form)
    expected = forms.readme.text(stored, about.folder, written, card=True)
    assert card(name) == expected


@every_set
def test_its_accuracy_is_known(name, card):
    about = fred_tf.distilled_sets()[name]
    assert about.trained_on in ("", about.form)
    said = card(name)
    assert f"\n- {about.accuracy.cell} %: " in said
    assert about.networks in said


@every_set
def test_a_network_trains_on_it(name):
    distilled = fred_tf.load_distilled(name)
    keras.utils.set_random_seed(0)
    logits = keras.layers.Dense(distilled.decoded.classes)
    network = keras.Sequential([keras.layers.Flatten(), logits])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("adam", loss)
    fit = network.fit(
        distilled.images, distilled.labels, 32, epochs=5, verbose=0
    )
    assert fit.history["loss"][-1] < fit.history["loss"][0]


@every_set
def test_it_is_exported_again_with_its_card(name, tmp_path):
    distilled = fred_tf.load_distilled(name)
    (path,) = distilled.export(tmp_path, ["images_npz"], card=True)
    again = fred_tf.DistilledSet.load(path)
    np.testing.assert_array_equal(again.images, distilled.images)
    np.testing.assert_array_equal(again.labels, distilled.labels)
    assert again.config() == distilled.config()
    said = (tmp_path / "README.md").read_text()
    about = fred_tf.distilled_sets()[name]
    assert f"\n- {about.accuracy.cell} %: " in said
    assert "\n".join(about.commands) in said


@pytest.mark.slow
def test_the_stated_accuracy_is_found_again(digits):
    """To what another processor rounds otherwise."""
    stated = fred_tf.distilled_sets()["digits_ipc1"].accuracy
    found = fred_tf.load_distilled("digits_ipc1").evaluate(digits)
    assert found.mean == pytest.approx(stated.mean, abs=0.02)


def test_the_readme_says_the_accuracy_of_digits():
    mean = fred_tf.distilled_sets()["digits_ipc1"].accuracy.mean
    assert lines_with(README, "evaluate(data))", f": {100 * mean:.1f} %")


def test_the_list_prints_as_a_table():
    header, *rows = repr(fred_tf.distilled_sets()).splitlines()
    assert header.startswith("name ") and header.endswith("of the source")
    assert [row.split()[0] for row in rows] == EVERY
    (row,) = [row for row in rows if row.startswith("digits_ipc1 ")]
    assert "trajectory matching with FreD " in row
    assert row.endswith(" cc-by-4.0")
    # Columns begin below each other.
    assert row.index("cc-by-4.0") == header.index("licence")


def test_a_wrong_name_lists_those_that_there_are():
    with pytest.raises(ValueError) as raised:
        fred_tf.load_distilled("digits_ip1")
    assert str(EVERY) in str(raised.value)
    assert "Received: 'digits_ip1'. Did you mean 'digits_i" in str(raised.value)
    for name in ("", "../shipped/digits_ipc1"):
        with pytest.raises(ValueError, match="`name` must be one of"):
            fred_tf.load_distilled(name)


@pytest.fixture
def copy(tmp_path, monkeypatch) -> pathlib.Path:
    """The set of digits in another place, from which sets are read."""
    shutil.copytree(shipped.FOLDER / "digits_ipc1", tmp_path / "digits_ipc1")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    return tmp_path / "digits_ipc1" / "coefficients_int8"


def test_a_folder_more_is_a_set_more(copy):
    shutil.copytree(copy.parent, copy.parents[1] / "another")
    (copy.parents[1] / "empty").mkdir()
    assert list(fred_tf.distilled_sets()) == ["another", "digits_ipc1"]
    assert len(fred_tf.load_distilled("another")) == 30


def test_a_set_may_lie_in_coefficients_of_any_width(copy):
    """And in several, of which the widest is loaded."""
    for form in ("coefficients_int4", "coefficients_int6"):
        shutil.copytree(copy, copy.with_name(form))
    for form in ("coefficients_int8", "coefficients_int6", "coefficients_int4"):
        (about,) = fred_tf.distilled_sets().values()
        assert (about.name, about.form) == ("digits_ipc1", form)
        assert len(fred_tf.load_distilled("digits_ipc1")) == about.images == 30
        shutil.rmtree(about.folder / form)
    assert not fred_tf.distilled_sets()


@pytest.mark.parametrize("name", ["coefficients.tfrecord", "manifest.json"])
def test_damage_is_refused(copy, name):
    (path,) = copy.glob(f"{name}*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path.name}"):
        fred_tf.load_distilled("digits_ipc1")
    if name == "manifest.json":
        with pytest.raises(ValueError, match=f"{path}"):
            fred_tf.distilled_sets()


def changed(copy, **changes) -> None:
    """Seals a manifest with other contents."""
    path = copy / "manifest.json"
    said = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(records.seal(said)))


def test_what_nobody_measured_is_not_known(copy):
    changed(copy, details={})
    sets = fred_tf.distilled_sets()
    about = sets["digits_ipc1"]
    assert (about.accuracy, about.networks, about.commands) == (None, "", ())
    assert "  not known  " in repr(sets)


def test_an_accuracy_of_the_run_is_told_from_that_of_what_is_loaded(copy):
    details = json.loads((copy / "manifest.json").read_text())["details"]
    before = fred_tf.distilled_sets()["digits_ipc1"]
    assert before.trained_on == "coefficients_int8"
    assert before.accuracy.mean == details["this_form"]["mean"]
    changed(copy, details={**details, "this_form": None})
    about = fred_tf.distilled_sets()["digits_ipc1"]
    assert about.trained_on == ""
    assert about.accuracy.mean == details["evaluations"][0]["mean"]


@pytest.mark.parametrize(
    "change",
    [
        {"instances_per_class": 2**40},
        {"floats_stored": "many"},
        {"dataset": 5},
        {"details": []},
        {"kind": "images"},
    ],
)
def test_what_cannot_be_is_not_listed(copy, change):
    changed(copy, **change)
    with pytest.raises(ValueError, match="An export must hold what it says"):
        fred_tf.distilled_sets()


def files() -> set[str]:
    """Returns all files of the sets, by their path in fred_tf/."""
    return {
        path.relative_to(ROOT / "fred_tf").as_posix()
        for name in EVERY
        for path in (ROOT / "fred_tf" / "shipped" / name).rglob("*")
        if path.is_file()
    }


def test_the_patterns_of_the_package_match_every_file():
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg")
    patterns = metadata["options.package_data"]["fred_tf"].split()
    for path in files():
        same = [x for x in patterns if x.count("/") == path.count("/")]
        assert any(fnmatch.fnmatch(path, x) for x in same), path


@pytest.mark.slow  # It asks a package index for setuptools.
def test_the_wheel_holds_every_file(tmp_path):
    for name in ("fred_tf", "export", "trainers"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    command = (sys.executable, "-m", "pip", "wheel", "--no-deps", ".", "-w")
    done = subprocess.run(
        [*command, "wheels"], cwd=tmp_path, capture_output=True, text=True
    )
    if "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("There is no package index.")
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "wheels").glob("fred_tf-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        held = set(packed.namelist())
    assert {f"fred_tf/{path}" for path in files()} <= held
