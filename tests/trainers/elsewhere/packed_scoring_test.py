import pytest

from fred_tf import config, presets
from trainers.elsewhere import packed_scoring


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ("evaluation.views=one", "'networks', 'drop' and 'one'"),
        ("evaluation.schedule=cosine", "'networks', 'cosine' and 'all'"),
        ("evaluation.by=kernel", "'kernel', 'drop' and 'all'"),
    ],
)
def test_packs_score_by_passes_that_are_alike(change, received, digits):
    settings = presets.preset("digits_ipc1_dm_tiny")
    packed_scoring.evaluator(settings, digits)
    with pytest.raises(ValueError, match=f"Received: {received}. Override"):
        packed_scoring.evaluator(config.override(settings, [change]), digits)
