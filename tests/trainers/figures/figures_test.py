import dataclasses
import types

import numpy as np
import pytest
from matplotlib.figure import Figure

from fred_tf import assembly, config
from fred_tf.datasets.image_data import Split
from fred_tf.distilled_run import DistilledRun
from fred_tf.normalizations import Standardize
from fred_tf.scoring import how, score
from trainers import distill
from trainers.figures import (
    FIGURES,
    MissingError,
    Subject,
    named_runs,
)
from trainers.figures import __main__ as program

PIXEL = {"parameterization.name": "pixel"}


@pytest.fixture(scope="module")
def subject(tmp_path_factory, digits, quick) -> Subject:
    root = tmp_path_factory.mktemp("runs")
    for name, changes in (("fred", {}), ("pixel", PIXEL)):
        settings = config.replace(quick, changes)
        distill.run(settings, root / name, images_every=1, evaluate_every=2)
    runs = named_runs(root / "fred", [f"pixels={root / 'pixel'}"])
    for run in runs.values():
        path = run.folder.path / "evaluation.json"
        score(run.config, run.synthetic_set(), digits, path)
    return Subject(runs, digits)


@pytest.fixture
def unsaved(monkeypatch):
    """Figures are made, and not drawn: that takes most of the time."""
    monkeypatch.setattr(
        program.figures, "save", lambda figure, path, about: path
    )


# Others are of volumes, or of learned labels, alone.
OF_IMAGES = [name for name in FIGURES if name not in ("views", "labels")]


@pytest.mark.parametrize(
    "names",
    [
        OF_IMAGES[:2],
        # `test_every_axis_is_labelled` draws them, and saves none.
        pytest.param(None, marks=pytest.mark.slow),
    ],
)
def test_every_figure_is_written_twice(subject, tmp_path, names):
    written = program.run(subject, tmp_path, names)
    assert [path.stem for path in written] == (names or OF_IMAGES)
    for path in written:
        assert path.stat().st_size > 2000
        assert path.with_suffix(".svg").stat().st_size > 2000


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_what_somebody_else_drew_stays(subject, tmp_path, suffix):
    own = tmp_path / f"beside.{suffix}"
    own.write_bytes(b"a drawing")
    with pytest.raises(FileExistsError, match=f"{own.name}, which fred_tf has"):
        program.run(subject, tmp_path)
    assert list(tmp_path.iterdir()) == [own]
    assert own.read_bytes() == b"a drawing"


# Where names of rows and columns are all there is to say of the axes.
TILES = {"passes", "beside", "over_time"}


@pytest.mark.parametrize("name", OF_IMAGES)
def test_every_axis_is_labelled(subject, name):
    figure = FIGURES[name].draw(subject)
    drawn = [axes for axes in figure.axes if axes.has_data()]
    assert drawn
    for axes in drawn:
        labels = {
            axes.get_xlabel() or figure.get_supxlabel(),
            axes.get_ylabel() or figure.get_supylabel(),
        }
        if name in TILES:
            names = [tick.get_text() for tick in axes.get_yticklabels()]
            assert names == list(map(str, range(len(names)))) and len(names) > 5
            assert any(tick.get_text() for tick in axes.get_xticklabels())
        else:
            assert all(labels)
        if name == "over_time":
            assert "outer step" in labels


def panels(figure: Figure) -> dict[str, np.ndarray]:
    return {
        axes.get_title(): np.asarray(axes.images[0].get_array())
        for axes in figure.axes
        if axes.images
    }


def test_gradients_are_those_of_the_objective(subject):
    """Band-limited images do not limit what the objective asks for."""
    (share,) = panels(FIGURES["gradient_energy"].draw(subject)).values()
    assert share.shape == (8, 8)
    assert share.sum() == pytest.approx(1, rel=1e-3)
    outside = ~subject.run.parameterization.masks.any(0)
    assert share[outside].max() > 1e-4


