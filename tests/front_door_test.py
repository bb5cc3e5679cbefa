"""What a notebook does, and that programs do the same."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import fred_tf
from fred_tf.config import override, replace
from trainers import distill

ROOT = pathlib.Path(__file__).parents[1]
# Graphs without augmentation and convolution are built in a third of the time.
GRAPHS = ["augmentation=none", "network.name=mlp"]
QUICK = ["outer_steps=3", *GRAPHS]
SCORED = ["evaluation.networks=1", "evaluation.epochs=2", *GRAPHS]


def in_a_process(code: str, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
    )


def test_importing_loads_nothing_heavy():
    """Keras itself loads matplotlib and scikit-learn: not even that."""
    heavy = {"tensorflow", "tensorflow_datasets", "matplotlib", "sklearn"}
    done = in_a_process(
        "import sys, fred_tf; assert fred_tf.__version__\n"
        f"print(sorted(m for m in {heavy} if m in sys.modules))"
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.slow  # `extending_test.py` asks it of a process that goes on.
def test_distilling_loads_no_tensorflow_datasets():
    done = in_a_process(
        "import sys, fred_tf.distilling\n"
        "print('tensorflow_datasets' in sys.modules)"
    )
    assert done.stdout == "False\n", done.stderr


def test_the_backend_of_keras_may_stand_in_its_file(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    done = in_a_process("import fred_tf", KERAS_HOME=str(tmp_path))
    assert "backend tensorflow. Received: 'torch'" in done.stderr
    (tmp_path / "keras.json").write_text("{")
    done = in_a_process("import fred_tf", KERAS_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"KERAS_BACKEND": "jax"}, "backend tensorflow. Received: .*jax"),
        ({"TF_USE_LEGACY_KERAS": "1"}, "needs Keras 3. Received: legacy"),
    ],
)
def test_another_keras_is_refused_in_one_line(environment, message):
    done = in_a_process("import fred_tf", **environment)
    assert done.returncode == 1
    assert re.search(message, done.stderr.splitlines()[-1]), done.stderr


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("types.SimpleNamespace(backend=lambda: 'jax')", "Received: 'jax'"),
        ("None, '2.15.0'", "needs Keras 3. Received: Keras 2.15.0, which was"),
    ],
)
def test_another_keras_that_was_imported_before_is_refused(made, message):
    """Whatever the environment says by then."""
    done = in_a_process(
        "import sys, types\n"
        "keras = sys.modules['keras'] = types.ModuleType('keras')\n"
        f"keras.config, keras.__version__, *_ = {made}, '3.12.0'\n"
        "import fred_tf",
        KERAS_BACKEND="tensorflow",
    )
    assert done.returncode == 1
    assert message in done.stderr.splitlines()[-1], done.stderr


def test_every_name_is_there_and_no_other():
    for name in fred_tf.__all__:
        assert getattr(fred_tf, name) is not None
    assert set(fred_tf.__all__) <= set(dir(fred_tf))
    with pytest.raises(AttributeError, match="no attribute 'distil'"):
        fred_tf.distil  # noqa: B018


@pytest.fixture
def notebook():
    """README's lines, as they stand there."""
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    (code,) = [block for block in blocks if "fred_tf.distill(" in block]
    return code


@pytest.mark.parametrize(
    "source", ["digits", pytest.param("arrays", marks=pytest.mark.slow)]
)
def test_the_notebook_gives_the_programs_set(
    notebook, source, digits, tmp_path, monkeypatch
):
    """Bit for bit, with the same settings."""
    monkeypatch.chdir(tmp_path)
    cheap = [*QUICK, *SCORED]
    code = re.sub(r"overrides=\[.*?\]", f"overrides={cheap!r}", notebook)
    code = code.replace("evaluate(data)", f"evaluate(data, overrides={SCORED})")
    assert f"={cheap!r})" in code and f"={SCORED})" in code
    if source == "arrays":
        code = code.replace('load_data("digits")', "load_data(arrays)")
    splits = (digits.train, digits.test)
    arrays = tuple((split.images, split.labels) for split in splits)
    names = {"arrays": arrays}
    exec(compile(code, "README.md", "exec"), names)
    ours = names["own"]
    assert len(list(ours.dataset())) == len(ours.images)

    settings = ours.config()
    if source == "arrays":
        # Programs have no arrays: the set by its name has the same images.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "fred_tf.assembly.load_data", lambda *_: names["data"]
            )
            run = distill.run(settings, tmp_path / "run")
    else:
        run = distill.run(settings, tmp_path / "run")
    np.testing.assert_array_equal(run.synthetic_set().images, ours.images)
    np.testing.assert_array_equal(run.synthetic_set().labels, ours.labels)
    read = fred_tf.DistilledSet.load("exported/images_float32")
    np.testing.assert_array_equal(read.images, ours.images)


