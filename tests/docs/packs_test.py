"""The page on packs says where they differ in the runner's own sentences."""

import re

from tests.docs.pages import ROOT
from trainers.elsewhere.runner import differences

_HEADING = "## Where a pack differs from the same run here\n"


def test_the_page_lists_where_packs_differ():
    page = (ROOT / "docs" / "workers-and-packs.md").read_text()
    _, section = page.split(_HEADING)
    items = re.findall(r"^- (.+?)(?=\n(?!  ))", section, re.DOTALL | re.M)
    assert tuple(" ".join(item.split()) for item in items) == differences.ALL
