"""The program that trains experts: workers, settings, listing."""

import dataclasses
import json

import numpy as np
import pytest

import fred_tf
from fred_tf import assembly, presets
from fred_tf import config as config_lib
from fred_tf.datasets.image_data import Split
from fred_tf.distillation import devices
from fred_tf.experts.inspection import inspect
from fred_tf.experts.store import ExpertStore
from fred_tf.training.evaluation import Evaluation
from trainers import train_experts

TM = presets.preset("digits_ipc1_tm_tiny")


def cluster(kind, index, **hosts):
    return json.dumps(
        {"cluster": hosts, "task": {"type": kind, "index": index}}
    )


@pytest.mark.slow
def test_two_processes_make_the_store_that_one_makes(tmp_path, start, finish):
    flags = ("--preset=digits_ipc1_tm_tiny", "--override=experts.count=3")
    one = start(
        "trainers.train_experts", *flags, f"--expert_dir={tmp_path / 'one'}"
    )
    both = [
        start(
            "trainers.train_experts",
            *flags,
            f"--expert_dir={tmp_path / 'both'}",
            TF_CONFIG=cluster("worker", index, worker=["a:1", "b:1"]),
        )
        for index in range(2)
    ]
    for code, output, errors in [finish(process) for process in (one, *both)]:
        assert code == 0, errors
        assert "2 epochs of each, in" in output
    content = [
        {path.name: path.read_bytes() for path in folder.glob("[mt]*")}
        for folder in (tmp_path / "one", tmp_path / "both")
    ]
    assert len(content[0]) == 4
    assert content[0] == content[1]


def test_a_store_keeps_its_settings(tmp_path, digits, quick_tm, caplog):
    """Appending asks for the same storage; matching for enough epochs."""
    settings = config_lib.override(
        quick_tm,
        ["experts.epochs=3", "stored_epochs=2", "experts.dtype=float16"],
    )
    settings = config_lib.override(settings, ["experts.count=1"])
    with caplog.at_level("INFO", logger="absl"):
        store = train_experts.run(settings, tmp_path)
    assert "uses epochs 0 to 2, 2 are stored: " in caplog.text
    assert (store.epochs, store.dtype) == (2, "float16")
    more = config_lib.override(settings, ["experts.count=2"])
    assert len(train_experts.run(more, tmp_path)) == 2
    for change, shown in (
        ("experts.dtype=bfloat16", "`dtype` is 'float16' there, 'bfloat16'"),
        ("stored_epochs=3", "`epochs` is 2 there, 3 is asked"),
        ("experts.epochs=4", "`experts.epochs` is 3 there, 4 is"),
        ("experts.momentum=0.5", "`experts.momentum` is 0.0"),
    ):
        with pytest.raises(ValueError, match=shown):
            train_experts.run(config_lib.override(settings, [change]), tmp_path)
    # The preset's experts are float32 and as long as these.
    reader = assembly.objective(quick_tm, digits, str(tmp_path)).source
    start, target = reader.segment(1, 1, 1)
    assert start.dtype == target.dtype == np.float32
    too_far = config_lib.override(
        quick_tm, ["experts.epochs=9", "max_start_epoch=3"]
    )
    with pytest.raises(ValueError, match=r"stores \(2\). Received: 3 - 1 \+ 1"):
        assembly.objective(too_far, digits, str(tmp_path))
    with pytest.raises(ValueError, match="`experts.learning_rate` is 0.01"):
        other = config_lib.override(quick_tm, ["experts.learning_rate=0.02"])
        assembly.objective(other, digits, str(tmp_path))


