"""What a run began with goes out in its pack, and comes back with it."""

import json

import numpy as np

from fred_tf import config
from fred_tf.chosen_images import feature_network
from fred_tf.disk import records
from fred_tf.distilled_run import DistilledRun
from tests.trainers.elsewhere import made
from trainers.elsewhere import packing, unpacking
from trainers.elsewhere.runner import arrays


def complete(pack):
    made.move(pack, 12)
    made.write_metrics(pack, 12)
    made.write_spent(pack, distilling=2.5)


def test_what_a_run_began_with_comes_back_with_it(
    unlowered, digits, tmp_path, monkeypatch
):
    """Another machine's network may choose other images, and so other masks."""
    pack, run_dir = tmp_path / "pack", tmp_path / "run"
    changes = {
        "parameterization.initial_images": "herding",
        "parameterization.mask_statistics": "initial_images",
        "parameterization.mask_rule": "explained_variance",
    }
    chooses = config.replace(made.SETTINGS, changes)

    def chosen(first):
        def features(_, data, experts=None, epochs=0):
            return lambda label: first[
                : len(data.train.indices_of(label))
            ], None

        monkeypatch.setattr(feature_network, "features", features)

    rows = np.random.default_rng(0).normal(size=(200, 8))
    chosen(rows)
    packing.pack(chooses, pack)
    complete(pack)
    (table,) = arrays.read(pack / "constants.npz", "constants").values()
    monkeypatch.setattr(feature_network, "features", None)
    for _ in range(2):  # The second finds a run in the folder.
        unpacking.bring_back(pack, run_dir)
        memory = DistilledRun.restore(run_dir).parameterization
        np.testing.assert_array_equal(memory.table.numpy(), table)
    chosen(rows[::-1])
    packing.pack(chooses, tmp_path / "other")
    other = arrays.read(tmp_path / "other" / "constants.npz", "constants")
    assert np.any(other["0"] != table)


def test_a_pack_of_before_comes_back_without_constants(
    unlowered, digits, tmp_path
):
    pack = tmp_path / "pack"
    packing.pack(made.SETTINGS, pack)
    about = made.about_of(pack)
    state = made.state_of(pack)
    (table,) = arrays.read(pack / "constants.npz", "constants").values()
    del about["files"]["constants.npz"]
    (pack / "constants.npz").unlink()
    (pack / "pack.json").write_text(json.dumps(records.seal(about)))
    made.write_state(pack, **state)
    complete(pack)
    unpacking.bring_back(pack, tmp_path / "run")
    memory = DistilledRun.restore(tmp_path / "run").parameterization
    np.testing.assert_array_equal(memory.table.numpy(), table)
