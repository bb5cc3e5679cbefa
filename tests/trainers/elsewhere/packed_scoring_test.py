import pytest

from fred_tf import config, presets
from trainers.elsewhere import packed_scoring


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ("evaluation.views=one", "'networks', 'drop', 'one' and False"),
        (
            "evaluation.schedule=cosine",
            "'networks', 'cosine', 'all' and False",
        ),
        ("evaluation.by=kernel", "'kernel', 'drop', 'all' and False"),
        (
            "evaluation.standardized_batches=true",
            "'networks', 'drop', 'all' and True",
        ),
    ],
)
def test_packs_score_by_passes_that_are_alike(change, received, digits):
    settings = presets.preset("digits_ipc1_dm_tiny")
    packed_scoring.evaluator(settings, digits)
    with pytest.raises(ValueError, match=f"Received: {received}. Override"):
        packed_scoring.evaluator(config.override(settings, [change]), digits)