def test_the_table_is_aligned_and_sums_up(expert_dir):
    store = ExpertStore(expert_dir)
    lines = train_experts.table(store, inspect(store)).splitlines()
    scores = [100 * store.facts(i)["test_accuracy"] for i in range(2)]
    megabytes = (3 * 4 * store.parameters + 128) / 1e6
    heads = ["number", "file", "epochs", "dtype", "MB", "accuracy"]
    assert lines[0].split() == heads
    for i, line in enumerate(lines[1:3]):
        assert line.split() == [
            str(i),
            f"trajectory_0000{i}.npy",
            "2",
            "float32",
            f"{megabytes:.3f}",
            f"{scores[i]:.1f}",
            "%",
        ]
        assert len(line) == len(lines[0])
    assert lines[3] == (
        f"2 usable of 2 experts; {2 * megabytes:.3f} MB; digits; convnet, "
        "width 8, depth 2, norm instance, pooling average, activation relu; "
        f"test accuracy {np.mean(scores):.1f} +- {np.std(scores):.1f} %"
    )


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        # 6 + 1 of 50 + 1 arrays of 320,010 parameters.
        (
            [],
            "trajectory_matching uses epochs 0 to 6, 50 are stored: "
            "6528.204 MB for 100 experts, or 896.028 MB with `--override "
            "experts.stored_epochs=6` in a folder of their own.",
        ),
        (
            ["stored_epochs=6", "experts.dtype=float16"],
            "trajectory_matching uses epochs 0 to 6, 6 are stored: "
            "448.014 MB for 100 experts.",
        ),
        (
            ["objective.name=distribution_matching"],
            "distribution_matching uses no experts.",
        ),
    ],
)
def test_usage_tells_what_a_preset_needs(tmp_path, assignments, said):
    settings = config_lib.override(
        presets.preset("cifar10_ipc1_tm"), assignments
    )
    description = {
        "epochs": settings.experts.epochs_on_disk,
        "parameters": 320_010,
        "dtype": settings.experts.dtype,
    }
    store = ExpertStore.create_or_open(tmp_path, description)
    assert train_experts.usage(settings, store, 100) == said


def test_accuracies_on_other_test_images_are_not_summed_up(
    quick_tm, digits, tmp_path
):
    """A mean over two test splits would be of neither."""
    half = Split(digits.test.images[::2], digits.test.labels[::2])
    other = dataclasses.replace(digits, test=half)
    for count, data in (1, digits), (2, other):
        wanted = config_lib.override(quick_tm, [f"experts.count={count}"])
        store = fred_tf.train_experts(data, wanted, tmp_path)
    assert "test" not in store.facts(0)
    assert store.facts(1)["test"] == other.facts.test
    *_, told = train_experts.table(store, inspect(store)).splitlines()
    alone = Evaluation((store.facts(0)["test_accuracy"],), 0.0)
    assert f"test accuracy {alone}; 1 scored on other test images" in told


def test_the_list_goes_on_after_what_is_damaged(tmp_path, call):
    description = {"epochs": 1, "parameters": 2, "dtype": "bfloat16"}
    store = ExpertStore.create_or_open(tmp_path, description)
    for number in range(3):
        store.append(np.full((2, 2), number), {"test_accuracy": number / 4})
    path = tmp_path / "trajectory_00001.npy"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"\1")
    flags = (
        "--list_experts",
        "--verify",
        f"--expert_dir={tmp_path}",
        "--preset=digits_ipc1_tm",
    )
    quick = train_experts.table(store, inspect(ExpertStore(tmp_path)))
    assert "damaged" not in quick and "3 usable of 3" in quick
    code, output, errors = call("trainers.train_experts", *flags)
    assert code == 1, errors
    lines = output.splitlines()
    assert [line.endswith("damaged") for line in lines[1:4]] == [
        False,
        True,
        False,
    ]
    assert lines[4].startswith(f"Trajectory 1, {path}, is damaged: its SHA-256")
    assert lines[5] == (
        "2 usable of 3 experts; 0.000 MB; unnamed data; unnamed network; test "
        "accuracy 25.0 +- 25.0 %"
    )
    assert lines[6].startswith("trajectory_matching uses epochs 0 to 11, 1 are")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (None, (0, 1)),
        ("", (0, 1)),
        ("{}", (0, 1)),
        ('{"task": {"type": "worker", "index": 3}}', (0, 1)),
        (cluster("worker", 0, worker=["a:1"]), (0, 1)),
        (cluster("worker", 1, worker=["a:1", "b:1"]), (1, 2)),
        (cluster("chief", 0, chief=["c:1"], worker=["a:1", "b:1"]), (0, 3)),
        (cluster("worker", 1, chief=["c:1"], worker=["a:1", "b:1"]), (2, 3)),
    ],
)
def test_a_worker_finds_its_place(monkeypatch, text, place):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    assert devices.worker() == place


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "3",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": ["a:1"], "task": {"type": "worker", "index": 0}}',
        cluster("worker", 0, worker=2),
        cluster("worker", 2, worker=["a:1", "b:1"]),
        cluster("worker", -1, worker=["a:1", "b:1"]),
        cluster("worker", "1", worker=["a:1", "b:1"]),
        cluster("ps", 0, worker=["a:1"], ps=["b:1"]),
        cluster("chief", 0, worker=["a:1"]),
    ],
)
def test_a_malformed_cluster_is_refused(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="TF_CONFIG must be .* Unset it") as e:
        devices.worker()
    assert f"Received: {text}. Unset" in str(e.value)
