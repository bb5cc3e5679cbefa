"""One run with all that pages tell of it, and a browser."""

import subprocess

import pytest

from export import exporting
from fred_tf import config
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import score
from tests.trainers.report.browsing import CHROMIUM
from trainers import distill


@pytest.fixture(scope="package")
def run(tmp_path_factory, digits, quick):
    folder = tmp_path_factory.mktemp("runs") / "a <b> & 'c'"
    scored = config.replace(quick, {"evaluation.networks": 2})
    distill.run(scored, folder, images_every=1, evaluate_every=2)
    restored = DistilledRun.restore(folder)
    decoded = restored.synthetic_set()
    score(scored, decoded, digits, folder / "evaluation.json")
    forms = ["images_float32", "images_png", "coefficients_int8", "keras"]
    names = [*forms, "saved_model", "masks"]
    exporting.run(restored, folder / "export", names)
    return restored


@pytest.fixture
def browse(tmp_path):
    """Returns what Chromium prints about a page."""

    def browse(page, *flags) -> str:
        return subprocess.run(
            [
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-sync",
                "--no-first-run",
                f"--user-data-dir={tmp_path / 'profile'}",
                *flags,
                f"file://{page}",
            ],
            check=True,
            timeout=120,
            capture_output=True,
            text=True,
        ).stdout

    return browse
