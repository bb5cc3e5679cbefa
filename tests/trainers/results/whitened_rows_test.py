"""Rows of RESULTS.md whose images are whitened, beside those that are not."""

from fred_tf import config
from fred_tf.disk import records
from trainers import train_experts
from trainers.results import making, rows

NAMES = ("zca", "zca_kip", "zca_frepo")


def test_rows_with_and_without_whitening_differ_in_little():
    plain, white = (
        config.to_json(rows.ROWS[f"cifar10_ipc1_pixel_tm{end}"].config())
        for end in ("", "_zca")
    )
    different = records.differences(plain, white)
    assert different.keys() == {
        "normalization",
        "distiller.memory_learning_rate",
    }


def test_rows_share_experts_only_of_what_is_usual_or_the_same(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(train_experts, "run", lambda *_: None)
    folders = set()
    changes = [f"normalization={name}" for name in ("standardize", *NAMES)]
    for change in (*changes, "convolutions=bfloat16", "convolutions=float32"):
        row = rows.Row("digits_ipc1_tm_tiny", (change,))
        maker = making._Maker("row", row, tmp_path, None, None, None)
        folders.add(maker._experts(making.Clock(tmp_path / "minutes", "row")))
    assert len(folders) == 5