def test_spectra_are_named_after_the_runs(subject):
    energies = panels(FIGURES["spectra"].draw(subject))
    assert list(energies) == ["real images", "FreD", "pixels"]
    held = subject.run.parameterization.masks.any(0)
    # What is rounding alone is nothing, and grey.
    assert energies["FreD"][held].min() > 0
    np.testing.assert_array_equal(energies["FreD"][~held], 0)
    assert energies["pixels"].min() > 0


def named_lines(figure: Figure):
    """Returns the curves, without the ends of their error bars."""
    lines = figure.axes[0].lines
    return [line for line in lines if not line.get_label().startswith("_")]


def test_accuracies_are_those_that_were_measured(subject):
    figure = FIGURES["accuracy_by_step"].draw(subject)
    line = figure.axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), [2, 3])
    ticks = figure.axes[0].get_xticks()
    np.testing.assert_array_equal(ticks, np.round(ticks))
    assert 0 <= line.get_ydata()[-1] <= 100
    budget = FIGURES["accuracy_by_budget"].draw(subject)
    floats = sorted(float(x.get_xdata()[0]) for x in named_lines(budget))
    assert floats == sorted(
        float(run.parameterization.floats_stored)
        for run in subject.runs.values()
    )


def labels_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_equal_budgets_of_different_runs_are_told_apart(subject):
    own = subject.run
    matched = config.replace(
        own.config, {"objective.name": "gradient_matching"}
    )
    runs = {
        "a": own,
        "b": dataclasses.replace(own, config=matched),
        "c": own,  # As one of another seed would be.
    }
    figure = FIGURES["accuracy_by_budget"].draw(Subject(runs, subject.data))
    assert labels_of(figure) == [
        "FreD, distribution matching",
        "FreD, gradient matching",
        "c",
    ]
    assert len(named_lines(figure)) == 3


def test_what_was_trained_otherwise_is_on_no_curve(subject, monkeypatch):
    own = subject.run

    def run(floats):
        sized = types.SimpleNamespace(floats_stored=floats)
        return types.SimpleNamespace(
            config=own.config,
            folder=types.SimpleNamespace(path=floats),
            facts=own.facts,
            parameterization=sized,
            synthetic_set=lambda: None,
        )

    def measured(floats, *_):
        told = how(own.config)
        if floats == 30:
            told["evaluation"]["epochs"] = 1000
        return [{**told, "mean": 0.5, "deviation": 0.0}]

    monkeypatch.setattr("fred_tf.scoring.measured", measured)
    runs = {f"of {floats}": run(floats) for floats in (10, 20, 30)}
    figure = FIGURES["accuracy_by_budget"].draw(Subject(runs, subject.data))
    assert labels_of(figure) == ["FreD, distribution matching", "of 30"]


def test_an_evaluation_of_another_set_is_not_drawn(subject):
    """The run went on after it was scored."""
    alone = Subject({"a": subject.run}, subject.data)
    values = subject.run.parameterization.values
    before = values.numpy()
    try:
        values.assign(before + 1)
        with pytest.raises(MissingError, match="has been evaluated"):
            FIGURES["accuracy_by_budget"].draw(alone)
    finally:
        values.assign(before)
    assert labels_of(FIGURES["accuracy_by_budget"].draw(alone))


def test_real_images_are_taken_from_all_of_a_sorted_set(subject, digits):
    order = np.argsort(digits.train.labels, kind="stable")
    split = Split(digits.train.images[order], digits.train.labels[order])
    data = dataclasses.replace(digits, train=split)
    images, labels = Subject(subject.runs, data).real(most=30)
    assert images.shape == (30, 8, 8, 1)
    assert set(labels) == set(range(10))
    every, _ = Subject(subject.runs, data).real()
    np.testing.assert_array_equal(every, data.normalization(split.images))


def test_a_rare_class_is_drawn_all_the_same(subject, digits, monkeypatch):
    """Where it is not among the real images that are looked at."""
    rows = digits.train.labels != 3
    rows[digits.train.indices_of(3)[:1]] = True
    split = Split(digits.train.images[rows], digits.train.labels[rows])
    data = dataclasses.replace(digits, train=split)
    rare = Subject(subject.runs, data)
    few = rare.real(most=20)
    assert 3 not in few[1]
    monkeypatch.setattr(Subject, "real", lambda self: few)
    assert len(FIGURES["passes"].draw(rare).axes[0].images) == 6 * 5
    FIGURES["explained_variance"].draw(rare)


