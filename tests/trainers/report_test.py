import html.parser
import re
import shutil
import subprocess

import pytest

from export import __main__ as export
from fred_tf import config, presets
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import score
from trainers import distill, report

DM = config.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {
        "augmentation": "none",
        "network.name": "mlp",
        "evaluation.networks": 1,
        "evaluation.epochs": 1,
    },
)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Outline(html.parser.HTMLParser):
    """Texts, headings and sources of a page; complains of unclosed tags."""

    def __init__(self, page):
        super().__init__()
        self.open, self.headings, self.sources, self.text = [], [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.sources += [v for k, v in attributes if k in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory, digits):
    folder = tmp_path_factory.mktemp("runs") / "a <b> & 'c'"
    distill.run(DM, folder, images_every=1)
    restored = DistilledRun.restore(folder)
    decoded = restored.synthetic_set()
    score(DM, decoded, digits, folder / "evaluation.json")
    export.run(restored, folder / "export", ["images_float32", "keras"])
    return restored


def test_the_page_holds_everything_itself(run):
    path = report.run(run.folder.path)
    outline = Outline(path.read_text())
    assert not outline.open
    assert outline.headings == [
        "Accuracy",
        "Images",
        "Curves",
        "Forms and their sizes",
        "Use it",
        "Settings",
    ]
    assert len(outline.sources) == 5
    assert all(s.startswith("data:image/png;base64,") for s in outline.sources)
    assert "http" not in re.sub(r"data:[^\"]+", "", path.read_text())
    for text in ("images_float32", "real_batch_per_class", "test accuracy"):
        assert text in outline.text


def test_names_are_escaped(run):
    """F48."""
    text = report.page(run)
    assert "<b>" not in text
    assert "a &lt;b&gt; &amp;" in text


def test_a_bare_run_says_what_comes_next(tmp_path):
    distill.run(config.replace(DM, {"outer_steps": 0}), tmp_path)
    outline = Outline(report.run(tmp_path).read_text())
    assert "trainers.evaluate" in outline.text
    assert "python -m export" in outline.text
    assert "Curves" not in outline.headings
    with pytest.raises(FileNotFoundError, match="trainers.distill"):
        report.run(tmp_path / "nowhere")


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_a_browser_shows_it(run, tmp_path):
    path = report.run(run.folder.path)
    page = shutil.copy(path, tmp_path / "page.html")
    picture = tmp_path / "page.png"
    subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={picture}",
            f"file://{page}",
        ],
        check=True,
        timeout=60,
        capture_output=True,
    )
    assert picture.stat().st_size > 20_000
