"""The page of a run."""

import base64
import dataclasses
import pathlib
import re
import shlex
import shutil

import numpy as np
import pytest
import tensorflow as tf

from export import sizes
from fred_tf import config
from fred_tf.disk import records, rewinds
from fred_tf.distilled_run import DistilledRun
from tests.trainers.report.browsing import CHROMIUM, Outline
from trainers import distill
from trainers.figures import FIGURES, Subject
from trainers.figures import __main__ as figures
from trainers.report import __main__ as report
from trainers.report import content

ROOT = pathlib.Path(__file__).parents[3]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def page(run) -> pathlib.Path:
    """The page of the run, which is left as it is written."""
    return report.run(run.folder.path)


def test_the_page_holds_everything_itself(page):
    text = page.read_text()
    outline = Outline(text)
    assert not outline.open
    assert outline.headings == [
        "Evaluations",
        "Images",
        "Curves",
        "Forms and their sizes",
        "Use it",
        "The run",
    ]
    # Each for light pages and for dark ones.
    assert len(outline.sources) == 2 * 6
    assert "Mean accuracy while distilling" in outline.text
    assert all(s.startswith("data:image/png;base64,") for s in outline.sources)
    assert "http" not in re.sub(r"data:[^\"]+", "", text)
    for words in ("images_float32", "real_batch_per_class", "test accuracy"):
        assert words in outline.text
    accuracy = re.search(r'<td class="whole">(.*?)</td>', text)
    assert re.fullmatch(r"\d+\.\d ± \d+\.\d %", accuracy[1])
    (first,) = re.findall(r"<b>(\d+\.\d ± \d+\.\d %)</b>", text)
    assert first == accuracy[1]
    assert "+-" not in outline.text


def test_no_figure_appears_twice(run, undrawn, monkeypatch):
    """Those that the page draws itself are not taken from the folder."""
    of_step = f"outer step {run.step}"
    monkeypatch.setattr(content.figures, "about", lambda path: of_step)
    of_images = [n for n in FIGURES if n not in ("views", "labels")]
    folder = run.folder.path / "figures"
    folder.mkdir()
    try:
        names = [*of_images, "my_own"]
        for name in names:
            (folder / f"{name}.png").write_bytes(_SIGNATURE + name.encode())
        text = content.page(run)
    finally:
        shutil.rmtree(folder)
    captions = re.findall("<figcaption>(.*?)</figcaption>", text)
    assert len(captions) == len(set(captions))
    own = ("masks", "over_time", "accuracy_by_step")
    for name in names:
        picture = base64.b64encode(_SIGNATURE + name.encode())
        taken = picture.decode() in text
        assert taken == (name not in own), name
    of_folder = [FIGURES[name].caption for name in of_images if name not in own]
    sentences = [*map(content.captions.sentence, of_folder), "my_own"]
    assert captions[-len(sentences) :] == sentences


def test_what_is_of_another_step_is_left_out(run):
    """As where the run went on after its export."""
    later = dataclasses.replace(run, step=run.step + 1)
    assert "images_png" in content._sizes(run)
    assert "images_png" in content._usage(run)
    assert content._sizes(later) == ""
    table = run.folder.path / "export" / sizes.NAME
    old = table.read_text()
    try:  # As where forms were replaced, and the table was not.
        table.write_text(sizes.table(later.synthetic_set(), []))
        assert content._sizes(run) == ""
    finally:
        table.write_text(old)
    assert "Export it first" in content._usage(later)
    folder = run.folder.path / "figures"
    try:
        subject = Subject({"mlp": run})
        (path,) = figures.run(subject, folder, ["over_time"])
        path.rename(folder / "spectra.png")
        (folder / "mine.png").write_bytes(_SIGNATURE)
        shown = [content._figures(x).count("<figure") for x in (run, later)]
    finally:
        shutil.rmtree(folder)
    assert shown == [2, 1]


def test_every_exported_form_says_how_it_is_loaded(run, page):
    text = Outline(page.read_text()).text
    folder = run.folder.path / "export"
    for name, how in (
        ("images_float32", "tfds.builder_from_directory({})"),
        ("images_png", "# {}"),
        ("coefficients_int8", "images_of({})"),
        ("saved_model/1", "tf.saved_model.load({})"),
        ("memory.keras", "read_memory({})"),
    ):
        place = str(folder / name)
        assert how.format(place if "#" in how else repr(place)) in text
    assert "images_float16" not in text


