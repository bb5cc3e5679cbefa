"""Small real runs that are made to diverge: an expert that hardly moved.

The loss is over how far an expert went. One among twelve that made a hundredth
of its way has gradients ten thousand times the usual, as one reference in a
hundred has in long runs on photographs.
"""

import contextlib
import types

import numpy as np
import pytest
import tensorflow as tf

import fred_tf
from fred_tf import assembly, config, distilling, presets
from fred_tf.disk import rewinds
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distillation import loop, outliers
from fred_tf.objectives import DistributionMatching
from fred_tf.objectives.objective import Health

EXPERTS, STEPS = 12, 60
SETTINGS = config.replace(
    presets.preset("digits_ipc1_tm_tiny"),
    {
        # Soon traced.
        "augmentation": "none",
        "network.depth": 1,
        "outer_steps": STEPS,
        "seed": 5,  # Its first nine references are usual ones.
        "distiller.memory_learning_rate": 1e5,
        "objective.student_steps": 5,
        "objective.max_start_epoch": 1,
        "experts.count": EXPERTS,
        "experts.batch_size": 64,
    },
)
NEVER = config.replace(SETTINGS, {"distiller.outlier_factor": 0.0})


@pytest.fixture(scope="module")
def expert_dir(digits, tmp_path_factory):
    """Experts of which number 7 hardly moved."""
    root = tmp_path_factory.mktemp("experts")
    usual = fred_tf.train_experts(digits, SETTINGS, root / "usual")
    store = assembly.expert_store(SETTINGS, digits, root / "with_one")
    for number in range(EXPERTS):
        start, *_ = usual.segment(number, 0, 1)
        way = 0.01 if number == 7 else 1.0
        trajectory = [start] + [
            start + way * (usual.segment(number, epoch, 1)[1] - start)
            for epoch in range(2)
        ]
        store.append(np.stack(trajectory).astype(np.float32))
    return root / "with_one"


def distil(digits, settings, expert_dir, run_dir=None, **how):
    return fred_tf.distill(
        digits, settings, run_dir, experts=expert_dir, progress=False, **how
    )


def test_the_rule_saves_a_run(digits, expert_dir, tmp_path):
    distil(digits, SETTINGS, expert_dir, tmp_path)
    lines = RunFolder.read(tmp_path).metrics()
    assert len(lines) == STEPS
    last = lines[-10:]
    assert np.median([line["loss"] for line in last]) < 0.5
    assert last[-1]["student_learning_rate"] > 0.02
    # Each pass over the experts takes each once.
    assert last[-1]["skipped"] == STEPS // EXPERTS
    for before, line in zip(lines, lines[1:]):
        skipped = line["skipped"] > before["skipped"]
        usual = line["usual_gradient_norm"]
        assert skipped == (line["gradient_norm"] > 4 * usual)
        assert skipped == (line["loss"] > 10)


@pytest.mark.slow  # The rule itself is tested above.
def test_without_it_the_run_is_lost_and_says_so(
    digits, expert_dir, tmp_path, monkeypatch
):
    monkeypatch.setattr(rewinds, "MOST", 1)
    longer = config.replace(NEVER, {"outer_steps": 400})
    with pytest.raises(loop.DivergedError, match="learned nothing") as caught:
        distil(digits, longer, expert_dir, tmp_path, save_every=10)
    error = caught.value
    assert str(error.last_good) in str(error)
    assert "memory_learning_rate" in str(error)
    lines = RunFolder.read(tmp_path).metrics()
    losses = [line["loss"] for line in lines]
    # The memory after the last good step, and one more that wrecked it.
    assert losses[error.last_good] < 0.95 < min(losses[error.last_good + 1 :])
    assert lines[-1]["student_learning_rate"] <= 1.001e-3
    # One from before is the newest checkpoint, though others were saved.
    good = fred_tf.DistilledRun.restore(tmp_path)
    assert error.last_good - 10 < good.step <= error.last_good < 50
    # The same command says the same again.
    with pytest.raises(loop.DivergedError) as again:
        distil(digits, longer, expert_dir, tmp_path, save_every=10)
    assert again.value.last_good == error.last_good
    # Told to go back, it goes on from there with half the step size.
    with pytest.raises(loop.DivergedError, match="learned nothing"):
        distil(
            digits,
            longer,
            expert_dir,
            tmp_path,
            save_every=10,
            on_divergence="rewind",
        )
    record = rewinds.of(RunFolder.read(tmp_path))
    assert len(record) == rewinds.MOST
    assert record[0]["back_to"] == good.step
    rates = [rewind["memory_learning_rate"] for rewind in record]
    assert rates == [1e5 / 2**n for n in range(1, rewinds.MOST + 1)]


@pytest.mark.parametrize("factor", [0.0, 4.0])
def test_a_state_that_makes_all_losses_infinite_is_not_kept(
    digits, tmp_path, factor
):
    """The step that leads there is finite itself, and is saved."""
    settings = config.replace(
        presets.preset("digits_ipc1_dm_tiny"),
        {
            "network.name": "mlp",
            "outer_steps": 12,
            "distiller.memory_learning_rate": 1e15,
            "distiller.outlier_factor": factor,
        },
    )
    for _ in range(2):  # The same command says the same again.
        with pytest.raises(loop.DivergedError, match="not finite") as caught:
            distil(digits, settings, None, tmp_path, save_every=1)
        assert "is kept. `--on_divergence=rewind` goes" in str(caught.value)
        good = fred_tf.DistilledRun.restore(tmp_path)
        assert good.step == caught.value.last_good < caught.value.step - 1
        # The step after it told so, by a loss of the state before itself.
        line = RunFolder.read(tmp_path).metrics()[good.step]
        assert line["step"] == good.step + 1 and np.isfinite(line["loss"])


