"""The README.md of an export: what the set is worth, and how to load it.

As a card it begins with what hubs of data sets read, see `card`. Its code needs
nothing of this library where one of the forms needs nothing; it is run as it
stands by `tests/export/readme_test.py`.
"""

import inspect
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from fred_tf.disk import files, replaceable
from fred_tf.forms import card as card_lib
from fred_tf.forms import making
from fred_tf.forms.form import Form, SetForm
from fred_tf.forms.markdown import block, plain
from fred_tf.forms.provenance import provenance, purpose
from fred_tf.forms.whitening import Whitening
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet

NAME = "README.md"
MARK = "Written by fred_tf for an export."
# Read first where it is there: it needs NumPy alone.
_FIRST = "images_npz"
_MOST_NAMES = 100

_FRED_TF = """\
from fred_tf import forms

stored = forms.read(PATH)
images, labels = stored.images, stored.labels.astype("int64")"""

_TENSORFLOW = """\
import tensorflow as tf

dataset = tf.data.Dataset.from_tensor_slices((images, TARGETS))
batches = dataset.shuffle(len(images), seed=0).repeat().batch(256)"""

_KERAS = """\
import keras

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [  # Put your network here.
        keras.Input(images.shape[1:]),
        keras.layers.Flatten(),
        keras.layers.Dense(CLASSES),
    ]
)
model.compile(keras.optimizers.SGD(RATE, momentum=0.9), LOSS)
model.fit(images, TARGETS, batch_size=256, epochs=10, verbose=0)"""

_TORCH = """\
import torch

channels_first = torch.movedim(torch.tensor(images), -1, 1)
dataset = torch.utils.data.TensorDataset(
    channels_first, torch.tensor(TARGETS)
)
loader = torch.utils.data.DataLoader(dataset, batch_size=256, shuffle=True)"""

_JAX = """\
import jax
import jax.numpy as jnp

order = jax.random.permutation(jax.random.key(0), len(images))
batch = jnp.asarray(images)[order[:256]], jnp.asarray(TARGETS)[order[:256]]"""

_HUGGING_FACE = """\
import datasets

features = {
    "image": datasets.ArrayRANKD(images.shape[1:], "float32"),
    "label": datasets.ClassLabel(names=NAMES),
}
columns = {"image": images, "label": labels}
SOFT_COLUMNdataset = datasets.Dataset.from_dict(
    columns, features=datasets.Features(features)
).with_format("numpy")"""

_SOFT_COLUMN = """\
features["soft_label"] = datasets.Sequence(datasets.Value("float32"))
columns["soft_label"] = soft_labels
"""

_LOSSES = {
    None: "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
    "probabilities": "keras.losses.CategoricalCrossentropy(from_logits=True)",
    "scores": "keras.losses.MeanSquaredError()",
}


def check_replaceable(folder: files.Path) -> None:
    """Refuses to replace a README.md that is of no export.

    Raises:
        FileExistsError: see `replaceable.check_file`.
    """
    replaceable.check_file(pathlib.Path(folder) / NAME, MARK.encode())


def write(
    decoded: SyntheticSet,
    folder: files.Path,
    written: Mapping[Form, pathlib.Path],
    card: bool = False,
) -> pathlib.Path:
    """Writes the README.md of an export.

    Args:
        decoded: the set.
        folder: of the export.
        written: its forms, and where in the folder each lies.
        card: whether it begins with what hubs of data sets read.

    Returns:
        The path of the file.

    Raises:
        FileExistsError: there is one of somebody else.
    """
    folder = pathlib.Path(folder)
    check_replaceable(folder)
    files.write_text(folder / NAME, text(decoded, folder, written, card))
    return folder / NAME


