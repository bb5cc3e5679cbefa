"""Whatever nobody can mean is refused by name: the tables, row by row."""

import shutil

import pytest

from tests.faults import flips, folders, mistakes, rows
from tests.faults.strangers import (
    OTHERS,
    OTHERS_UNCHANGED,
    OURS,
    OURS_UNCHANGED,
)
from tests.faults.tally import GOOD, REFUSED


def by_name(table):
    """A row must not take the process with it that tests others, too."""
    table = [row for row in table if not row.heavy]
    return pytest.mark.parametrize("row", table, ids=lambda row: row.name[:60])


@by_name(mistakes.SETTINGS)
def test_settings_that_cannot_be_meant(row, tmp_path):
    assert rows.outcome(row, tmp_path) == (REFUSED, "")


@by_name(mistakes.PATHS)
def test_paths_that_cannot_be_taken(row, tmp_path):
    assert rows.outcome(row, tmp_path) == (REFUSED, "")


@by_name(mistakes.CLUSTERS)
def test_clusters_that_cannot_be(row, tmp_path):
    assert rows.outcome(row, tmp_path) == (REFUSED, "")


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    folder = tmp_path_factory.mktemp("others")
    folders.others(folder)
    return folder


@by_name(OTHERS)
def test_files_of_others(row, others, tmp_path):
    copied = shutil.copytree(others, tmp_path / "all")
    assert rows.outcome(row, copied) == (REFUSED, "")


@pytest.mark.parametrize("read", OTHERS_UNCHANGED)
def test_what_others_made_is_read(read, others, tmp_path):
    read(shutil.copytree(others, tmp_path / "all"))


@pytest.fixture(scope="module")
def all_folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folders")
    folders.make(folder)
    return folder


@pytest.fixture
def copied(all_folders, tmp_path):
    return shutil.copytree(all_folders, tmp_path / "all")


@pytest.mark.slow  # Each room has tests of its own kind of damage.
@by_name(OURS)
def test_folders_of_strangers(row, copied):
    assert rows.outcome(row, copied) == (REFUSED, "")


@pytest.mark.slow
@pytest.mark.parametrize("read", OURS_UNCHANGED)
def test_what_nobody_changed_is_read(read, copied):
    read(copied)


@pytest.mark.slow
def test_flipped_bits_are_named_or_do_not_matter(tmp_path):
    """Few of the battery's, of a run and of experts."""
    folders.make_one("distill", tmp_path)
    folders.make_one("train_experts", tmp_path)
    tried, bad = 0, []
    for reader, path in flips.targets(tmp_path):
        places = flips.positions(path, 301)
        for outcome, note in flips.flipped(reader, tmp_path, path, places):
            tried += 1
            if outcome not in GOOD:
                bad.append(note)
    assert tried > 50
    assert not bad, "\n".join(bad)
