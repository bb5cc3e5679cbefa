"""The programs as a shell runs them: flags, exit codes, messages, signals."""

import signal
import time

import numpy as np
import pytest

from fred_tf.distilled_run import DistilledRun
from trainers import distill

TINY = "--preset=digits_ipc1_dm_tiny"


@pytest.mark.slow
def test_two_processes_agree_bit_for_bit(tmp_path, start, finish, memory_of):
    """As two runs of one process do: `test_same_seed_twice_and_other_seed`."""
    folders = [tmp_path / name for name in "ab"]
    runs = [
        start("trainers.distill", TINY, f"--run_dir={folder}", "--seed=3")
        for folder in folders
    ]
    for process in runs:
        code, output, errors = finish(process)
        assert code == 0, errors
        assert "20 images in 640 floats after 3 steps" in output
    np.testing.assert_array_equal(*map(memory_of, folders))
    first, second = ((f / "metrics.jsonl").read_text() for f in folders)
    assert first == second


def test_sigterm_saves_and_the_same_command_continues(
    tmp_path, start, finish, call
):
    """F3, and F1 as a user meets it: a second signal kills at once."""
    command = [
        "trainers.distill",
        TINY,
        f"--run_dir={tmp_path}",
        "--override=augmentation=none",
        "--override=network.name=mlp",
        # Else it diverges before the signal comes, where steps are fast.
        "--override=memory_learning_rate=1",
        "--override=outer_steps=100000",
    ]
    process = start(*command)
    metrics = tmp_path / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not metrics.exists() or len(metrics.read_text().splitlines()) < 3:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    code, output, errors = finish(process)
    assert code == 143, errors
    assert "run again to continue" in output
    step = DistilledRun.restore(tmp_path).step
    assert step == len(metrics.read_text().splitlines()) >= 3
    longer = f"--override=outer_steps={step + 2}"
    code, output, errors = call(*command[:-1], longer)
    assert code == 0, errors
    assert f"after {step + 2} steps" in output


@pytest.mark.slow  # `photos_test.py` goes on to a page, too.
def test_from_a_run_to_its_page(tmp_path, quick, call):
    """Exports with their accuracies, figures, and a page of it all."""
    run_dir = tmp_path / "two words"
    distill.run(quick, run_dir, images_every=1)
    place = f"--run_dir={run_dir}"
    forms = "images_png,coefficients_int8,keras"
    for module, flags, said in (
        (
            "export.__main__",
            ["--measure", f"--forms={forms}"],
            "against float32",
        ),
        (
            "trainers.figures.__main__",
            ["--figures=masks,spectra"],
            "spectra.png",
        ),
        ("trainers.report.__main__", [], "report.html"),
    ):
        code, output, errors = call(module, place, *flags)
        assert code == 0, errors
        assert said in output
    made = {str(p.relative_to(run_dir)) for p in run_dir.rglob("*.*")}
    assert made > {
        "export/images_png/manifest.json",
        "export/evaluation_exact.json",
        "export/evaluation_coefficients_int8.json",
        "export/memory.json",
        "figures/masks.svg",
        "figures/spectra.png",
    }
    page = (run_dir / "report.html").read_text()
    for text in (
        "coefficients_int8",
        "against float32",
        "What each class keeps",
    ):
        assert text in page


