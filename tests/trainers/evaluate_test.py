import dataclasses
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import fred_tf
from fred_tf import config, presets
from fred_tf.datasets import Split
from fred_tf.disk import files, records
from fred_tf.scoring import how
from tests.datasets.prepared import prepare
from trainers import distill, evaluate
from trainers.report import __main__ as report

DM = presets.preset("digits_ipc1_dm_tiny")


def test_networks_come_with_their_own_settings():
    found = evaluate.configs(DM, ["convnet", "mlp"])
    assert found["convnet"] == DM
    assert found["mlp"].network.name == "mlp"
    assert found["mlp"].evaluation == DM.evaluation
    with pytest.raises(ValueError, match="Did you mean 'alexnet'"):
        evaluate.configs(DM, ["alexnt"])


def test_networks_that_do_not_take_the_images_are_refused_at_once():
    with pytest.raises(ValueError, match="at least .* Received: 8 x 8"):
        evaluate.configs(DM, ["convnet", "vgg11"])


@pytest.mark.parametrize("asked", [(["convnet", "mlp"], None), ([], "m.keras")])
def test_no_networks_are_asked_for_where_a_kernel_scores(asked):
    """It would score the same for each of them."""
    by_kernel = config.replace(DM, {"evaluation.by": "kernel"})
    with pytest.raises(ValueError, match="Received: 'kernel'. Leave them out"):
        evaluate.configs(by_kernel, *asked)
    assert list(evaluate.configs(by_kernel, [])) == ["convnet"]


@pytest.mark.parametrize(
    ("networks", "counts"), [("mlp", False), ("mlp,convnet", True)]
)
def test_overrides_are_of_a_network_that_is_trained(
    networks, counts, call, tmp_path, monkeypatch
):
    def load(*_):
        raise ValueError("Data are read.")

    monkeypatch.setattr(evaluate.assembly, "load_data", load)
    code, _, errors = call(
        "trainers.evaluate",
        "--preset=digits_ipc1_dm_tiny",
        "--baseline=random",
        f"--run_dir={tmp_path}",
        f"--networks={networks}",
        "--override=network.width=4",
    )
    expected = "Data are read" if counts else "Received: network.width=4. Leave"
    assert code == 1 and expected in errors


def test_a_name_keeps_evaluations_beside_each_other(tmp_path):
    for arguments, name in (
        (("", ""), "evaluation"),
        (("random", "mlp", True), "evaluation_random_mlp_corrupted"),
        (("", "", False, "short"), "evaluation_short"),
        (("", "", False, "", ["cifar10_1/v6"]), "evaluation_cifar10_1_v6"),
        (("", "mlp", True, "", ["a/b"]), "evaluation_mlp_a_b_corrupted"),
        (("full", "mlp", True, "b_2"), "evaluation_full_b_2_mlp_corrupted"),
    ):
        path = evaluate.path(tmp_path, *arguments)
        assert path == tmp_path / f"{name}.json"
    for name in ("Short", "a-b", "a/b", "step000000003"):
        with pytest.raises(ValueError, match=f"`--name` must .*{name}"):
            evaluate.path(tmp_path, "", "", name=name)


def test_alexnet_is_warned_of_few_epochs(caplog):
    short, long = (
        config.replace(DM, {"evaluation.epochs": epochs})
        for epochs in (300, 1000)
    )
    for settings, networks in ((long, ["alexnet"]), (short, ["mlp"])):
        evaluate.configs(settings, networks)
        assert not caplog.records
    evaluate.configs(short, ["convnet", "alexnet"])
    assert "plateau: after 300 epochs" in caplog.text


def other_digits(digits, folder):
    """Writes a test split alone, as TensorFlow Datasets does."""
    features = {
        "image": tfds.features.Image(shape=(8, 8, 1)),
        "label": tfds.features.ClassLabel(names=digits.class_names),
    }
    pixels = np.round(255 * digits.test.images[:40]).astype(np.uint8)
    labels = digits.test.labels[:40]
    examples = [
        {"image": image, "label": label} for image, label in zip(pixels, labels)
    ]
    prepare(folder / "other_digits" / "1.0.0", features, {"test": examples})
    return Split(pixels, labels)


def accuracies_on(page: str) -> set[str]:
    return set(re.findall(r">(\d+\.\d %)<", page))


