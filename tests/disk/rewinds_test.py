"""Rewinds are told as they were, or the file is named."""

import json

import pytest

from fred_tf.disk import records, rewinds
from fred_tf.disk.run_folder import RunFolder
from tests.flipping import flips


class _Checkpoints:
    """Goes back to every tenth step, as often as it is asked to."""

    def go_back(self, step):
        return step // 10 * 10


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder.open(tmp_path, {}, {}, {})
    assert rewinds.of(folder) == []
    rewinds.go_back(folder, _Checkpoints(), 42, "is lost", 38, 8.0)
    rewinds.go_back(folder, _Checkpoints(), 41, "is lost again", 40, 4.0)
    return folder


def test_each_is_told(folder):
    assert rewinds.of(folder) == [
        {
            "step": 42,
            "reason": "is lost",
            "back_to": 30,
            "memory_learning_rate": 4.0,
        },
        {
            "step": 41,
            "reason": "is lost again",
            "back_to": 40,
            "memory_learning_rate": 2.0,
        },
    ]


def test_each_flipped_byte_is_named(folder):
    path = folder.path / "rewinds.json"
    for _ in flips(path):
        with pytest.raises(ValueError, match=str(path)) as caught:
            rewinds.of(folder)
        assert "to make it anew" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        None,
        {},
        [1],
        [{}],
        [{"step": -1, "reason": "", "back_to": 0, "memory_learning_rate": 1}],
        [{"step": 1, "reason": "", "back_to": 0, "memory_learning_rate": "1"}],
        [{"step": 1, "reason": 0, "back_to": 0, "memory_learning_rate": 1}],
    ],
)
def test_rewinds_that_cannot_be_are_named(folder, values):
    path = folder.path / "rewinds.json"
    record = {**json.loads(path.read_text()), "rewinds": values}
    path.write_text(json.dumps(records.seal(record)))
    with pytest.raises(
        ValueError, match=f"{path} must state what .* use: .* another --run_dir"
    ):
        rewinds.of(folder)
