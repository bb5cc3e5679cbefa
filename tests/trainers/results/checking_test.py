"""What cannot be made is refused before any row is."""

import dataclasses
import pathlib

import pytest

from fred_tf.coding import coder
from fred_tf.datasets import DataFacts
from trainers import distill
from trainers.results import checking, making
from trainers.results.row import Row

QUICK = "augmentation=none", "network.name=mlp", "outer_steps=1"
OWN = Row("digits_ipc1_dm_tiny", QUICK)
CODED = Row("digits_ipc1_dm_tiny", ("budget_bytes=4000", "step=1"))


def check(row, folder, data_dir=None):
    rows = {"quick": OWN, "other": row}
    return checking.finished(rows, folder, folder, data_dir)


def test_rows_that_can_be_made_are_not_made_by_looking(tmp_path):
    assert check(OWN, tmp_path) == {}
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Row("mnist_ipc1_dm"), "mnist"),
        (dataclasses.replace(OWN, elsewhere=True), "not hold the row's run"),
        (dataclasses.replace(OWN, severity=5), "at least 32 x 32 pixels"),
    ],
)
def test_what_is_missing_is_said_before(row, message, tmp_path):
    with pytest.raises((ValueError, OSError), match=message):
        check(row, tmp_path, str(tmp_path))


@pytest.mark.parametrize(
    "row",
    [CODED, dataclasses.replace(OWN, form="coefficients_coded")],
    ids=["budget", "form"],
)
def test_the_package_that_codes_is_there(row, tmp_path, monkeypatch):
    def package():
        raise ImportError("Install it")

    monkeypatch.setattr(coder, "package", package)
    with pytest.raises(ImportError, match="Install it"):
        check(row, tmp_path)


def test_what_stands_for_the_test_split_may_be_another(digits, tmp_path):
    """Of a run, which earlier versions did not say: it never looks at it."""
    row = dataclasses.replace(OWN, elsewhere=True)
    distill.run(row.config(), tmp_path / "quick" / "run")
    facts = digits.facts.to_json()
    other = DataFacts.from_json(
        {**facts, "test": "another", "tested_on": "validation"}
    )

    @dataclasses.dataclass(frozen=True)
    class Other(type(digits)):
        facts = other

    fields = dataclasses.fields(digits)
    held = {x.name: getattr(digits, x.name) for x in fields}
    making.check("quick", row, pathlib.Path(tmp_path), Other(**held))
