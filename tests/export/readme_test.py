"""What an export says of itself: its code is run as it stands."""

import contextlib
import dataclasses
import re

import numpy as np
import pytest

from export import exporting
from fred_tf import forms
from fred_tf.forms import FORMS, SetForm, readme
from fred_tf.normalizations import NORMALIZATIONS
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet
from tests.export.alone_test import ROOT
from tests.packages import skip_without

# What the code of a section needs beyond what is always installed.
NEEDS = {
    "PyTorch": "torch",
    "JAX": "jax",
    "Hugging Face": "datasets",
}
READERS = [
    name
    for name, form in FORMS.items()
    if isinstance(form, SetForm) and form.arrays
]


def sections(folder) -> dict[str, list[str]]:
    """Returns the Python of a README.md by the heading that it is under."""
    text = (folder / readme.NAME).read_text(encoding="utf-8")
    found, heading = {}, ""
    # Comments in code look like headings.
    for part in re.split(r"^(```python\n.*?\n)```", text, flags=re.M | re.S):
        if part.startswith("```python"):
            found[heading].append(part.partition("\n")[2])
        for title in re.findall("^#+ (.*)", part, re.M):
            if not part.startswith("```python"):
                heading = title
                found[heading] = []
    return found


def executed(folder, *headings) -> dict:
    """Runs the code below some headings, in the folder."""
    names = {}
    with contextlib.chdir(folder):
        for heading in headings:
            for code in sections(folder)[heading]:
                exec(code, names)
    return names


def written(decoded, memory, folder, *names):
    forms.describe(decoded, folder, forms.write(decoded, memory, folder, names))
    return folder


@pytest.fixture
def soft(run):
    decoded = run.synthetic_set()
    numbers = np.random.default_rng(0).dirichlet([1] * 10, len(decoded.images))
    return dataclasses.replace(decoded, soft_labels=np.float32(numbers))


@pytest.mark.parametrize("name", READERS)
def test_every_form_gives_the_arrays(soft, run, tmp_path, name):
    skip_without(name)
    memory = run.parameterization
    folder = written(soft, memory, tmp_path, name)
    (code,) = sections(folder)["Load it"]
    assert "fred_tf" not in code
    found = executed(folder, "Load it")
    read = forms.read(tmp_path / FORMS[name].path)
    np.testing.assert_array_equal(found["labels"], soft.labels)
    assert found["labels"].dtype == np.int64
    np.testing.assert_allclose(found["soft_labels"], soft.soft_labels)
    for key, expected in (("images", read.images), ("pixels", read.pixels())):
        assert found[key].dtype == np.float32
        np.testing.assert_allclose(found[key], expected, atol=1e-5)


@pytest.mark.parametrize("of_soft", [False, True])
@pytest.mark.parametrize(
    "heading", ["TensorFlow", "Keras", "PyTorch", "JAX", "Hugging Face"]
)
def test_every_framework_loads_the_set(
    run, exported, soft, tmp_path, heading, of_soft
):
    if needed := NEEDS.get(heading):
        pytest.importorskip(needed, reason=f"needs `pip install {needed}`")
    expected = soft if of_soft else run.synthetic_set()
    targets = expected.soft_labels if of_soft else expected.labels
    if of_soft:
        exported = written(soft, None, tmp_path, "images_npz")
    found = executed(exported, "Load it", heading)
    if heading == "TensorFlow":
        images, labels = next(iter(found["batches"]))
        assert images.shape == (256, 8, 8, 1)
        assert labels.shape == (256, *targets.shape[1:])
        images, labels = zip(*found["dataset"].as_numpy_iterator())
    elif heading == "Keras":
        assert found["model"].output_shape == (None, 10)
        return
    elif heading == "PyTorch":
        images, labels = next(iter(found["loader"]))
        assert tuple(images.shape) == (20, 1, 8, 8)
        images, labels = (x.numpy() for x in found["dataset"].tensors)
        images = np.moveaxis(images, 1, -1)
    elif heading == "JAX":
        images, labels = found["batch"]
        assert images.shape == (20, 8, 8, 1)
        assert sorted(labels.tolist()) == sorted(targets.tolist())
        return
    else:
        data = found["dataset"]
        names = data.features["label"].names
        assert names == list(expected.class_names)
        np.testing.assert_array_equal(data["label"][:], expected.labels)
        column = "soft_label" if of_soft else "label"
        assert ("soft_label" in data.features) == of_soft
        images, labels = data["image"][:], data[column][:]
    np.testing.assert_array_equal(np.stack(images), expected.images)
    np.testing.assert_array_equal(np.array(labels), targets)


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (["images_float16", "saved_model"], "saved_model"),
        (["images_float16", "images_npz"], "images_npz"),
        (["images_png", "images_float16"], "images_float16"),
    ],
)
def test_what_loses_nothing_is_loaded(run, tmp_path, names, best):
    """Or else what needs less to be made of it."""
    decoded, memory = run.synthetic_set(), run.parameterization
    (code,) = sections(written(decoded, memory, tmp_path, *names))["Load it"]
    assert FORMS[best].path in code


def test_hugging_face_takes_the_parquet_file_where_it_is(soft, tmp_path):
    folder = written(soft, None, tmp_path, "images_parquet", "images_npz")
    (code,) = sections(folder)["Hugging Face"]
    assert "'images_parquet' + \"/data/*.parquet\"" in code
    pytest.importorskip("datasets", reason="needs `pip install datasets`")
    data = executed(folder, "Hugging Face")["dataset"]
    assert data.features["label"].names == list(soft.class_names)
    assert data[3]["image"].size == (8, 8)


