import json

import numpy as np
import pytest

from export.tfrecord import read_tfrecord
from fred_tf import config, presets
from trainers import select_coreset

TM = config.replace(presets.preset("digits_ipc1_tm_tiny"), {"ipc": 2})


@pytest.mark.parametrize("method", ["random", "herding", "k_center"])
def test_writes_real_images_that_evaluate_reads(method, tmp_path, digits):
    folder = select_coreset.run(TM, tmp_path, method, feature_epochs=1)
    chosen = read_tfrecord(folder)
    written = json.loads((tmp_path / "coreset.json").read_text())
    real = digits.normalization(digits.train.images[written["chosen"]])
    np.testing.assert_array_equal(chosen.images, real)
    np.testing.assert_array_equal(chosen.labels, np.repeat(np.arange(10), 2))
    assert chosen.floats_stored == 20 * 64
    assert (tmp_path / "gallery.png").stat().st_size > 0

    before = (folder / "features.json").stat().st_mtime_ns
    select_coreset.run(TM, tmp_path, method, feature_epochs=1)
    assert (folder / "features.json").stat().st_mtime_ns == before
    other = config.replace(TM, {"ipc": 3})
    with pytest.raises(ValueError, match="another choice.*Choose another"):
        select_coreset.run(other, tmp_path, method, feature_epochs=1)


def test_features_of_an_expert(tmp_path, expert_dir):
    folder = select_coreset.run(
        TM, tmp_path, "herding", expert_dir=str(expert_dir)
    )
    assert len(read_tfrecord(folder).labels) == 20