def text(
    decoded: SyntheticSet,
    folder: pathlib.Path,
    written: Mapping[Form, pathlib.Path],
    card: bool = False,
) -> str:
    """Returns what the README.md says, as Markdown; see `write`."""
    places = {
        form: path.relative_to(folder).as_posix()
        for form, path in written.items()
    }
    title, best = f"{plain(decoded.dataset)}, distilled", _best(places)
    head = f"<!-- {MARK} -->"
    if card:
        head = card_lib.front_matter(decoded, title, MARK)
    parts = [
        head,
        f"# {title}",
        "\n".join(_facts(decoded)),
        "## Accuracy",
        *making.worth(decoded, places[best] if best else None),
        "## How it was made",
        *making.making(decoded.details, len(decoded.class_names)),
        "## What is here",
        "\n".join(_table(folder, places)),
        *_loaders(decoded, places, best),
        "## Each form",
        *_each(decoded, places),
        "## Source",
        *_source(decoded),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(decoded: SyntheticSet) -> Iterator[str]:
    count, shape = len(decoded.images), list(decoded.images.shape[1:])
    rate = decoded.student_learning_rate
    names = [f"`{plain(name)}`" for name in decoded.class_names[:_MOST_NAMES]]
    if more := decoded.classes - len(names):
        names.append(f"and {more} more")
    yield plain(purpose(decoded))
    yield ""
    yield f"- {count:,} images of shape {shape}, channels last."
    yield f"- {decoded.classes:,} classes, from 0: {', '.join(names)}."
    if kind := decoded.kind_of_soft_labels:
        yield f"- Soft labels, a number per class: {kind}. Train on these."
    yield f"- {decoded.floats_stored:,} floats stored."
    if rate is not None:
        yield f"- Learned step size of students: {rate:.4g}."
    yield f"- {_normalization(decoded)}"


def _normalization(decoded: SyntheticSet) -> str:
    own = decoded.normalization
    if isinstance(own, Standardize):
        return (
            "Networks see (pixel - mean) / deviation of pixels in [0, 1], with "
            f"mean {_numbers(own.mean)} and deviation "
            f"{_numbers(own.deviation)}; pixels are image * deviation + mean, "
            "and may leave [0, 1]."
        )
    return (
        f"Networks see {own.doing}; pixels in [0, 1] units are {own.undoing}. "
        f"`normalization` is `{plain(str(own.get_config()))}`."
    )


def _table(folder: pathlib.Path, places: Mapping[Form, str]) -> Iterator[str]:
    yield "| file or folder | what it is | bytes |"
    yield "|---|---|---|"
    for form, place in places.items():
        size = files.size(*form.own_files(folder / place))
        said = (inspect.getdoc(type(form)) or form.name).splitlines()[0]
        yield f"| `{place}` | {said} | {size:,} |"


def _best(places: Mapping[Form, str]) -> SetForm | None:
    """Returns the form that needs least, and loses least, to be read."""
    return min(
        (form for form in places if isinstance(form, SetForm)),
        key=lambda form: (
            not form.arrays,
            form.name != _FIRST,
            form.lossy,
            form.gives_pixels,
        ),
        default=None,
    )


def _loaders(
    decoded: SyntheticSet, places: Mapping[Form, str], best: SetForm | None
) -> Iterator[str]:
    """Yields code for each framework; all of it goes on from the first."""
    if best is None:
        return
    kind = decoded.kind_of_soft_labels
    rate = decoded.student_learning_rate or 0.01
    words = {
        "TARGETS": "labels" if kind is None else "soft_labels",
        "CLASSES": str(decoded.classes),
        "RATE": f"{rate:.6g}",
        "LOSS": _LOSSES[kind],
        "RANK": str(decoded.images.ndim - 1),
        "SOFT_COLUMN": "" if kind is None else _SOFT_COLUMN,
        "NAMES": repr(list(decoded.class_names)),
    }

    def filled(code: str) -> str:
        for word, value in words.items():
            code = code.replace(word, value)
        return block(code)

    yield "## Load it"
    yield (
        "Run in this folder. First the arrays; the code for each framework "
        "goes on from them."
    )
    matrix = next((f for f in places if f.name == Whitening.name), None)
    whitening = matrix.code(decoded, places[matrix]) if matrix else ""
    yield block(arrays(decoded, best, places[best], whitening))
    yield "### TensorFlow"
    yield filled(_TENSORFLOW)
    yield "### Keras"
    yield filled(_KERAS)
    yield "### PyTorch"
    yield filled(_TORCH)
    yield "### JAX"
    yield filled(_JAX)
    yield "### Hugging Face"
    parquet = [form for form in places if form.name == "images_parquet"]
    for form in parquet:
        yield block(form.code(decoded, places[form]))
    if not parquet:
        yield filled(_HUGGING_FACE)


def arrays(
    decoded: SyntheticSet, form: SetForm, place: str, whitening: str = ""
) -> str:
    """Returns code that makes `images`, `pixels` and `labels` of a form.

    Args:
        decoded: the set.
        form: one of its forms.
        place: where that lies.
        whitening: code of the matrix that lies beside it; empty without one,
            and then there are no `pixels` of whitened images, nor the reverse.
    """
    lines = [(form.arrays or _FRED_TF).replace("PATH", repr(place))]
    if decoded.soft_labels is not None:
        lines.append(form.soft_arrays or "soft_labels = stored.soft_labels")
    own = decoded.normalization
    if isinstance(own, Standardize):
        if "import numpy as np" not in lines[0]:
            lines.insert(0, "import numpy as np")
        lines.append(f"mean = np.float32({list(own.mean)})")
        lines.append(f"deviation = np.float32({list(own.deviation)})")
        lines.append(
            "images = (pixels - mean) / deviation  # as networks see them"
            if form.gives_pixels
            else "pixels = images * deviation + mean  # in [0, 1] units"
        )
    elif whitening:
        lines.append(f"{whitening}\n\n")
        lines.append(
            "images = whitened(pixels)"
            if form.gives_pixels
            else "pixels = unwhitened(images)  # in [0, 1] units"
        )
    elif form.gives_pixels:
        lines.append("images = pixels  # not normalised, see above")
    return "\n".join(lines)


def _each(decoded: SyntheticSet, places: Mapping[Form, str]) -> Iterator[str]:
    for form, place in places.items():
        if form.loading:
            yield f"### `{place}`"
            yield block(form.code(decoded, place))


def _source(decoded: SyntheticSet) -> Iterator[str]:
    said = provenance(decoded)
    yield plain(said["license"])
    if said["citation"]:
        yield f"```bibtex\n{said['citation']}\n```"


def _numbers(values: Any) -> str:
    return f"({', '.join(f'{value:.4g}' for value in values)})"