def test_a_run_is_scored_on_another_test_set(digits, quick, call, tmp_path):
    """Its digest is in the record, its accuracy on no page."""
    other = other_digits(digits, tmp_path)
    folder = tmp_path / "run"
    distill.run(quick, folder)
    program = (
        "trainers.evaluate",
        f"--run_dir={folder}",
        f"--data_dir={tmp_path}",
    )
    code, output, _ = call(*program, "--test_on=other_digits")
    assert code == 0 and "| trained | clean | other_digits |" in output
    path = folder / "evaluation_other_digits.json"
    record = records.read(path, "evaluation")
    stated = {"other_digits": {"images": 40, "test": other.digest}}
    assert record["identity"]["corrupted"] == stated
    assert record["data"]["test"] == digits.facts.test
    assert call(*program)[0] == 0  # The same networks, on their own split.
    own = records.read(folder / "evaluation.json", "evaluation")
    assert own["accuracies"] == record["accuracies"]
    assert record["corrupted"]["other_digits"] != own["accuracies"]
    page = report.run(folder).read_text()
    assert accuracies_on(page) == {f"{100 * own['mean']:.1f} %"}
    # Somebody leaves out an image.
    shutil.rmtree(tmp_path / "other_digits")
    fewer = dataclasses.replace(digits, test=digits.test.only(np.arange(30)))
    other_digits(fewer, tmp_path)
    code, _, errors = call(*program, "--test_on=other_digits")
    assert code == 1 and "`corrupted.other_digits.images` is 40" in errors
    code, _, errors = call(*program, "--test_on=cifar10_1")
    assert code == 1 and "cifar10_1/v6' is not prepared" in errors


def test_other_test_sets_lie_in_data_dir_wherever_photos_lie(
    call, digits, tmp_path
):
    """A path in a data set's name is of that set alone."""
    root, other = tmp_path / "own", other_digits(digits, tmp_path)
    root.mkdir()
    images, labels = other.images, other.labels
    np.savez(root / "a.npz", images=images, labels=labels)
    code, output, errors = call(
        "trainers.evaluate",
        "--preset=digits_ipc1_dm_tiny",
        f"--dataset=file:{root / 'a.npz'}",
        "--baseline=random",
        "--override=evaluation.epochs=1",
        "--override=evaluation.networks=1",
        f"--run_dir={tmp_path / 'scored'}",
        f"--data_dir={tmp_path}",
        "--test_on=other_digits",
    )
    assert code == 0 and "| other_digits |" in output, errors


