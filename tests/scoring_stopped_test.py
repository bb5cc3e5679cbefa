"""Evaluations that were stopped before all of their networks."""

from fred_tf import config, presets, scoring
from fred_tf.coresets import random_set
from fred_tf.disk import evaluation_files, records

ONE = config.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {
        "augmentation": "none",
        "network.name": "mlp",
        "evaluation.networks": 1,
        "evaluation.epochs": 1,
    },
)


def test_what_was_stopped_is_told_with_how_many_there_were_to_be(
    digits, tmp_path
):
    path, chosen = tmp_path / "evaluation.json", random_set(digits, 1, 0)
    whole = scoring.score(ONE, chosen, digits, path)
    record = records.read(path)
    content = {**records.content(record), "networks": 20}
    work = evaluation_files.KIND, record["identity"], record["data"]
    records.write(path, *work, **content)
    (found,) = scoring.measured(tmp_path, chosen, digits.facts)
    assert found["accuracies"] == list(whole.accuracies)
    assert found["networks"] == 20