def test_a_run_in_memory_leaves_nothing_and_switches_nothing(
    digits, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    before = tf.config.threading.get_inter_op_parallelism_threads()
    capfd.readouterr()
    made = fred_tf.distill(digits, ipc=1, overrides=QUICK, progress=False)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == ""
    assert tf.config.threading.get_inter_op_parallelism_threads() == before
    with pytest.raises(ValueError, match="made with a `run_dir`"):
        _ = made.run.folder


def test_a_run_folder_is_the_programs(digits, tmp_path):
    """One begun here is gone on with there, and the other way round."""
    few = [*QUICK, "outer_steps=2"]
    begun = fred_tf.distill(
        digits, "digits_ipc1_dm_tiny", tmp_path, overrides=few, progress=False
    )
    settings = override(begun.config(), ["outer_steps=3"])
    there = distill.run(settings, tmp_path)
    again = fred_tf.distill(digits, settings, tmp_path, progress=False)
    np.testing.assert_array_equal(there.synthetic_set().images, again.images)
    whole = fred_tf.distill(digits, settings, progress=False)
    np.testing.assert_array_equal(whole.images, again.images)


def test_settings_follow_from_the_images(digits, generator):
    config = fred_tf.presets.config_for(digits, 1)
    assert config.parameterization.coefficients_per_channel == 21
    assert config.network.depth == 2
    assert config.objective.real_batch_per_class == 64
    colour = generator.uniform(size=(12, 32, 32, 3)).astype(np.float32)
    labels = np.arange(12) % 2
    noise = fred_tf.load_data((colour, labels), name="noise")
    config = fred_tf.presets.config_for(noise, 1)
    assert (config.network.depth, config.dataset) == (3, "noise")
    # No class has more than six images to begin with.
    assert config.parameterization.coefficients_per_channel >= 1024 / 6
    volumes = generator.uniform(size=(12, 16, 16, 16, 1))
    config = fred_tf.presets.config_for(
        fred_tf.load_data((volumes.astype(np.float32), labels)), 1
    )
    assert config.network.name == "convnet3d"
    assert config.augmentation == "crop_cutout_flip_scale_rotate"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Give one of them"),
        ({"config": "digits_ipc1_dm_tiny", "ipc": 1}, "Give one of them"),
        ({"config": "digits_ipc1_dm_tyni"}, "Did you mean"),
        ({"ipc": 1, "overrides": ["widht=3"]}, "Did you mean 'width'"),
        ({"config": "digits_ipc1_tm_tiny"}, "needs `--expert_dir`"),
        ({"ipc": 1.5}, "`ipc` must be a whole number. Received: 1.5"),
    ],
)
def test_mistakes_are_refused(digits, arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        fred_tf.distill(digits, **arguments)


def test_experts_and_sets_need_no_test_images(digits, quick_tm, tmp_path):
    run_dir = tmp_path / "run"
    data = fred_tf.load_data((digits.train.images, digits.train.labels))
    preset = replace(quick_tm, {"dataset": data.name})
    store = fred_tf.train_experts(data, preset, tmp_path / "experts")
    assert [store.facts(i) for i in range(2)] == [{"test_accuracy": None}] * 2
    made = fred_tf.distill(data, preset, run_dir, experts=store, progress=False)
    assert made.run.learned["student_learning_rate"] > 0
    assert made.run.facts.test is None
    assert fred_tf.DistilledRun.restore(run_dir).facts == made.run.facts
    with pytest.raises(ValueError, match="'arrays', which has none"):
        made.evaluate(data)
    assert made.evaluate(digits, overrides=SCORED).mean > 0
    with pytest.raises(ValueError, match="Only a set that `distill` returned"):
        _ = fred_tf.DistilledSet(made.decoded).run


@pytest.fixture(scope="module")
def small(digits):
    return fred_tf.distill(
        digits, ipc=1, overrides=[*QUICK, *SCORED], progress=False
    )


@pytest.mark.parametrize("form", ["images_float32", "coefficients_int8"])
def test_a_saved_set_is_loaded_and_evaluated(small, form, digits, tmp_path):
    path = small.save(tmp_path / "set", form)
    read = fred_tf.DistilledSet.load(path)
    np.testing.assert_allclose(read.images, small.images, atol=0.2)
    assert read.config() == small.config()
    kept = tmp_path / "evaluation.json"
    first = read.evaluate(digits, path=kept)
    assert read.evaluate(digits, path=kept) == first
    assert len(first.accuracies) == 1 and str(first).endswith("%")
    with pytest.raises(ValueError, match="evaluation.epochs"):
        read.evaluate(digits, overrides=["evaluation.epochs=3"], path=kept)
    assert f"{len(small)} images (8, 8, 1)" in repr(small)


def test_a_loaded_set_has_no_coefficients(small, tmp_path):
    read = fred_tf.DistilledSet.load(small.save(tmp_path / "set"))
    with pytest.raises(ValueError, match="no memory.*coefficients"):
        read.save(tmp_path / "other", "coefficients_int8")


def test_a_set_is_scored_from_wherever_it_is(small, digits, tmp_path):
    small.export(tmp_path, ["images_float32", "saved_model"])
    test = digits.test.images[:50], digits.test.labels[:50]
    few = (digits.train.images, digits.train.labels), test
    expected = small.evaluate(few)
    for subject in (small, small.decoded, tmp_path / "images_float32"):
        assert fred_tf.evaluate(subject, few) == expected
    with pytest.raises(ValueError, match="Received: outer_steps=7. Leave out"):
        small.evaluate(few, overrides=["outer_steps=7"])
    with pytest.raises(FileNotFoundError, match="images_float32, .*_model/1"):
        fred_tf.evaluate(tmp_path, few)
    pixels = np.arange(20 * 81, dtype=np.uint8).reshape([20, 9, 9, 1])
    larger = pixels, np.arange(20) % 10
    with pytest.raises(ValueError, match=r"own, which are \(8, 8, 1\) of 10"):
        fred_tf.evaluate(small, (larger, larger))