@pytest.mark.parametrize(
    ("module", "flags", "message"),
    [
        ("trainers.distill", ["--preset=cifar_ipc1_dm"], "Did you mean 'cifar"),
        ("trainers.distill", [TINY], "--run_dir is required"),
        ("trainers.evaluate", ["--run_dir=/nowhere"], "trainers.distill"),
        ("trainers.rank", ["--run_dri=x"], "Did you mean: run_dir"),
        ("trainers.rank", ["--rates=0.1,nan"], "above 0, 100 at most"),
        ("trainers.evaluate", ["--severity=3"], "only beside `--corruptions`"),
        (
            "trainers.evaluate",
            ["--exported=digits_ipc1", "--baseline=random"],
            "Of `--exported` and `--baseline` one may be",
        ),
        ("trainers.distill", [TINY, "--row=digits_full"], "--row=digits_full."),
        ("trainers.report.__main__", ["--set=a"], "only beside `--gallery`"),
        (
            "trainers.select_coreset",
            ["--stored_quality=10"],
            "10 without it. Give both, or neither.",
        ),
        (
            "trainers.select_coreset",
            [TINY, "--run_dir=/proc/none/x", "--feature_epochs=10"],
            "Received: 10 with `--method=random`. Leave it out",
        ),
        (
            "trainers.select_coreset",
            [
                TINY,
                "--run_dir=/proc/none/x",
                "--stored_bytes=9000",
                "--stored_as=png",
                "--stored_quality=75",
            ],
            "Received: 75 with `--stored_as=png`. Leave it out",
        ),
        (
            "trainers.elsewhere.__main__",
            [TINY, "--pack=/nowhere", "--exported=digits_ipc1"],
            "digits_ipc1 without `--score`",
        ),
        (
            "trainers.elsewhere.__main__",
            [TINY, "--pack=/nowhere", "--run_dir=runs/a"],
            "`--run_dir` is of a set to be scored. Received: runs/a",
        ),
        (
            "trainers.select_coreset",
            [TINY, "--run_dir=/proc/none/x", "--override=network.width=9"],
            "Received: network.width=9. Leave out",
        ),
        (
            "trainers.select_coreset",
            [
                TINY,
                "--run_dir=/proc/none/x",
                "--method=herding",
                "--override=network.width=9",
                "--override=outer_steps=7",
            ],
            "Received: outer_steps=7. Leave out",
        ),
        (
            "trainers.elsewhere.__main__",
            [TINY, "--bring_back=/nowhere", "--run_dir=/nowhere"],
            "--bring_back=/nowhere, --preset=digits_ipc1_dm_tiny. Leave one",
        ),
        (
            "trainers.elsewhere.__main__",
            [TINY, "--pack=/nowhere", "--name=b"],
            "--pack=/nowhere, --name=b. Leave one out",
        ),
        (
            "trainers.results.__main__",
            ["--unpack=/nowhere", "--rows=digits_full"],
            "--rows=['digits_full']. Leave one out",
        ),
        (
            "trainers.results.__main__",
            ["--pack=/nowhere", "--rows=none"],
            "packs the rows that `--rows` names. Received: none",
        ),
        (
            "trainers.elsewhere.__main__",
            ["--bring_back=/nowhere", "--run_dir=/nowhere", "--name=Bad Name"],
            "`--name` must be a word",
        ),
        (
            "trainers.train_experts",
            ["--list_experts", "--expert_dir=/nowhere", "--seed=1"],
            "`--seed` counts only beside `--preset` or `--row`",
        ),
        (
            "trainers.select_coreset",
            [
                TINY,
                "--run_dir=/proc/none/x",
                "--stored_bytes=9000",
                "--override=ipc=3",
            ],
            "Received: 3 with a picture of 9,000 bytes. Leave one out",
        ),
        (
            "trainers.evaluate",
            [
                TINY,
                "--run_dir=/nowhere",
                "--exported=digits_ipc1",
                "--override=ipc=3",
                "--override=mask_rule=random",
            ],
            "Received: ipc=3, parameterization.mask_rule=random. Leave out",
        ),
        (
            "trainers.evaluate",
            [
                TINY,
                "--run_dir=/nowhere",
                "--baseline=full",
                "--override=ipc=50",
            ],
            "Received: ipc=50. Leave out",
        ),
        (
            "trainers.distill",
            [TINY, "--run_dir=/nowhere", "--seed=1", "--override=seed=2"],
            "given once. Received: --seed=1 and --override seed=2. Leave one",
        ),
        (
            "trainers.evaluate",
            [
                "--run_dir=/nowhere",
                TINY,
                "--image_size=8",
                "--baseline=full",
                "--override=preparation.image_size=16",
            ],
            "--image_size=8 and --override preparation.image_size=16. Leave",
        ),
    ],
)
def test_mistakes_end_in_one_line_and_exit_code_1(module, flags, message, call):
    """F41: a message instead of a stack trace, before any work."""
    code, output, errors = call(module, *flags)
    assert code == 1
    assert message in errors
    assert "Traceback" not in errors
    assert output == ""


def test_a_shell_gets_the_exit_code_and_the_message(start, finish):
    code, output, errors = finish(start("export", "--run_dri=x"))
    assert (code, output) == (1, "")
    first, *others = errors.splitlines()
    assert first == "python -m export: starting TensorFlow ..."
    assert len(others) == 2  # Nothing of TensorFlow's own.
    assert "flag 'run_dri'. Did you mean: run_dir" in others[0]


def test_a_coreset_is_selected_and_scored_on_other_networks(tmp_path, call):
    """One program's folder is the next one's flag."""
    place = f"--run_dir={tmp_path}"
    code, output, errors = call(
        "trainers.select_coreset", TINY, place, "--method=random"
    )
    assert code == 0, errors
    code, output, errors = call(
        "trainers.evaluate",
        TINY,
        place,
        f"--exported={tmp_path / 'tfrecord'}",
        "--networks=convnet,mlp",
    )
    assert code == 0, errors
    assert "| convnet | " in output and "| mlp | " in output
    assert "Mean of the unseen ones: " in output
    assert (tmp_path / "evaluation_exported_mlp.json").exists()
