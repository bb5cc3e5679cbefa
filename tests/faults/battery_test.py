"""The whole battery: every operation, every byte, every row."""

import os
import subprocess
import sys

import pytest

from tests.faults import page, shim
from tests.faults.tally import REFUSED, SILENT, SURVIVED, Tally
from tests.trainers.conftest import ROOT


@pytest.mark.slow  # Hours; `FAULTS_EVERY=50` tries one of so many.
@pytest.mark.skipif(
    sys.platform != "linux" or shim.compiler() is None,
    reason="needs Linux and a C compiler",
)
def test_nothing_is_lost_nothing_wrong_in_silence(tmp_path):
    told = tmp_path / "reliability.md"
    every = os.environ.get("FAULTS_EVERY", "1")
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "tests.faults"),
            *(f"--every={every}", "--jobs=2", f"--page={told}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, told.read_text() if told.exists() else ended


def test_the_page_tells_what_came_of_it():
    good, bad = Tally("`a`, killed", remark="3 operations"), Tally("`b`")
    for outcome in (SURVIVED, SURVIVED, REFUSED):
        good.add(outcome, "never told")
    bad.add(SILENT, "b, operation 7: `c` differs")
    text = page.page([good, bad], ["--every=9"], 9, 0.5)
    assert "| `a`, killed (3 operations) | 3 | 2 | 1 | 0 | 0 | 0 | 0 |" in text
    assert "| all | 4 | 2 | 1 | 1 | 0 | 0 | 0 |" in text
    assert "- `silent: b, operation 7: 'c' differs`" in text
    assert "never told" not in text
    assert "`python -m tests.faults --every=9`" in text
    assert "one in 9 was tried" in text
