"""A whitened run through the whole system: what knows its matrices, and how."""

import dataclasses
import gc
import json
import shutil

import numpy as np
import pytest

import fred_tf
from export import exporting
from fred_tf import assembly, config, datasets, forms, presets, scoring
from fred_tf.disk import evaluation_files, records
from fred_tf.distilled_run import DistilledRun, check_start, identity
from fred_tf.experts.store import ExpertStore
from fred_tf.normalizations import ZCA, UnfittedError, from_config
from trainers import distill, train_experts
from trainers.figures import named_runs
from trainers.figures.subject import seen

NAMES = ("zca", "zca_kip", "zca_frepo")


@pytest.fixture(scope="module")
def settings(quick):
    """A whitened run whose steps are of a size for it."""
    changes = {"normalization": "zca_frepo"}
    changes["distiller.memory_learning_rate"] = 1000.0
    return config.replace(quick, changes)


@pytest.fixture(scope="module")
def whitened():
    return datasets.load("digits", normalization="zca_frepo")


@pytest.fixture(scope="module")
def folder(settings, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "whitened"
    distill.run(settings, path, save_every=1)
    return path


@pytest.fixture
def alone():
    """Nothing in this process has fitted a whitening: as in a new one.

    What a module keeps of data with whitenings would lend them theirs.
    """
    from fred_tf.normalizations import zca

    gc.collect()
    kept, zca._FITS = zca._FITS, type(zca._FITS)()
    yield
    zca._FITS = kept


@pytest.fixture
def no_data(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("data were read")

    monkeypatch.setattr(assembly, "load_data", refuse)


def test_a_run_folder_has_the_recipe_and_no_matrix(folder, whitened, alone):
    stated = json.loads((folder / "config.json").read_text())
    assert stated["identity"]["normalization"] == "zca_frepo"
    own = whitened.normalization
    assert stated["data"]["normalization"] == own.get_config()
    assert own.digest in json.dumps(stated)
    run = DistilledRun.restore(folder)
    assert run.facts.normalization == own and not own.matrix.shape[0] > 64
    assert not run.facts.normalization.is_fitted
    with pytest.raises(UnfittedError, match="`zca_frepo` of a record"):
        run.synthetic_set().pixels()
    fitted = run.fitted()
    assert fitted.facts.normalization.is_fitted
    assert fitted.fitted() is fitted and fitted.facts == run.facts
    decoded = fitted.synthetic_set()
    np.testing.assert_array_equal(decoded.pixels(), own.undo(decoded.images))


@pytest.mark.parametrize("given", [None, "elsewhere"])
def test_the_images_are_read_where_the_run_found_them(
    folder, whitened, alone, monkeypatch, given
):
    asked = []

    def load(config, data_dir, download):
        asked.append((config.normalization, data_dir))
        return whitened

    monkeypatch.setattr(assembly, "load_data", load)
    run = DistilledRun.restore(folder)
    dataclasses.replace(run, data_dir="there").fitted(given)
    assert asked == [("zca_frepo", given or "there")]


def test_a_resumed_run_is_the_same_bit_for_bit(
    folder, settings, memory_of, tmp_path
):
    stopped = shutil.copytree(folder, tmp_path / "stopped")
    for path in (stopped / "checkpoints").glob("ckpt-[23].*"):
        path.unlink()
    assert DistilledRun.restore(stopped).step == 1
    resumed = distill.run(settings, stopped)
    assert resumed.step == 3
    np.testing.assert_array_equal(memory_of(resumed), memory_of(folder))


@pytest.mark.parametrize("name", NAMES)
def test_other_images_do_not_stand_for_those_of_the_fit(
    folder, digits, alone, monkeypatch, name
):
    """One changed pixel is another fit, however alike the two are."""
    images = digits.train.images.copy()
    images[0, 0, 0, 0] = 1 - images[0, 0, 0, 0]
    train = datasets.Split(images, digits.train.labels)
    others = datasets.load(
        ((train.images, train.labels), (images[:9], train.labels[:9])),
        normalization=name,
        class_names=digits.class_names,
    )
    monkeypatch.setattr(assembly, "load_data", lambda *_: others)
    run = DistilledRun.restore(folder)
    with pytest.raises(ValueError, match="the images that its digest is of"):
        run.fitted()
    with pytest.raises(ValueError, match="the images that its digest is of"):
        scoring.score(run.config, run.synthetic_set(), others)


def test_data_with_another_normalisation_make_the_same_fit(
    folder, digits, whitened, alone
):
    """The set says what test images are whitened by, not the data."""
    run = DistilledRun.restore(folder)
    one, other = (
        scoring.score(run.config, run.synthetic_set(), data)
        for data in (digits, whitened)
    )
    assert one.accuracies == other.accuracies
    decoded = scoring.fitted_on(digits, run.synthetic_set())
    plain = fred_tf.evaluate(decoded, digits, run.config)
    assert plain.accuracies == one.accuracies
    expected = whitened.normalization(digits.scored.images)
    found = decoded.normalization(digits.scored.images)
    np.testing.assert_array_equal(found, expected)


def test_evaluations_and_runs_are_told_apart_by_the_digest(
    folder, settings, whitened, tmp_path
):
    decoded = DistilledRun.restore(folder).synthetic_set()
    path = tmp_path / "evaluation.json"
    scoring.score(settings, decoded, whitened, path)
    told = records.read(path)["identity"]["normalization"]
    assert told["digest"] == whitened.normalization.digest
    own = dict(whitened.normalization.get_config(), digest="0" * 64)
    held = dict(told, name="zca")
    stated = scoring.description(settings, decoded)["identity"]
    for change in (own, held):
        work = path, evaluation_files.KIND, {**stated, "normalization": change}
        with pytest.raises(ValueError, match="`normalization"):
            records.continued(*work, whitened.facts.to_json())
    ids = [
        identity(config.replace(settings, {"normalization": name}), False)
        for name in ("standardize", *NAMES)
    ]
    assert all(ids[i] != ids[j] for i in range(4) for j in range(i))


def test_what_is_held_out_is_not_fitted_on():
    held = datasets.load("digits", holdout=0.2, normalization="zca")
    images = held.train.images
    assert held.normalization == ZCA.fit(images)
    again = from_config(held.normalization.get_config())
    assert again.fitted(images) == held.normalization
    whole = datasets.load("digits", normalization="zca")
    assert whole.normalization != held.normalization


# Of experts, asked for, and what is said.
MISMATCHED = [
    ("standardize", "zca"),
    ("zca", "standardize"),
    ("zca", "zca_kip"),
]


@pytest.mark.parametrize(("there", "asked"), MISMATCHED)
def test_experts_that_saw_other_images_are_refused_before_any_are_read(
    quick_tm, tmp_path, no_data, there, asked
):
    def whitened(name):
        return config.replace(quick_tm, {"normalization": name})

    data = datasets.load("digits", normalization=there)
    assembly.expert_store(whitened(there), data, tmp_path / "experts")
    wanted = whitened(asked)
    message = f"`data.normalization.name` is '{there}' there, '{asked}' is"
    with pytest.raises(ValueError, match=message):
        distill.run(wanted, tmp_path / "run", expert_dir=tmp_path / "experts")
    others = datasets.load("digits", normalization=asked)
    for experts in (tmp_path / "experts", ExpertStore(tmp_path / "experts")):
        with pytest.raises(ValueError, match=message):
            fred_tf.distill(others, wanted, tmp_path / "run", experts=experts)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match=message):
        train_experts.run(wanted, tmp_path / "experts")
    # Those that did see them are not, as long as nothing else differs.
    assembly.check_experts(whitened(there), tmp_path / "experts")
    assembly.check_experts(wanted, tmp_path / "none")
    assembly.check_experts(wanted, None)


def test_experts_of_other_images_are_refused_by_the_digest(
    quick_tm, tmp_path, whitened
):
    wanted = config.replace(quick_tm, {"normalization": "zca_frepo"})
    held = datasets.load("digits", holdout=0.2, normalization="zca_frepo")
    store = assembly.expert_store(wanted, held, tmp_path)
    store.append(np.zeros((store.epochs + 1, store.parameters), np.float32))
    # What the names say, a copy of the data in a folder may say, too.
    expected = assembly.expert_description(wanted, whitened.facts)
    expected["data"] = {"normalization": expected["data"]["normalization"]}
    with pytest.raises(ValueError, match="`data.normalization.digest` is"):
        type(store).open(tmp_path, expected)


def test_a_whitened_memory_begins_no_other_run(folder, settings):
    start = DistilledRun.restore(folder)
    check_start(settings, start)
    for name in ("standardize", "zca"):
        wanted = config.replace(settings, {"normalization": name})
        with pytest.raises(ValueError, match=f"normalised alike.*'{name}'"):
            check_start(wanted, start)


def test_settings_that_whiten_do_not_take_other_data(
    digits, whitened, settings, tmp_path
):
    usual = config.replace(settings, {"normalization": "standardize"})
    for data, own in ((digits, "standardize"), (whitened, "zca_frepo")):
        message = f"that of the data.*'zca' for data with '{own}'"
        with pytest.raises(ValueError, match=message):
            fred_tf.distill(data, usual, overrides=["normalization=zca"])
        named = config.replace(usual, {"normalization": "zca"})
        with pytest.raises(ValueError, match=message):
            fred_tf.distill(data, named)
        with pytest.raises(ValueError, match=message):
            fred_tf.train_experts(data, named, tmp_path)
        assert presets.settled(data, usual).normalization == own
        scored = presets.settled(data, named, scored=True)
        assert scored.normalization == own


def test_programs_show_what_people_see(
    folder, digits, whitened, call, alone, tmp_path
):
    """Each reads the data by itself; none has whitened pictures."""
    code, _, errors = call("trainers.report.__main__", f"--run_dir={folder}")
    assert (code, errors) == (0, "")
    assert "data:image/png" in (folder / "report.html").read_text()
    names = ["images_float32", "images_png", "coefficients_int8", "gallery"]
    export = tmp_path / "export"
    flags = f"--run_dir={folder}", f"--export_dir={export}"
    code, output, errors = call(
        "export.__main__", *flags, f"--forms={','.join(names)}"
    )
    assert (code, errors) == (0, "")
    assert "Images are whitened by `zca_frepo`" in output
    assert "16,384 bytes" in output  # 64 x 64 floats.
    assert not (export / "whitening").exists()
    gc.collect()  # Matplotlib leaves frames in cycles, and what they hold.
    with pytest.raises(UnfittedError):
        forms.read(export / "images_png")
    exact = forms.read(export / "images_float32")
    pixels = whitened.normalization.undo(exact.images)
    again = datasets.load("digits", normalization="zca_frepo")
    pictures = forms.read(export / "images_png")
    assert pictures.normalization == again.normalization
    np.testing.assert_allclose(
        whitened.normalization.undo(pictures.images),
        pixels,
        atol=(pixels.max() - pixels.min()) / 400,
    )
    del exact, again, pictures
    gc.collect()
    scored = f"--exported={export}/images_png"
    for number, flags in enumerate(
        (
            [f"--run_dir={folder}"],
            # As the export says of its run, or by a preset that whitens not.
            [f"--run_dir={tmp_path}/new"],
            [f"--run_dir={tmp_path}/dm", "--preset=digits_ipc1_dm_tiny"],
        )
    ):
        code, output, errors = call("trainers.evaluate", scored, *flags)
        assert (code, errors) == (0, "") and "test accuracy" in output, number


def test_a_report_has_the_note_on_bytes(folder, tmp_path, settings):
    run = DistilledRun.restore(folder).fitted()
    exporting.run(run, folder / "export", ["gallery", "whitening"])
    from trainers.report import content

    page = content.page(run)
    assert "<p>Images are whitened by <code>zca_frepo</code>" in page
    assert "np.linalg.inv(matrix)" in page


def test_figures_are_of_all_runs_that_are_compared(
    folder, quick, digits, alone, tmp_path
):
    distill.run(quick, tmp_path / "plain")
    runs = named_runs(tmp_path / "plain", [f"white={folder}"])
    fitted = {name: run.fitted_on(digits) for name, run in runs.items()}
    for run in fitted.values():
        assert run.synthetic_set().pixels().shape == (20, 8, 8, 1)


def test_as_many_coefficients_are_kept_as_of_images_that_are_seen(digits):
    plain = presets.config_for(digits, 1)
    for name in NAMES:
        data = datasets.load("digits", normalization=name)
        found = presets.config_for(data, 1)
        assert found.normalization == name
        assert found.parameterization == plain.parameterization
        assert found.distiller.memory_learning_rate == 0  # It is measured.
    assert presets.settled(data, found) == found


def test_frequencies_are_measured_of_what_people_see(digits, whitened):
    images = digits.train.images[:5]
    plain = digits.normalization(images)
    assert seen(plain, digits.normalization) is plain
    white = whitened.normalization
    np.testing.assert_allclose(seen(white(images), white), images, atol=1e-5)