@pytest.mark.parametrize("kind", ["probabilities", "scores"])
def test_keras_trains_on_soft_labels(soft, tmp_path, kind):
    scored = dataclasses.replace(soft, label_kind=kind)
    folder = written(scored, None, tmp_path, "images_npz")
    history = executed(folder, "Load it", "Keras")["model"].history
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_the_code_of_each_form_runs(exported, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    found = sections(exported)
    for name, form in FORMS.items():
        if not (form.by_default and form.loading and name != "views"):
            continue
        assert found[f"`{form.path}`"], name
        names = {"images": np.zeros((1, 8, 8, 1))}
        with contextlib.chdir(exported):
            for code in found[f"`{form.path}`"]:
                exec(code, names)


@pytest.mark.parametrize("transform", ["dct", "haar"])
def test_the_code_of_each_form_suits_the_set(transform, tmp_path, monkeypatch):
    """One of two classes, an image each; no example decodes wavelets."""
    settings = Frequency.Settings(
        coefficients_per_channel=3, transform=transform
    )
    memory = Frequency((4, 4, 1), 2, 1, settings)
    memory.table.assign([[0, 1, 4], [0, 1, 2]])
    decoded = SyntheticSet(
        memory.decode().numpy(),
        memory.labels,
        ("zero", "one"),
        NORMALIZATIONS["standardize"]((0.5,), (0.2,)),
        "small",
        memory.floats_stored,
        details={"config": {"parameterization": settings.to_json()}},
    )
    names = ["coefficients_int8", "images_npz", "saved_model", "keras"]
    folder = written(decoded, memory, tmp_path, *names)
    monkeypatch.syspath_prepend(ROOT / "examples")
    for name in names:
        heading = f"`{FORMS[name].path}`"
        found = executed(folder, heading)
        (code,) = sections(folder)[heading]
        assert ("images_of" in code) == (
            name == "coefficients_int8" and transform == "dct"
        )
        if "images_of" in code:
            assert len(list(found["dataset"])) == 2


def test_it_says_the_numbers_of_this_set(run, exported):
    expected = run.synthetic_set()
    text = (exported / readme.NAME).read_text()
    assert "# digits, distilled" in text
    assert "- 20 images of shape [8, 8, 1], channels last." in text
    assert "- 10 classes, from 0: `0`, `1`, " in text
    assert f"- {expected.floats_stored:,} floats stored." in text
    own = expected.normalization
    assert f"mean ({own.mean[0]:.4g}) and deviation" in text
    assert "2311.08819" in text and "Alpaydin & Kaynak 1998" in text
    size = (exported / "images.npz").stat().st_size
    assert "| `images.npz` | One file that NumPy" in text
    assert f"| {size:,} |" in text
    # What was not written is not told of.
    assert "images_folder" not in text


def test_coefficients_alone_are_read_by_this_library(run, tmp_path):
    decoded, memory = run.synthetic_set(), (run.parameterization)
    folder = written(decoded, memory, tmp_path, "coefficients_float32")
    found = executed(folder, "Load it")
    np.testing.assert_array_equal(found["images"], decoded.images)
    # Others do not train PyTorch by its cross-entropy.
    assert found["labels"].dtype == np.int64


def test_a_whitening_is_told_and_not_undone(soft, digits, tmp_path):
    own = NORMALIZATIONS["zca"].fit(digits.train.images)
    whitened = dataclasses.replace(soft, normalization=own)
    folder = written(whitened, None, tmp_path, "images_npz", "images_png")
    assert "'name': 'zca'" in (folder / readme.NAME).read_text()
    found = executed(folder, "Load it")
    assert "pixels" not in found
    np.testing.assert_array_equal(found["images"], whitened.images)


@pytest.mark.parametrize("name", ["images_npz", "images_png"])
def test_code_whitens_and_undoes_it_by_the_matrix_beside(
    soft, digits, tmp_path, name
):
    own = NORMALIZATIONS["zca"].fit(digits.train.images)
    whitened = dataclasses.replace(soft, normalization=own)
    folder = written(whitened, None, tmp_path, name, "whitening")
    found = executed(folder, "Load it")
    pixels = whitened.pixels()
    step = (max(pixels.max(), 1) - min(pixels.min(), 0)) / 255
    rounded = 1e-5 if name == "images_npz" else step / 2 + 1e-5
    np.testing.assert_allclose(found["pixels"], pixels, 0, rounded)
    expected = own(found["pixels"])
    np.testing.assert_allclose(found["images"], expected, 0, 1e-3)
    # It needs nothing of what comes before it.
    alone = executed(folder, "`whitening`")
    again = alone["whitened"](found["pixels"])
    np.testing.assert_allclose(again, expected, 0, 1e-3)


def test_names_of_others_are_no_markup(soft, tmp_path):
    names = ("<b>`x`", "```", *soft.class_names[2:])
    odd = dataclasses.replace(soft, class_names=names, dataset="a|<i>")
    folder = written(odd, None, tmp_path, "images_npz")
    text = (folder / readme.NAME).read_text()
    prose = re.sub(r"```(.*?)\n```", "", text, flags=re.DOTALL)
    assert "<b>" not in prose and "<i>" not in prose and "```" not in prose
    assert "<b>`x`" in sections(folder)["Hugging Face"][0]


def test_a_readme_of_others_stays(run, soft, tmp_path):
    (tmp_path / readme.NAME).write_text("# Mine")
    for write in (
        lambda: exporting.run(run, tmp_path, ["gallery"]),
        lambda: written(soft, None, tmp_path, "gallery"),
    ):
        with pytest.raises(FileExistsError, match="README.md, which fred_tf"):
            write()
    assert (tmp_path / readme.NAME).read_text() == "# Mine"
    (tmp_path / readme.NAME).unlink()
    for _ in range(2):
        written(soft, None, tmp_path, "gallery")
