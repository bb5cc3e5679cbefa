"""Memories through one record of entropy-coded levels."""

import gzip
import json
import re
import runpy
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, forms
from fred_tf.coding import coder
from fred_tf.coding.entropy_model import probabilities
from fred_tf.forms import manifest
from fred_tf.forms.coded import FACTS, CodedCoefficients
from fred_tf.forms.coefficients import Coefficients

FORM = CodedCoefficients()


def size_of(folder) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def error_of(folder, decoded) -> float:
    return float(np.std(forms.read(folder).images - decoded.images))


def facts_of(folder) -> dict:
    return json.loads(gzip.decompress((folder / FACTS).read_bytes()))


def parts_of(folder) -> dict[str, bytes]:
    """The parts of a record, as they are stored."""
    (shard,) = folder.glob("*.tfrecord-*")
    (record,) = tf.data.TFRecordDataset(str(shard)).as_numpy_iterator()
    features = tf.train.Example.FromString(record).features.feature
    return {name: features[name].bytes_list.value[0] for name in features}


@pytest.mark.parametrize("channels", ["separate", "joint"])
@pytest.mark.parametrize("norm", ["none", "ortho"])
def test_a_set_comes_back_as_close_as_its_step(
    settings, coloured_set, generator, example_of, assert_same, tmp_path,
    channels, norm,
):  # fmt: skip
    """Here, and by the example that has TensorFlow alone."""
    changes = {"channels": channels, "norm": norm}
    changes = {f"parameterization.{k}": v for k, v in changes.items()}
    made = config.replace(settings, changes)
    memory = assembly.parameterization(made, (8, 8, 3), 10)
    images = generator.normal(size=(160, 8, 8, 3)).astype(np.float32)
    memory.adapt(images, np.repeat(np.arange(10), 16), seed=0)
    colours = coloured_set(memory)
    folder = FORM.write(colours, memory, tmp_path / "set", step=0.1)
    read = forms.read(folder)
    assert_same(read, colours, images=False)
    # 16 of 64 coefficients err by step^2 / 12.
    assert error_of(folder, colours) == pytest.approx(
        0.1 * np.sqrt(16 / 64 / 12), rel=0.03
    )
    example = example_of("decode_coded")
    images, labels = zip(*example.images_of(folder).as_numpy_iterator())
    np.testing.assert_allclose(np.stack(images), read.images, atol=2e-6)
    np.testing.assert_array_equal(labels, read.labels)


def test_a_file_is_read_by_hand(small_set, small_memory, tmp_path):
    """Two classes of two images of three coefficients, bit by bit."""
    folder = FORM.write(small_set, small_memory, tmp_path / "set", step=0.25)
    parts = parts_of(folder)
    # Positions 0 and 1 are in both classes, 2 in the second, 4 in the first.
    masks = zlib.decompress(parts["masks"])
    assert masks == bytes([0b11_11_01_00, 0b10_00_00_00, 0, 0])
    spreads = zlib.decompress(parts["spreads"])
    assert len(spreads) == 4
    largest = facts_of(folder)["largest_level"]
    # One orthonormal unit of the DCT of 4 x 4 pixels: 8, and more at its edge.
    unit = {0: 16, 1: 8 * np.sqrt(2), 2: 8 * np.sqrt(2), 4: 8 * np.sqrt(2)}
    kept = {0: [0, 1, 4], 1: [0, 1, 2]}
    values = np.arange(1.0, 13.0).reshape(2, 2, 3)
    spread_of = dict(zip([0, 1, 2, 4], spreads))
    rows = sorted(
        (spread_of[position], position, label, place)
        for label, positions in kept.items()
        for place, position in enumerate(positions)
    )
    words = np.frombuffer(parts["levels"], "<u4").tolist()
    state, found = 0, np.zeros((2, 2, 3))
    for spread, _, label, place in rows:
        table = probabilities(spread, largest).tolist()
        for image in range(2):
            while state < 2**32 and words:
                state = (state << 32) + words.pop()
            symbol = next(
                s for s in range(len(table))
                if sum(table[: s + 1]) > state % 2**24
            )  # fmt: skip
            state = (
                table[symbol] * (state >> 24)
                + state % 2**24
                - sum(table[:symbol])
            )
            found[label, image, place] = symbol - largest
    # The end, which is rare: one in 2^24, and the last.
    while state < 2**32 and words:
        state = (state << 32) + words.pop()
    assert (state, words) == (2**24 - 1, [])
    units = np.array([[unit[p] for p in kept[label]] for label in (0, 1)])
    expected = np.rint(values / (units[:, None] * 0.25))
    np.testing.assert_array_equal(found, expected)
    small_memory.values.assign((found * units[:, None] * 0.25).reshape(4, 3, 1))
    np.testing.assert_allclose(
        forms.read(folder).images, small_memory.decode(), atol=1e-6
    )


def test_by_default_it_errs_as_six_bits_do_in_fewer_bytes(
    memory, decoded, tmp_path
):
    six = Coefficients("int6").write(decoded, memory, tmp_path / "six")
    coded = FORM.write(decoded, memory, tmp_path / "coded")
    assert error_of(coded, decoded) == pytest.approx(
        error_of(six, decoded), rel=0.05
    )
    assert size_of(coded) < 0.75 * size_of(six)


