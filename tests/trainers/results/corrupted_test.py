"""Rows whose networks are scored on corrupted images, too."""

import dataclasses
import json

import numpy as np
import pytest

from fred_tf.datasets import Split
from fred_tf.disk import records
from trainers.results import corrupted, making
from trainers.results import table as result_table
from trainers.results.rows import ROWS, Row

OWN = Row(
    "digits_ipc1_dm_tiny",
    (
        "augmentation=none",
        "network.name=mlp",
        "evaluation.epochs=1",
        "evaluation.networks=1",
    ),
)


def test_a_run_is_scored_on_corrupted_images(digits, tmp_path, monkeypatch):
    """Digits are too small for it, so these are whole or black."""

    def load_all(data, names, severity, data_dir):
        black = Split(np.zeros_like(digits.test.images), digits.test.labels)
        splits = {n: black if n == "fog" else digits.test for n in names}
        places = {n: f"tfds:cifar10_corrupted/{n}_{severity}" for n in names}
        return splits, {"severity": severity, "sources": places}

    monkeypatch.setattr(corrupted.corruptions, "load_all", load_all)
    row = dataclasses.replace(OWN, run_of="dm", severity=5)
    name, runs = "dm_corrupted", tmp_path / "runs"
    made = tmp_path / "results"
    found = making.make(name, row, runs, made)
    assert list(found["corrupted"]) == list(corrupted.corruptions.CORRUPTIONS)
    assert found["corrupted"]["snow"] == found["accuracies"]
    assert found["corrupted_by"] == "tfds:cifar10_corrupted"
    assert found["identity"]["severity"] == 5
    monkeypatch.setattr(result_table, "ROWS", {"dm": OWN, name: row})
    table = result_table.table(made)
    (head, _, line) = table.split("## On corrupted images")[1].split("\n")[2:5]
    assert head.startswith("| row | images | gaussian noise | shot noise |")
    mean, black = found["mean"], found["corrupted"]["fog"][0]
    assert f"cifar10_corrupted, severity 5 | {100 * mean:.1f} |" in line
    assert line.endswith(f"| {100 * (14 * mean + black) / 15:.1f} |")
    assert "## Other networks" not in table
    path = made / f"{name}.json"
    for wrong, message in (
        ({"corrupted": {}}, "`gaussian_noise` must be a list"),
        ({"corrupted_by": "a | b"}, "`corrupted_by` must be a line"),
        (
            {"corrupted": {**found["corrupted"], "fog": [0.1, 0.1]}},
            "a number for each network",
        ),
    ):
        path.write_text(json.dumps(records.seal({**found, **wrong})))
        with pytest.raises(ValueError, match=message):
            making.make(name, row, runs, made)


def test_rows_on_corrupted_images_are_scored_as_published():
    rows = [row for row in ROWS.values() if row.severity]
    assert len(rows) >= 5
    for row in rows:
        scored = row.evaluation().evaluation
        assert (scored.networks, scored.epochs) == (5, 1000)
        assert scored.learning_rate == 0.01 and row.severity == 5
