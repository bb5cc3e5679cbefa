"""What `distill` and `train_experts` are called with is checked first."""

import numpy as np
import pytest

import fred_tf
from fred_tf import assembly, datasets
from fred_tf.experts.trainer import checked_worker
from fred_tf.settings import argument


@pytest.fixture
def unread(monkeypatch):
    """Nothing may be looked at before the arguments are."""
    monkeypatch.setattr(datasets, "as_data", None)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"save_every": 0}, ValueError, "`save_every` must be .* at least 1"),
        ({"save_every": -1}, ValueError, "`save_every` must be .* at least 1"),
        ({"save_every": 2.5}, TypeError, "`save_every` must be a whole"),
        ({"save_every": "5"}, TypeError, "`save_every` must be a whole"),
        ({"save_every": True}, TypeError, "`save_every` must be a whole"),
        ({"jit": "off"}, TypeError, "`jit` must be True or False"),
        ({"jit": 1}, TypeError, "`jit` must be True or False"),
        ({"strategy": "cpu"}, TypeError, "`strategy` must be a `Strategy`"),
        ({"start": 3}, TypeError, "`start` must be a `DistilledRun`"),
        ({"start": "nowhere"}, FileNotFoundError, "nowhere"),
        ({"experts": 3}, TypeError, "`experts` must be a path"),
        ({"run_dir": 3}, TypeError, "`run_dir` must be a path"),
        ({"observe": 3}, TypeError, "`observe` must be a function .*: 3"),
        ({"interruption": 3}, TypeError, "`interruption` must be an? `Interr"),
        ({"on_divergence": "go"}, ValueError, "`on_divergence` must be one"),
    ],
)
def test_mistakes_are_refused_before_any_work(
    unread, arguments, error, message
):
    with pytest.raises(error, match=message):
        fred_tf.distill("digits", "digits_ipc1_dm_tiny", **arguments)


def test_a_set_that_was_loaded_starts_no_run(unread):
    loaded = fred_tf.load_distilled("digits_ipc1")
    with pytest.raises(ValueError, match="Only a set that `distill` returned"):
        fred_tf.distill("digits", "digits_ipc1_dm_tiny", start=loaded)


def test_a_run_starts_from_a_set_a_run_or_its_folder(digits, quick, tmp_path):
    def begun(start):
        told = {"progress": False, "save_every": np.int64(2)}
        return fred_tf.distill(digits, quick, start=start, **told)

    first = fred_tf.distill(digits, quick, tmp_path, progress=False)
    images = [begun(x).images for x in (first, first.run, str(tmp_path))]
    for other in images[1:]:
        np.testing.assert_array_equal(images[0], other)


@pytest.mark.parametrize(
    "worker",
    [(-1, 2), (1, 1), (0, 0), (0, 1, 2), 1, (0.0, 1), ("0", "1"), None],
)
def test_a_worker_is_one_of_so_many(worker, unread, monkeypatch, tmp_path):
    """A share of experts that are none was skipped, without a word."""
    monkeypatch.setattr(assembly, "load_data", None)
    with pytest.raises(ValueError, match="`worker` must be two whole numbers"):
        fred_tf.train_experts(
            "digits", "digits_ipc1_tm_tiny", tmp_path / "a", worker=worker
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("config", [None, 3])
def test_experts_are_of_settings(config, unread, tmp_path):
    with pytest.raises(TypeError, match="`config` must be .* or the name"):
        fred_tf.train_experts("digits", config, tmp_path / "a")


def test_arguments_may_be_numpys():
    assert checked_worker(np.array([1, 2])) == (1, 2)
    own = argument("budget_bytes", np.int64(9000), int)
    assert own == 9000 and type(own) is int
    assert type(argument("step", np.float32(4), float)) is float
    assert argument("jit", np.bool_(True), bool) is True
    for value, kind in ((np.float32(4), int), (np.bool_(True), int)):
        with pytest.raises(TypeError, match="`x` must be a whole number"):
            argument("x", value, kind)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"holdout": float("nan")}, ValueError),
        ({"holdout": 1.0}, ValueError),
        ({"holdout": -0.1}, ValueError),
        ({"holdout": "0.1"}, TypeError),
        ({"normalization": "no"}, ValueError),
        ({"name": 3}, TypeError),
    ],
)
def test_data_are_not_read_for_nothing(arguments, error, monkeypatch):
    monkeypatch.setattr(datasets, "source_of", None)
    (name,) = arguments
    with pytest.raises(error, match=f"`{name}`"):
        fred_tf.load_data("digits", **arguments)
