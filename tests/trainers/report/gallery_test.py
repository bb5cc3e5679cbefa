"""The page of several sets, of runs and of exports."""

import base64
import dataclasses
import pathlib
import re
import shutil

import numpy as np
import pytest

from export import sizes
from fred_tf import shipped
from fred_tf.forms import FORMS, making, write
from fred_tf.normalizations import NORMALIZATIONS
from fred_tf.training.evaluation import Evaluation
from tests.trainers.report.browsing import CHROMIUM, Outline
from trainers.report import __main__ as report
from trainers.report import finished, gallery, headline
from trainers.report.finished import FinishedSet, Stored

_WIDTH = 390  # of a phone, in pixels


@pytest.fixture(scope="module")
def soft(run, tmp_path_factory):
    """A file of a set with soft labels, of which no accuracy is known."""
    labels = np.random.default_rng(0).dirichlet([1] * 10, 20)
    decoded = dataclasses.replace(
        run.synthetic_set(), soft_labels=labels, details={}
    )
    path = tmp_path_factory.mktemp("soft") / "images.npz"
    return FORMS["images_npz"].write(decoded, None, path)


@pytest.fixture(scope="module")
def sets(run, soft) -> list[FinishedSet]:
    places = (run.folder.path, run.folder.path / "export", soft)
    return [finished.read(place) for place in places]


@pytest.fixture(scope="module")
def page(run, soft, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "gallery.html"
    places = (run.folder.path, run.folder.path / "export", soft)
    return report.run_gallery(path, places)


def test_runs_and_exports_are_read_alike(run, sets):
    of_run, of_export, of_file = sets
    for one in sets:
        np.testing.assert_array_equal(
            one.decoded.labels, run.synthetic_set().labels
        )
        assert one.stored[0] == Stored(
            "floats, in memory", 2560, one.stored[0].evaluation
        )
    assert of_run.name == "a <b> & 'c'"
    assert of_export.name == "a <b> & 'c'/export"
    assert of_run.title == of_export.title
    assert of_run.title == "digits, ipc 1: FreD by distribution matching"
    assert of_file.title == "digits, 20 images"
    assert of_file.name == f"{of_file.place.parent.name}/images.npz"
    # The images are those of a form that loses nothing.
    np.testing.assert_array_equal(
        of_export.decoded.images, of_run.decoded.images
    )
    assert of_run.evaluation == of_export.evaluation is not None
    for one in (of_run, of_export):
        np.testing.assert_array_equal(
            one.memory.masks, run.parameterization.masks
        )
    assert of_file.evaluation is None
    names = [x.form for x in of_export.stored[1:]]
    assert names == [
        "images_float32",
        "images_png",
        "coefficients_int8",
        "saved_model",
        "keras",
    ]
    # What loses nothing gives what the floats give; nobody measured the rest.
    unknown = [x.form for x in of_export.stored if x.evaluation is None]
    assert unknown == ["images_png", "coefficients_int8"]
    (size,) = (x.size for x in of_file.stored[1:])
    assert size == of_file.place.stat().st_size
    with pytest.raises(FileNotFoundError):
        finished.read(run.folder.path / "nowhere")


def test_a_form_of_an_export_is_read_alone(run, sets, tmp_path):
    place = run.folder.path / "export" / "images_float32"
    one = finished.read(place)
    assert one.name == "a <b> & 'c'/export/images_float32"
    assert one.stored == tuple(
        x for x in sets[1].stored if x.form in ("floats, in memory", place.name)
    )
    renamed = shutil.copytree(place, tmp_path / "mine")
    assert finished.read(renamed).stored[1].form == "mine"
    assert finished.read(renamed).memory is None
    coded = run.folder.path / "export" / "coefficients_int8"
    for path in (coded, shutil.copytree(coded, tmp_path / "kept")):
        np.testing.assert_array_equal(
            finished.read(path).memory.masks, run.parameterization.masks
        )


@pytest.fixture
def exported(run, tmp_path):
    """Writes the set in a form that loses something, with some details."""

    def exported(**details):
        decoded = dataclasses.replace(run.synthetic_set(), details=details)
        FORMS["images_png"].write(decoded, None, tmp_path / "images_png")
        return finished.read(tmp_path)

    return exported


def test_a_form_tells_its_own_accuracy(exported, run):
    (told,) = headline.evaluations(run)
    said = {**told, "accuracies": [0.25, 0.75], "form": "images_png"}
    one = exported(this_form=said, evaluations=[{"accuracies": ["x"]}])
    assert one.stored[0].evaluation is None
    assert one.evaluation.accuracies == (0.25, 0.75)


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (["a/cifar", "b/cifar", "c"], ["a/cifar", "b/cifar", "c"]),
        (["a/x/cifar", "b/x/cifar"], ["a/x/cifar", "b/x/cifar"]),
        (["a/cifar/export", "b/cifar/export"], None),
        (["/cifar", "/b/cifar"], ["cifar", "b/cifar"]),
        (["/cifar", "/cifar"], ["cifar (1)", "cifar (2)"]),
    ],
)
def test_sets_of_one_name_are_told_apart(places, names, sets, undrawn):
    """In the figure, too, which had lost all but the last."""
    same = [
        dataclasses.replace(
            sets[0],
            name=re.search(r"[^/]+(/export)?$", place)[0],
            place=pathlib.Path("/sets", place),
        )
        for place in places
    ]
    told = [one.name for one in gallery.told_apart(same)]
    assert told == (names or places)
    (axes,) = gallery.accuracy_by_bytes(same).axes
    assert axes.get_legend_handles_labels()[1] == told
    assert Outline(gallery.page(same)).headings == told