def test_images_of_odd_sides_have_no_wavelets(subject, digits):
    """Haar's halve every axis."""

    def seven(split):
        return Split(split.images[:, 1:, 1:], split.labels)

    data = dataclasses.replace(
        digits, train=seven(digits.train), test=seven(digits.test)
    )
    figure = FIGURES["compaction"].draw(Subject({}, data))
    assert labels_of(figure) == ["DCT", "DFT", "pixels"]


def test_one_image_of_each_class_varies_in_nothing(subject, digits):
    first = [digits.train.indices_of(label)[0] for label in range(10)]
    split = Split(digits.train.images[first], digits.train.labels[first])
    alone = Subject({}, dataclasses.replace(digits, train=split))
    for name in ("explained_variance", "explained_variance_held"):
        with pytest.raises(MissingError, match="varies in nothing"):
            FIGURES[name].draw(alone)


def test_channels_that_cannot_be_seen_leave_the_other_figures(
    subject, digits, tmp_path, unsaved
):
    def five(split):
        return Split(np.repeat(split.images, 5, -1), split.labels)

    data = dataclasses.replace(
        digits,
        train=five(digits.train),
        test=five(digits.test),
        normalization=Standardize((0.3,) * 5, (0.4,) * 5),
    )
    memory = assembly.parameterization(subject.run.config, (8, 8, 5), 10)
    assembly.adapt(memory, data, seed=0)
    run = dataclasses.replace(
        subject.run, facts=data.facts, parameterization=memory
    )
    other = Subject({"run": run}, data)
    names = ["spectra", "masks", "compaction"]
    every = {name: FIGURES[name] for name in [*TILES, *names]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "FIGURES", every)
        written = {path.stem for path in program.run(other, tmp_path)}
    assert written == set(names)
    with pytest.raises(MissingError, match="5 channels cannot be seen"):
        program.run(other, tmp_path, ["beside"])


def test_what_a_run_lacks_is_said(quick, tmp_path, digits, unsaved):
    bare = config.replace(quick, {**PIXEL, "outer_steps": 0})
    distill.run(bare, tmp_path / "run")
    pixel = DistilledRun.restore(tmp_path / "run")
    alone = Subject({"pixel": pixel}, digits)
    written = {path.stem for path in program.run(alone, tmp_path / "all")}
    assert "spectra" in written
    assert not written & {"masks", "accuracy_by_step", "accuracy_by_budget"}
    with pytest.raises(MissingError, match="only a frequency memory"):
        program.run(alone, tmp_path / "masks", ["masks"])
    with pytest.raises(ValueError, match="Did you mean 'spectra'"):
        program.run(alone, tmp_path / "b", ["spectr"])


def test_runs_to_compare_are_checked(subject, tmp_path):
    own = subject.run.folder.path
    taken = [f"{name}={own}" for name in ("FreD", "real images", "random real")]
    for text in ("x", "=x", *taken):
        with pytest.raises(ValueError, match="written name=run_dir"):
            named_runs(own, [text])
    with pytest.raises(FileNotFoundError, match="trainers.distill"):
        named_runs(own, [f"x={tmp_path}"])


@pytest.mark.parametrize("fact", ["train", "test", "name"])
def test_runs_of_other_data_are_not_compared(subject, fact, monkeypatch):
    """Their names may be the same."""
    first, second = subject.runs.values()
    facts = dataclasses.replace(second.facts, **{fact: "other"})
    runs = {"a": first, "b": second}
    monkeypatch.setattr(DistilledRun, "restore", lambda name: runs[name])
    assert len(named_runs("a", ["pixels=b"])) == 2
    runs["b"] = dataclasses.replace(second, facts=facts)
    with pytest.raises(ValueError, match=f"same data.*`data.{fact}`.*'other'"):
        named_runs("a", ["pixels=b"])