def test_a_set_of_the_library_is_scored_by_its_name(
    call, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    program = (
        "trainers.evaluate",
        "--preset=digits_ipc1_dm_tiny",
        "--override=evaluation.epochs=1",
        "--override=evaluation.networks=1",
        "--run_dir=scored",
    )
    code, output, errors = call(*program, "--exported=digits_ipc1")
    assert code == 0 and "set: 30 images [8, 8, 1]" in output, errors
    assert (tmp_path / "scored" / "evaluation_exported.json").is_file()
    # Without a preset it is scored as its own run says.
    own = *program[2:4], "--run_dir=own", "--exported=digits_ipc1"
    code, _, errors = call(program[0], *own)
    assert code == 0, errors
    scored = records.read(tmp_path / "own" / "evaluation_exported.json")
    told = how(fred_tf.load_distilled("digits_ipc1").config())
    for name in ("network", "augmentation"):
        assert scored["identity"][name] == told[name]
    # What lies there comes first.
    (tmp_path / "digits_ipc1").mkdir()
    code, _, errors = call(*program, "--exported=digits_ipc1")
    assert code == 1 and "digits_ipc1" in errors


def test_other_test_sets_lie_where_the_run_found_its_own(
    call, digits, quick, tmp_path, monkeypatch
):
    """As --data_dir says of itself."""
    other_digits(digits, tmp_path)
    folder, looked_in = tmp_path / "run", []
    distill.run(quick, folder, data_dir=str(tmp_path))

    def load_all(data, names, severity, data_dir, images):
        looked_in.append(data_dir)
        return {}, {}

    monkeypatch.setattr(evaluate.corruptions, "load_all", load_all)
    flags = "--test_on=other_digits", "--corruptions=fog"
    code, output, errors = call(
        "trainers.evaluate", f"--run_dir={folder}", *flags
    )
    assert code == 0 and "| other_digits |" in output, errors
    assert looked_in == [str(tmp_path)]


@pytest.mark.parametrize("scored", ["--baseline=full", "--exported=a.npz"])
def test_what_says_no_settings_wants_a_preset(
    scored, call, tmp_path, monkeypatch
):
    """`distill`, that was named, would make something else."""
    monkeypatch.chdir(tmp_path)
    images, labels = np.zeros((2, 8, 8, 1), np.uint8), np.arange(2)
    np.savez("a.npz", images=images, labels=labels)
    code, _, errors = call("trainers.evaluate", "--run_dir=new", scored)
    assert code == 1 and not (tmp_path / "new").exists()
    assert "no run in new. Give --preset=NAME" in errors


@pytest.mark.parametrize("flag", ["--test_on=cifar10_1", "--corruptions=fog"])
def test_packs_are_scored_on_their_own_split(flag, call, tmp_path):
    code, _, errors = call(
        "trainers.elsewhere.__main__", flag, f"--pack={tmp_path / 'pack'}"
    )
    name = flag.partition("=")[0]
    assert code == 1 and f"Only `trainers.evaluate` takes `{name}`" in errors


@pytest.fixture
def photos(digits, tmp_path):
    """Digits 0, 1 and 2 as a folder of images."""
    for split in ("train", "test"):
        real = getattr(digits, split)
        for label in range(3):
            folder = tmp_path / "photos" / split / "abc"[label]
            folder.mkdir(parents=True)
            for row in real.indices_of(label)[:8]:
                pixels = np.round(255 * real.images[row]).astype(np.uint8)
                path = folder / f"{row}.png"
                path.write_bytes(tf.io.encode_png(pixels).numpy())
    return tmp_path / "photos"


def test_an_accuracy_counts_for_the_labels_it_was_measured_on(
    photos, quick, call, tmp_path, caplog
):
    """What is printed, what a page shows, and what baselines keep."""
    of_photos = {
        "dataset": f"folder:{photos}",
        "objective.real_batch_per_class": 4,
        "evaluation.epochs": 20,
    }
    folder = tmp_path / "run"
    distill.run(config.replace(quick, of_photos), folder)
    program = "trainers.evaluate", f"--run_dir={folder}"
    ways = ((), ("--baseline=random",))
    first = [call(*program, *way) for way in ways]
    assert [code for code, _, _ in first] == [0, 0]
    kept = [files.read_json(p)["mean"] for p in folder.glob("eval*.json")]
    # Somebody corrects the labels of the test images.
    a, b = photos / "test" / "a", photos / "test" / "b"
    a.rename(photos / "test" / "c" / "aside")
    b.rename(a)
    (photos / "test" / "c" / "aside").rename(b)
    for way in ways:
        code, output, errors = call(*program, *way)
        assert code == 1 and "`data.test` is" in errors and not output
    code, output, _ = call(*program, "--name=corrected")
    assert code == 0 and f"{100 * max(kept):.1f}" not in output
    code, _, _ = call(*program, "--name=held", "--override=holdout=0.5")
    assert code == 0 and "distilled from: its accuracy" in caplog.text
    page = report.run(folder).read_text()
    assert accuracies_on(page) == {f"{100 * mean:.1f} %" for mean in kept}
    drawing = "trainers.figures.__main__", f"--run_dir={folder}"
    assert call(*drawing, "--figures=beside")[0] == 0
    (photos / "train" / "c").rename(photos / "train" / "d")
    (photos / "test" / "c").rename(photos / "test" / "d")
    code, _, errors = call(*program, "--name=renamed")
    assert code == 1 and "a, b, c. Received: a, b, d" in errors
    next((photos / "train" / "a").glob("*")).unlink()
    code, _, errors = call(*drawing)
    assert code == 1 and "made from" in errors


def test_part_of_the_classes_is_said(photos, quick, call, tmp_path):
    for path in (photos / "test" / "c").glob("*"):
        path.unlink()
    code, output, _ = call(
        "trainers.evaluate",
        "--preset=digits_ipc1_dm_tiny",
        f"--override=dataset=folder:{photos}",
        "--override=network.name=mlp",
        "--override=augmentation=none",
        "--baseline=random",
        f"--run_dir={tmp_path / 'run'}",
    )
    assert code == 0 and "networks over 2 of 3 classes: " in output