@pytest.mark.parametrize(
    ("places", "how", "said"),
    [
        ((), {}, "Nothing of it is kept. With a `run_dir`, `on_divergence` 'r"),
        (
            ("run",),
            {"on_divergence": "rewind"},
            "It went back 2 times, the most, .* In a new",
        ),
    ],
    ids=["nowhere", "again and again"],
)
def test_a_lost_run_says_what_can_be_done(
    digits, tmp_path, monkeypatch, places, how, said
):
    settings = config.replace(
        presets.preset("digits_ipc1_dm_tiny"), {"network.name": "mlp"}
    )

    @contextlib.contextmanager
    def observe(run):
        def lose(step, _):
            raise loop.DivergedError(step, outliers.NOT_FINITE, 0)

        yield [loop.Action(1, lose)]

    monkeypatch.setattr(rewinds, "MOST", 2)
    where = [tmp_path / place for place in places]
    with pytest.raises(loop.DivergedError, match=f"step 0. .*{said}") as caught:
        distil(digits, settings, None, *where, observe=observe, **how)
    assert "--on_divergence" not in str(caught.value)
    assert "memory_learning_rate" in str(caught.value)


@pytest.mark.slow  # `rewinds` has quick tests.
def test_half_the_step_saves_a_run_that_goes_back(
    digits, tmp_path, monkeypatch
):
    """By a rule of our own: a loss above 10 three times is lost."""

    def health(self, loss, weights):
        return Health(loss < 10, loss >= 10)

    monkeypatch.setattr(DistributionMatching, "health", health)
    monkeypatch.setattr(outliers, "PATIENCE", 3)
    rate = 1e6  # A hundred times that of the preset.
    large = config.replace(
        presets.preset("digits_ipc1_dm_tiny"),
        {
            "augmentation": "none",
            "outer_steps": 6,
            "distiller.memory_learning_rate": rate,
        },
    )
    distilled = fred_tf.distill(
        digits, large, tmp_path, progress=False, on_divergence="rewind"
    )
    folder = RunFolder.read(tmp_path)
    record = rewinds.of(folder)
    assert 1 <= len(record) < rewinds.MOST
    for number, rewind in enumerate(record, start=1):
        assert rewind["back_to"] == 0 and rewind["step"] == 4
        assert rewind["memory_learning_rate"] == rate / 2**number
    lines = folder.metrics()
    assert [line["step"] for line in lines] == [*range(1, 7)]
    used = {line["memory_learning_rate"] for line in lines}
    assert used == {rate / 2 ** len(record)}
    assert distilled.run.config.distiller.memory_learning_rate == rate


def test_the_chief_says_whether_all_go_back(tmp_path, monkeypatch):
    """Though it may have written this time when another worker looks."""
    monkeypatch.setattr(rewinds, "MOST", 1)
    folder = RunFolder.open(tmp_path, {}, {}, {})
    checkpoints = types.SimpleNamespace(go_back=lambda step: step)
    rewinds.go_back(folder, checkpoints, 3, "is lost", 2, 1.0)

    def goes_back(counted):
        workers = types.SimpleNamespace(
            chief=False,
            largest=lambda own: max(own, counted),
            chief_first=contextlib.nullcontext,
        )
        run = types.SimpleNamespace(
            folder=folder, checkpoints=checkpoints, workers=workers
        )
        error = loop.DivergedError(3, outliers.NOT_FINITE, 2)
        return distilling._rewind(run, error)

    assert goes_back(counted=0) and not goes_back(counted=1)


def test_going_back_needs_a_folder(digits):
    with pytest.raises(ValueError, match="no `run_dir` to keep one in"):
        fred_tf.distill(digits, ipc=1, on_divergence="rewind")
    with pytest.raises(ValueError, match="on_divergence.*Received: 'rewnd'"):
        fred_tf.distill(digits, ipc=1, on_divergence="rewnd")


@pytest.mark.slow  # Skipping and resuming have quick tests of their own.
def test_resumed_with_a_skipped_step_it_is_the_same(
    digits, expert_dir, tmp_path
):
    half = config.replace(SETTINGS, {"outer_steps": 14})
    whole = config.replace(SETTINGS, {"outer_steps": 24})
    distil(digits, whole, expert_dir, tmp_path / "at_once")
    for settings in (half, whole):
        distil(digits, settings, expert_dir, tmp_path / "in_two")
    one, other = (
        fred_tf.DistilledRun.restore(tmp_path / name)
        for name in ("at_once", "in_two")
    )
    assert one.folder.metrics() == other.folder.metrics()
    assert one.folder.metrics()[-1]["skipped"] == 2
    for a, b in zip(
        one.parameterization.weights, other.parameterization.weights
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.slow
def test_replicas_skip_the_same_steps(digits, expert_dir):
    """Two references a step: on one device, and one on each of two."""
    two = config.replace(SETTINGS, {"distiller.references_per_step": 2})
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    one, both = (
        assembly.distiller(two, digits, expert_dir, how)
        for how in (None, strategy)
    )
    for distiller in (one, both):
        distiller.adapt(digits.normalized_train, digits.train.labels)
    for _ in range(8):
        first, second = one(), both()
        assert first == pytest.approx(second, rel=1e-3)
    assert first["skipped"] > 0
    np.testing.assert_allclose(
        *(d.parameterization.values.numpy() for d in (one, both)),
        rtol=1e-3,
        atol=1e-3,
    )
