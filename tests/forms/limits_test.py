"""What is written is read: no form takes more than its readers do."""

import numpy as np
import pytest

from fred_tf import forms
from fred_tf.forms import FORMS, SetForm, limits, within_budget
from fred_tf.normalizations import Standardize
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet
from tests.packages import writable


def images_of(*shape) -> SyntheticSet:
    return SyntheticSet(
        np.zeros((2, *shape), np.float32),
        np.array([0, 1]),
        ("a", "b"),
        Standardize((0.5,), (0.2,)),
        "small",
        10,
    )


@pytest.mark.parametrize(
    "values", [1, 0.25, pytest.param(0.3, marks=pytest.mark.slow)]
)
def test_each_form_is_refused_or_read(
    values, small_set, small_memory, tmp_path, monkeypatch
):
    """By the bytes that it has; what holds too few is left out."""
    monkeypatch.setattr(limits, "FREE_VALUES", 0)
    monkeypatch.setattr(limits, "VALUES_PER_BYTE", values)
    fit = forms.fitting(small_set, small_memory)
    taken = []
    for name in writable(fit):
        if not isinstance(FORMS[name], SetForm):
            continue
        try:
            written = forms.write(small_set, small_memory, tmp_path, [name])
        except limits.TooLargeError as error:
            assert "Lower `ipc`, or choose a form of more bytes" in str(error)
            assert not (tmp_path / FORMS[name].path).exists()
        else:
            forms.read(written[name])
            taken.append(name)
    left = forms.write(small_set, small_memory, tmp_path / "all")
    assert [n for n in left if isinstance(FORMS[n], SetForm)] == [
        name for name in taken if FORMS[name].by_default
    ]
    assert len(taken) < len(writable(fit)) if values < 1 else taken
    best, _ = within_budget.best(
        small_set, small_memory, tmp_path / "best", (), 10**6, {}
    )
    assert best.name in taken


@pytest.mark.parametrize("shape", [(4097, 1, 1), (4096, 1025, 1)])
def test_images_that_no_reader_takes_are_refused(shape, tmp_path):
    decoded = images_of(*shape)
    for names in ([], ["images_npz"], ["images_float32"]):
        with pytest.raises(ValueError, match="Lower `ipc`, or the size of im"):
            forms.write(decoded, None, tmp_path / "no", names)
    assert not (tmp_path / "no").exists()
    forms.write(images_of(4096, 1, 1), None, tmp_path, ["images_npz"])
    assert len(forms.read(tmp_path / "images.npz").labels) == 2


@pytest.mark.parametrize("name", ["coefficients_float32", "coefficients_coded"])
def test_soft_labels_are_as_many_as_their_bytes_may_hold(
    name, tmp_path, monkeypatch
):
    """They grow by the square of the classes, and are compressed."""
    classes, form = 10, FORMS[name]
    settings = Frequency.Settings(coefficients_per_channel=4)
    memory = Frequency((2, 2, 1), classes, 1, settings)
    memory.table.assign(np.tile(np.arange(4), (classes, 1)))
    decoded = SyntheticSet(
        memory.decode().numpy(),
        memory.labels,
        tuple(map(str, range(classes))),
        Standardize((0.5,), (0.2,)),
        "small",
        memory.floats_stored,
        soft_labels=np.full((classes, classes), 0.1, np.float32),
    )
    path = form.write(decoded, memory, tmp_path / "there")
    form.read(path)
    # All images have 40 values, their labels 100.
    monkeypatch.setattr(limits, "FREE_VALUES", 40)
    monkeypatch.setattr(limits, "VALUES_PER_BYTE", 0)
    with pytest.raises(ValueError, match=r"Received: 10 soft labels \[10\]"):
        form.read(path)
    with pytest.raises(limits.TooLargeError, match="10 soft labels"):
        form.write(decoded, memory, tmp_path / "other")
    assert not (tmp_path / "other").exists()
