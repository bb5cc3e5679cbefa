import base64
import dataclasses
import html.parser
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf

from export import exporting
from fred_tf import config
from fred_tf.disk import records, rewinds
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import score
from trainers import distill
from trainers.figures import FIGURES
from trainers.report import __main__ as report
from trainers.report import content

ROOT = pathlib.Path(__file__).parents[3]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Outline(html.parser.HTMLParser):
    """Texts, headings and sources of a page; complains of unclosed tags."""

    def __init__(self, page):
        super().__init__()
        self.open, self.headings, self.sources, self.text = [], [], [], ""
        self.code, self.title = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.sources += [v for k, v in attributes if k in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        last = self.open[-1] if self.open else ""
        if last == "h2":
            self.headings.append(data)
        elif last == "pre":
            self.code.append(data)
        elif last == "title":
            self.title += data


@pytest.fixture(scope="module")
def run(tmp_path_factory, digits, quick):
    folder = tmp_path_factory.mktemp("runs") / "a <b> & 'c'"
    distill.run(quick, folder, images_every=1, evaluate_every=2)
    restored = DistilledRun.restore(folder)
    decoded = restored.synthetic_set()
    score(quick, decoded, digits, folder / "evaluation.json")
    forms = ["images_float32", "images_png", "coefficients_int8", "keras"]
    exporting.run(restored, folder / "export", [*forms, "saved_model"])
    return restored


@pytest.fixture(scope="module")
def page(run) -> pathlib.Path:
    """The page of the run, which is left as it is written."""
    return report.run(run.folder.path)


def test_the_page_holds_everything_itself(page):
    text = page.read_text()
    outline = Outline(text)
    assert not outline.open
    assert outline.headings == [
        "Accuracy",
        "Images",
        "Curves",
        "Forms and their sizes",
        "Use it",
        "Settings",
    ]
    assert len(outline.sources) == 6
    assert "test accuracy while distilling" in outline.text
    assert all(s.startswith("data:image/png;base64,") for s in outline.sources)
    assert "http" not in re.sub(r"data:[^\"]+", "", text)
    for words in ("images_float32", "real_batch_per_class", "test accuracy"):
        assert words in outline.text
    accuracy = re.search(r'<td class="whole">(.*?)</td>', text)
    assert re.fullmatch(r"\d+\.\d ± \d+\.\d %", accuracy[1])
    assert "+-" not in outline.text


def test_no_figure_appears_twice(run):
    """Those that the page draws itself are not taken from the folder."""
    of_images = [n for n in FIGURES if n not in ("views", "labels")]
    folder = run.folder.path / "figures"
    folder.mkdir()
    try:
        names = [*of_images, "my_own"]
        for name in names:
            (folder / f"{name}.png").write_bytes(name.encode())
        text = content.page(run)
    finally:
        shutil.rmtree(folder)
    captions = re.findall("<figcaption>(.*?)</figcaption>", text)
    assert len(captions) == len(set(captions))
    drawn = [*(FIGURES[name].caption for name in of_images), "my_own"]
    assert set(drawn) <= set(captions)
    for name in names:
        taken = base64.b64encode(name.encode()).decode() in text
        assert taken == (
            name not in ("masks", "over_time", "accuracy_by_step")
        ), name
    shown = [caption for caption in captions if caption in drawn]
    in_order = [c for c in shown if c != FIGURES["masks"].caption]
    assert in_order[-2:] == [FIGURES["accuracy_by_budget"].caption, "my_own"]


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
        assert how.format(repr(str(folder / name))) in text
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


def test_names_are_escaped(run):
    """F48: names of classes and data sets come from folders of images."""
    evil = "<script>alert('x')</script> & \"y\""
    names = tuple(f"{evil}{number}" for number in range(10))
    facts = dataclasses.replace(
        run.facts, name=f"folder:{evil}", class_names=names
    )
    settings = config.replace(run.config, {"dataset": f"folder:{evil}"})
    text = content.page(dataclasses.replace(run, facts=facts, config=settings))
    assert "<b>" not in text and "<script" not in text
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
    distill.run(config.replace(quick, {"outer_steps": 0}), tmp_path)
    outline = Outline(report.run(tmp_path).read_text())
    assert "trainers.evaluate" in outline.text
    assert "python -m export" in outline.text
    assert "Curves" not in outline.headings
    with pytest.raises(FileNotFoundError, match="trainers.distill"):
        report.run(tmp_path / "nowhere")


def browse(page, profile, *flags) -> str:
    """Returns what Chromium prints about a page."""
    return subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-sync",
            "--no-first-run",
            f"--user-data-dir={profile}",
            *flags,
            f"file://{page}",
        ],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_a_browser_shows_it(page, tmp_path):
    """The whole page as the browser understands it, and as one sees it."""
    written = Outline(page.read_text())
    page = shutil.copy(page, tmp_path / "page.html")
    shown = Outline(browse(page, tmp_path / "profile", "--dump-dom"))
    assert (
        shown.title
        == written.title
        == "digits, ipc 1: FreD by distribution matching"
    )
    assert shown.sources == written.sources and len(shown.sources) == 6
    assert shown.headings == written.headings
    picture = tmp_path / "page.png"
    browse(page, tmp_path / "profile", f"--screenshot={picture}")
    pixels = tf.io.decode_png(picture.read_bytes(), channels=3).numpy()
    assert min(pixels.shape[:2]) > 400
    # Text and pictures: some of it dark, most of it paper.
    ink = (np.ptp(pixels.reshape(-1, 3), 0) > 150).all()
    assert ink and 0.5 < (pixels == pixels[0, 0]).all(-1).mean() < 0.99