def test_what_was_measured_of_another_form_is_not_of_this(exported, run):
    """As where a set was read of one form and written in another."""
    (told,) = headline.evaluations(run)
    one = exported(this_form={**told, "form": "coefficients_int4"})
    assert [x.evaluation for x in one.stored] == [None, None]


def test_forms_of_different_sets_are_not_shown_as_one(run, tmp_path):
    """As where a run went on, and one form was exported anew."""
    said, memory = run.synthetic_set(), run.parameterization
    (told,) = headline.evaluations(run)
    old = {**said.details, "evaluations": [told]}
    new = {**said.details, "outer_steps": run.step + 1}
    names = ["images_float32", "images_png", "gallery"]
    write(dataclasses.replace(said, details=old), memory, tmp_path, names)
    assert finished.read(tmp_path).pictures.keys() == {"gallery"}
    moved = dataclasses.replace(said, images=said.images + 1, details=new)
    write(moved, memory, tmp_path, ["coefficients_int8"])
    one = finished.read(tmp_path)
    assert [x.form for x in one.stored[1:]] == ["coefficients_int8"]
    assert one.evaluation is None and not one.pictures
    assert one.others == ("images_float32", "images_png")
    line = "Another set lies in the same folder, as images_float32, images_png."
    assert line in Outline(gallery._content(one)).text


def test_soft_labels_make_another_set(run, tmp_path):
    hard, memory = run.synthetic_set(), run.parameterization
    soft = np.full((20, 10), 0.1, np.float32)
    write(hard, memory, tmp_path, ["images_float32"])
    softened = dataclasses.replace(hard, soft_labels=soft)
    write(softened, memory, tmp_path, ["images_npz", "coefficients_int8"])
    assert finished.read(tmp_path).others in (
        ("images_float32",),
        ("images_npz", "coefficients_int8"),
    )


@pytest.mark.parametrize(
    ("data", "split"),
    [
        ("x", ""),
        (["x"], ""),
        ({"tested_on": None}, ""),
        ({"tested_on": "validation"}, " on the validation split"),
    ],
)
def test_what_accuracies_are_on_is_data_of_others(exported, data, split):
    one = exported(data=data)
    assert (gallery._UNKNOWN, f"test accuracy{split}") in gallery._numbers(one)
    table = sizes.table(one.decoded, [])
    assert f"Accuracies are{split}." in table if split else "Acc" not in table


def test_an_accuracy_of_who_knows_which_networks_is_not_shown(
    exported, run, undrawn
):
    """Nor do cards show it; earlier versions did not say how they trained."""
    (told,) = headline.evaluations(run)
    old = {name: told[name] for name in ("network", "accuracies")}
    one = exported(this_form={**old, "form": "images_png"}, evaluations=[old])
    assert one.evaluation is None
    assert [x.why for x in one.stored] == [making.UNTOLD] * 2
    text = "\n".join(making.worth(one.decoded, None))
    assert text.startswith(f"Not known: {making.UNTOLD}.")
    assert gallery.page([one]).count(f"not known: {making.UNTOLD}") == 2
    # What is told of another network is shown.
    other = {**told, "network": {**told["network"], "name": "lenet"}}
    one = exported(evaluations=[old, other])
    assert one.evaluation.accuracies == tuple(told["accuracies"])