def test_at_the_error_of_four_bits_it_takes_fewer_bytes(
    memory, decoded, tmp_path
):
    four = Coefficients("int4").write(decoded, memory, tmp_path / "four")
    step = error_of(four, decoded) / np.sqrt(16 / 64 / 12)
    coded = FORM.write(decoded, memory, tmp_path / "coded", step=step)
    assert error_of(coded, decoded) < 1.02 * error_of(four, decoded)
    assert size_of(coded) < 0.85 * size_of(four)


def test_a_budget_is_filled(memory, decoded, tmp_path):
    errors = []
    for budget in (2250, 2750, 3600):
        folder = FORM.write(
            decoded, memory, tmp_path / "set", budget_bytes=budget
        )
        assert 0.99 * budget < size_of(folder) <= budget
        errors.append(error_of(folder, decoded))
    assert errors == sorted(errors, reverse=True)
    # One that is far too large takes the finest steps there are.
    FORM.write(decoded, memory, tmp_path / "set", budget_bytes=10**6)
    assert error_of(tmp_path / "set", decoded) < 0.002


def test_what_no_step_can_do_is_refused(memory, decoded, tmp_path):
    path = tmp_path / "set"
    with pytest.raises(ValueError, match=r"at least [\d,]+, wh.*: 600\.") as e:
        FORM.write(decoded, memory, path, budget_bytes=600)
    assert not path.exists()
    least = int(str(e.value).split("at least ")[1].split(", which")[0]
                .replace(",", ""))  # fmt: skip
    FORM.write(decoded, memory, path, budget_bytes=least)
    assert size_of(path) <= least
    with pytest.raises(ValueError, match="at least"):
        FORM.write(decoded, memory, path, budget_bytes=least - 1)
    for step in (0, -1.0, 1e-9, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="`step` must be at least 0.0"):
            FORM.write(decoded, memory, path, step=step)
    with pytest.raises(ValueError, match="Only one of `step` and `budget_b"):
        FORM.write(decoded, memory, path, step=1.0, budget_bytes=10**4)


@pytest.mark.parametrize("factor", [1.0, 1.1, 1.2, 1.3])
def test_the_least_step_is_taken_as_it_is_told(memory_of, tmp_path, factor):
    memory, decoded = memory_of()
    memory.values.assign(factor * memory.values)
    with pytest.raises(ValueError, match="`step` must be at least") as error:
        FORM.write(decoded, memory, tmp_path / "set", step=1e-9)
    told = re.search(r"at least (\S+), for", str(error.value))[1]
    assert len(told.lstrip("0.").rstrip("0")) <= 4
    FORM.write(decoded, memory, tmp_path / "set", step=float(told))


def test_a_memory_of_zeros_is_coded(memory_of, assert_same, tmp_path):
    memory, decoded = memory_of()
    memory.values.assign(tf.zeros_like(memory.values))
    decoded.images[:] = 0
    folder = FORM.write(decoded, memory, tmp_path / "set")
    assert_same(forms.read(folder), decoded)


def test_a_memory_of_few_bits_is_coded_as_it_decodes(memory_of, tmp_path):
    memory, decoded = memory_of(bits=3)
    folder = FORM.write(decoded, memory, tmp_path / "set", step=0.01)
    np.testing.assert_allclose(
        forms.read(folder).images, decoded.images, atol=0.02
    )


@pytest.mark.parametrize("transform", ["dft", "haar", "db4", "identity"])
def test_other_transforms_are_read_here_and_refused_there(
    memory_of, example_of, tmp_path, transform
):
    memory, decoded = memory_of(transform=transform)
    folder = FORM.write(decoded, memory, tmp_path / "set", step=0.01)
    assert error_of(folder, decoded) < 0.005
    with pytest.raises(ValueError, match=f"'{transform}' in .*forms.read"):
        example_of("decode_coded").images_of(folder)


def test_the_manifest_is_short_and_the_facts_say_the_rest(
    memory, decoded, tmp_path
):
    folder = FORM.write(decoded, memory, tmp_path / "set")
    assert (folder / manifest.NAME).stat().st_size < 400
    said = facts_of(folder)
    # In few bytes: what follows from it is not said again.
    assert not {"description", "citation", "homepage"} & set(said)
    assert "digits, whose terms apply: Creative Commons" in said["license"]
    assert said["details"] == {"steps": 3}


def test_the_same_set_is_the_same_bytes(memory, decoded, tmp_path):
    one, other = (
        FORM.write(decoded, memory, tmp_path / name) for name in ("a", "b")
    )
    for path in one.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes()


def test_it_is_no_form_where_its_package_is_missing(
    memory, decoded, monkeypatch
):
    assert FORM.name in forms.fitting(decoded, memory)
    monkeypatch.setattr(coder, "PACKAGE", "no_such_package")
    assert FORM.name not in forms.fitting(decoded, memory)
    with pytest.raises(ValueError, match="has the forms .*'coefficients_cod"):
        forms.chosen([FORM.name], decoded, memory)


def test_the_example_prints_three_images(
    memory, decoded, example_path, tmp_path, monkeypatch, capsys
):
    folder = FORM.write(decoded, memory, tmp_path / "set")
    path = example_path.with_name("decode_coded.py")
    monkeypatch.setattr(sys, "argv", [str(path), str(folder)])
    monkeypatch.syspath_prepend(path.parent)
    runpy.run_path(str(path), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(") ")[0] for line in lines] == ["0 (8, 8, 1"] * 3
    source = path.read_text()
    for package in ("fred_tf", "constriction"):
        assert f"import {package}" not in source
        assert f"from {package}" not in source
