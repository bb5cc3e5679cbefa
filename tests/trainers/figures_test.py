import numpy as np
import pytest
from matplotlib.figure import Figure

from fred_tf import config, presets
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import score
from trainers import distill, figures

DM = config.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {
        "augmentation": "none",
        "network.name": "mlp",
        "evaluation.networks": 1,
        "evaluation.epochs": 1,
    },
)
PIXEL = config.replace(DM, {"parameterization.name": "pixel"})


@pytest.fixture(scope="module")
def subject(tmp_path_factory, digits) -> figures.Subject:
    root = tmp_path_factory.mktemp("runs")
    for name, settings in (("fred", DM), ("pixel", PIXEL)):
        distill.run(settings, root / name, images_every=1, evaluate_every=2)
    runs = figures.named_runs(root / "fred", [f"pixels={root / 'pixel'}"])
    for run in runs.values():
        path = run.folder.path / "evaluation.json"
        score(run.config, run.synthetic_set(), digits, path)
    return figures.Subject(runs, digits)


def test_every_figure_is_written_twice(subject, tmp_path):
    written = figures.run(subject, tmp_path)
    assert [path.stem for path in written] == list(figures.FIGURES)
    for path in written:
        assert path.stat().st_size > 2000
        assert path.with_suffix(".svg").stat().st_size > 2000


def panels(figure: Figure) -> dict[str, np.ndarray]:
    return {
        axes.get_title(): np.asarray(axes.images[0].get_array())
        for axes in figure.axes
        if axes.images
    }


def test_gradients_are_those_of_the_objective(subject):
    """Band-limited images do not limit what the objective asks for."""
    (share,) = panels(figures.FIGURES["gradient_energy"](subject)).values()
    assert share.shape == (8, 8)
    assert share.sum() == pytest.approx(1, rel=1e-3)
    outside = ~subject.run.parameterization.masks.any(0)
    assert share[outside].max() > 1e-4


def test_spectra_are_named_after_the_runs(subject):
    found = panels(figures.FIGURES["spectra"](subject))
    assert list(found) == ["real images", "frequency", "pixels"]
    held = subject.run.parameterization.masks.any(0)
    assert found["frequency"][held].min() > found["frequency"][~held].max()


def test_accuracies_are_those_that_were_measured(subject):
    figure = figures.FIGURES["accuracy_by_step"](subject)
    line = figure.axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), [2, 3])
    assert 0 <= line.get_ydata()[-1] <= 100
    budget = figures.FIGURES["accuracy_by_budget"](subject)
    floats = sorted(float(x.get_xdata()[0]) for x in budget.axes[0].lines)
    assert floats == sorted(
        float(run.parameterization.floats_stored)
        for run in subject.runs.values()
    )


def test_what_a_run_lacks_is_said(subject, tmp_path, digits):
    distill.run(config.replace(PIXEL, {"outer_steps": 0}), tmp_path / "run")
    pixel = DistilledRun.restore(tmp_path / "run")
    alone = figures.Subject({"pixel": pixel}, digits)
    written = {path.stem for path in figures.run(alone, tmp_path / "all")}
    assert "spectra" in written
    assert not written & {"masks", "accuracy_by_step", "accuracy_by_budget"}
    with pytest.raises(figures.MissingError, match="only a frequency memory"):
        figures.run(alone, tmp_path / "masks", ["masks"])
    with pytest.raises(ValueError, match="Did you mean 'spectra'"):
        figures.run(alone, tmp_path / "b", ["spectr"])


def test_runs_to_compare_are_checked(subject, tmp_path):
    own = subject.run.folder.path
    for text in ("x", f"frequency={own}", "=x"):
        with pytest.raises(ValueError, match="written name=run_dir"):
            figures.named_runs(own, [text])
    with pytest.raises(FileNotFoundError, match="trainers.distill"):
        figures.named_runs(own, [f"x={tmp_path}"])