def test_the_page_holds_everything_itself(page, sets):
    text = page.read_text()
    outline = Outline(text)
    assert not outline.open and outline.title == "3 distilled sets"
    assert outline.headings == [one.name for one in sets]
    assert outline.links == outline.anchors and len(outline.links) == 3
    assert all(s.startswith("data:image/png;base64,") for s in outline.sources)
    assert "http" not in re.sub(r"data:[^\"]+", "", text)
    assert "a <b>" not in text and "<script" not in text
    assert outline.text.count("not known") == 2 + 4
    captions = re.findall("<figcaption>(.*?)</figcaption>", text)
    beginnings = [
        "Test",
        *["All", "What", "Energy"],
        *["All", "What", "Energy"],
    ]
    beginnings += ["All", "The mean label", "Energy"]
    assert len(captions) == len(beginnings)
    for caption, beginning in zip(captions, beginnings):
        assert caption.startswith(beginning)


def test_an_export_without_its_memory_shows_its_pictures(sets, undrawn):
    alone = dataclasses.replace(sets[1], memory=None)
    _, masks, _ = gallery._pictures(alone)
    assert "The frequencies that each class keeps." in masks
    # No matrix is at hand to undo a whitening by.
    own = NORMALIZATIONS["zca"]((8, 8, 1), "0" * 64)
    whitened = dataclasses.replace(alone.decoded, normalization=own)
    pictures = {"gallery": b"seen"}
    (seen,) = gallery._pictures(
        dataclasses.replace(alone, decoded=whitened, pictures=pictures)
    )
    assert base64.b64encode(b"seen").decode() in seen


def test_accuracy_is_drawn_against_bytes(sets):
    one = Evaluation((0.5, 0.7), 0.0)
    stored = (Stored("floats", 9000, None), Stored("a", 100, one))
    more = (*stored, Stored("b", 50, Evaluation((0.5,), 0.0)))
    alone = dataclasses.replace(sets[0], name="alone", stored=more)
    none = dataclasses.replace(sets[0], name="none", stored=stored[:1])
    (axes,) = gallery.accuracy_by_bytes([alone, none]).figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "bytes",
        "test accuracy (%)",
    )
    (line,) = axes.lines
    assert line.get_label() == "alone"
    np.testing.assert_allclose(line.get_xydata(), [[50, 50], [100, 60]])


def test_pages_of_others_stay(run, page, tmp_path, undrawn):
    mine = tmp_path / "index.html"
    mine.write_text("<html>mine</html>")
    with pytest.raises(FileExistsError, match="index.html"):
        report.run_gallery(mine, [run.folder.path])
    again = shutil.copy(page, tmp_path / "gallery.html")
    assert report.run_gallery(again, [run.folder.path]).exists()
    assert Outline(again.read_text()).title == "1 distilled set"


def test_without_sets_those_of_the_library_are_shown(tmp_path, undrawn):
    path = report.run_gallery(tmp_path / "gallery.html", [])
    names = list(shipped.distilled_sets())
    for name in names:
        assert f"{name}</a>" in path.read_text()
    captions = re.findall("<figcaption>(.*?)</figcaption>", path.read_text())
    own = ["All|The first", "What each class keeps: \\d+ of", "Energy"]
    beginnings = ["Test accuracy", *own * len(names)]
    assert len(captions) == len(beginnings)
    assert all(map(re.match, beginnings, captions))


def test_a_set_of_the_library_is_known_by_its_name(tmp_path, monkeypatch):
    """Unless something else is called so."""
    one = finished.read("digits_ipc1")
    assert one.place == shipped.FOLDER / one.name and one.name == "digits_ipc1"
    assert one.memory.masks.sum(axis=(1, 2)).tolist() == [21] * 10
    assert one.evaluation is not None
    with pytest.raises(
        FileNotFoundError, match="library: .*digits_ipc1, .*_ipc2"
    ):
        finished.read("digits_ipc2")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits_ipc1").mkdir()
    with pytest.raises(FileNotFoundError, match="digits_ipc1 holds no export"):
        finished.read("digits_ipc1")


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_a_phone_scrolls_pages_down_only(run, page, tmp_path, browse):
    for name, path in (("run", report.run(run.folder.path)), ("all", page)):
        shutil.copy(path, tmp_path / f"{name}.html")
    frames = "".join(
        f'<iframe id="{name}" src="{name}.html" width="{_WIDTH}"></iframe>'
        for name in ("run", "all")
    )
    script = """<script>onload = () => { document.title = ["run", "all"].map(
        x => document.getElementById(x).contentDocument.documentElement
             .scrollWidth) }</script>"""
    (tmp_path / "frames.html").write_text(f"<title></title>{frames}{script}")
    flag = "--allow-file-access-from-files"
    found = browse(tmp_path / "frames.html", flag, "--dump-dom")
    widths = re.search("<title>(.*?)</title>", found)[1].split(",")
    assert len(widths) == 2
    assert all(0 < int(width) <= _WIDTH for width in widths)