@pytest.mark.parametrize(
    "form",
    ["images_float32", "coefficients_int8", "memory.keras", "saved_model/1"],
)
def test_what_the_page_says_to_do_works(run, page, form, monkeypatch):
    """The code as it stands, to be copied."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    (code,) = [x for x in Outline(page.read_text()).code if form in x]
    namespace = {}
    exec(code, namespace)
    expected = run.synthetic_set()
    if form == "memory.keras":
        np.testing.assert_array_equal(namespace["images"], expected.images)
        labels = namespace["labels"]
    elif form == "saved_model/1":
        labels = namespace["model"].dataset()["labels"]
    else:
        assert len(list(namespace["dataset"])) == len(expected.labels)
        labels = namespace["synthetic_set"].labels
    np.testing.assert_array_equal(labels, expected.labels)


def test_names_are_escaped(run, undrawn):
    """F48: names of classes and data sets come from folders of images."""
    evil = "<script>alert('x')</script> & \"y\""
    names = tuple(f"{evil}{number}" for number in range(10))
    facts = dataclasses.replace(
        run.facts, name=f"folder:{evil}", class_names=names
    )
    settings = config.replace(run.config, {"dataset": f"folder:{evil}"})
    text = content.page(dataclasses.replace(run, facts=facts, config=settings))
    assert "a <b>" not in text and "<script" not in text
    assert "a &lt;b&gt; &amp;" in text
    outline = Outline(text)
    assert outline.title.startswith(f"folder:{evil}, ipc 1")
    assert ", ".join(names) in outline.text
    assert not outline.open


def test_the_page_tells_of_skipped_steps_and_of_going_back(quick, tmp_path):
    distill.run(quick, tmp_path)
    run = DistilledRun.restore(tmp_path)
    assert content._unusual(run) == []
    run.folder.append_metrics(4, {"loss": 1.0, "skipped": 2})
    rewind = {"step": 1234, "reason": "is not finite", "back_to": 900}
    rewind["memory_learning_rate"] = 0.25
    told = run.folder.path / "rewinds.json"
    records.write(told, rewinds.KIND, {}, {}, rewinds=[rewind])
    assert content._unusual(run) == [
        ("outliers skipped", "2"),
        ("lost at step 1,234", "back to step 900, memory step size 0.25"),
    ]


def test_a_bare_run_says_what_comes_next(quick, tmp_path):
    folder = tmp_path / "it's one"
    distill.run(config.replace(quick, {"outer_steps": 0}), folder)
    outline = Outline(report.run(folder).read_text())
    of_run = f"--run_dir={shlex.quote(str(folder))}"
    evaluate = f"python -m trainers.evaluate {of_run}"
    assert outline.code[0].splitlines()[1::2] == [
        evaluate,
        f"{evaluate} --baseline=random",
        f"{evaluate} --baseline=full",
    ]
    assert outline.commands == [f"python -m export {of_run}"]
    assert outline.text.lower().count("not evaluated yet") == 1 + 3 + 1
    assert "Curves" not in outline.headings
    with pytest.raises(FileNotFoundError, match="trainers.distill"):
        report.run(tmp_path / "nowhere")


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_a_browser_shows_it(page, tmp_path, browse):
    """The whole page as the browser understands it, and as one sees it."""
    written = Outline(page.read_text())
    page = shutil.copy(page, tmp_path / "page.html")
    shown = Outline(browse(page, "--dump-dom"))
    assert (
        shown.title
        == written.title
        == "digits, ipc 1: FreD by distribution matching"
    )
    assert shown.sources == written.sources and len(shown.sources) == 2 * 6
    assert shown.headings == written.headings
    picture = tmp_path / "page.png"
    browse(page, f"--screenshot={picture}")
    pixels = tf.io.decode_png(picture.read_bytes(), channels=3).numpy()
    assert min(pixels.shape[:2]) > 400
    # Text and pictures: some of it dark, most of it paper.
    ink = (np.ptp(pixels.reshape(-1, 3), 0) > 150).all()
    assert ink and 0.5 < (pixels == pixels[0, 0]).all(-1).mean() < 0.99


def test_a_page_of_somebody_else_stays(run, undrawn):
    path = run.folder.path / report.NAME
    path.write_text("<p>what I think of it</p>")
    try:
        with pytest.raises(FileExistsError, match="earlier report.html is rep"):
            report.run(run.folder.path)
        assert path.read_text() == "<p>what I think of it</p>"
    finally:
        path.unlink()
    assert report.run(run.folder.path) == report.run(run.folder.path) == path
