"""One form within a budget: which, why, and what if there is none."""

import json
import re

import numpy as np
import pytest

import fred_tf
from export import exporting
from fred_tf import forms
from fred_tf.disk import files

NAMES = [
    "images_float32",
    "images_float16",
    "coefficients_float32",
    "coefficients_int8",
    "coefficients_int4",
    "coefficients_coded",
]
# Coded, the run takes 1.6 to 2.1 kB, most of it what is said of it.
BUDGET = 2000


def size_of(path) -> int:
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def error_of(path, run) -> float:
    errors = forms.read(path).images - run.synthetic_set().images
    return float(np.sqrt(np.mean(errors**2)))


def test_the_form_that_errs_least_is_written_alone(run, exported, tmp_path):
    """Whatever the budget, none of the others that fit is better."""
    sizes = {name: size_of(exported / name) for name in NAMES}
    errors = {name: error_of(exported / name, run) for name in NAMES}
    for budget in (BUDGET, sizes["coefficients_int8"], 10**6):
        folder = tmp_path / str(budget)
        written, table = exporting.run(run, folder, NAMES, budget_bytes=budget)
        assert {path.name for path in folder.iterdir()} == {
            written.name,
            "README.md",
            "sizes.md",
        }
        assert size_of(written) <= budget
        fit = [errors[name] for name in NAMES if sizes[name] <= budget]
        assert error_of(written, run) <= min(fit, default=1)
        said = table.read_text()
        assert f"within {budget:,} bytes" in said
        assert f"`{written.name}` errs least:" in said
        row = rf"\| {written.name} \| {size_of(written):,} \| ([\d.]+) \|"
        stated = float(re.findall(row, said)[-1])
        assert stated == pytest.approx(error_of(written, run), abs=1e-4)
    # Nothing is lost where there is room; then the fewest bytes are best.
    exact = [name for name in NAMES if errors[name] == 0]
    assert written.name == min(exact, key=sizes.get)


def test_few_bytes_are_best_filled_by_coding(run, exported, tmp_path):
    written, table = exporting.run(run, tmp_path, NAMES, budget_bytes=BUDGET)
    assert written.name == "coefficients_coded"
    assert 0.97 * BUDGET < size_of(written) <= BUDGET
    said = table.read_text()
    assert re.search(r"\| images_float32 \| [\d,]+ \| does not fit \|", said)


def test_a_budget_that_nothing_fits_is_refused_with_the_least(run, tmp_path):
    with pytest.raises(ValueError, match="'coefficients_coded' takes") as e:
        exporting.run(run, tmp_path / "no", NAMES, budget_bytes=100)
    assert not list((tmp_path / "no").glob("*"))
    assert [p.name for p in tmp_path.iterdir() if p.name != "no"] == []
    least = int(
        re.search(r"at least ([\d,]+)", str(e.value))[1].replace(",", "")
    )
    written, _ = exporting.run(run, tmp_path / "yes", NAMES, budget_bytes=least)
    assert size_of(written) <= least
    # Of forms that cannot shrink it is what they take.
    with pytest.raises(ValueError, match="'coefficients_int4' takes. Rec.*100"):
        exporting.run(
            run, tmp_path / "a", ["coefficients_int4"], budget_bytes=100
        )
    with pytest.raises(ValueError, match="needs a form that holds the set"):
        exporting.run(run, tmp_path / "b", ["gallery"], budget_bytes=100)
    with pytest.raises(ValueError, match="Only one of `step` and"):
        exporting.run(run, tmp_path / "c", NAMES, step=1, budget_bytes=5000)


def test_forms_that_are_several_files_count_all_of_them(run, tmp_path):
    """`memory.keras` has its facts beside it."""
    names = ["keras"]
    exporting.run(run, tmp_path / "whole", names)
    size = sum(
        (tmp_path / "whole" / name).stat().st_size
        for name in ("memory.keras", "memory.json")
    )
    for summary in ("README.md", "sizes.md"):
        text = (tmp_path / "whole" / summary).read_text()
        assert f"| {size:,} |" in text
    with pytest.raises(ValueError, match=f"at least {size:,}, "):
        exporting.run(run, tmp_path / "no", names, budget_bytes=size - 1)
    exporting.run(run, tmp_path / "yes", names, budget_bytes=size)


@pytest.mark.slow  # `measuring_test` measures sets.
def test_what_is_measured_is_what_is_written(run, digits, tmp_path):
    """To state its accuracy a file would need room that it does not have."""
    for budget in (
        BUDGET - 100,
        BUDGET,
    ):  # Two sets, which are two evaluations.
        written, table = exporting.run(
            run, tmp_path, NAMES, digits, budget_bytes=budget
        )
        assert 0.97 * budget < size_of(written) <= budget
        found = [
            json.loads(path.read_text())["identity"]["set"]
            for path in tmp_path.glob("evaluation_coefficients_coded_*.json")
        ]
        images = forms.read(written).images
        assert files.digest(images.tobytes()) in found
    assert len(found) == 2
    assert re.search(r"coded \|.*%", table.read_text())


def test_the_command_line_says_what_it_chose(run, call, tmp_path):
    code, output, errors = call(
        *("export.__main__", f"--budget_bytes={BUDGET}"),
        "--forms=coefficients_int4,coefficients_coded",
        f"--export_dir={tmp_path}/set",
        f"--run_dir={run.folder.path}",
    )
    assert code == 0, errors
    said = f"within {BUDGET:,} bytes, all files counted, `coefficients_coded`"
    assert said in output
    assert size_of(tmp_path / "set" / "coefficients_coded") <= BUDGET


def test_steps_are_as_asked_for(run, tmp_path):
    exporting.run(run, tmp_path, ["coefficients_coded"], step=0.3)
    exact = run.synthetic_set()
    kept = run.parameterization.mask_size
    errors = forms.read(tmp_path / "coefficients_coded").images - exact.images
    assert np.sum(errors**2) / (len(errors) * kept) == pytest.approx(
        0.3**2 / 12, rel=0.2
    )


def test_sets_take_the_options_of_their_form(run, tmp_path):
    distilled = fred_tf.DistilledSet.of_run(run)
    path = distilled.save(
        tmp_path / "set", "coefficients_coded", budget_bytes=BUDGET
    )
    assert size_of(path) <= BUDGET
    for names in ([], ["coefficients_int4", "coefficients_coded"]):
        folder = tmp_path / f"best of {len(names)}"
        (path,) = distilled.export(folder, names, budget_bytes=BUDGET - 100)
        assert path.name == "coefficients_coded"
        assert size_of(path) <= BUDGET - 100
        assert {x.name for x in folder.iterdir()} == {path.name, "README.md"}
    with pytest.raises(TypeError, match="Options of 'coefficients_int4' are"):
        distilled.save(tmp_path / "no", "coefficients_int4", budget_bytes=9)
    with pytest.raises(TypeError, match="Options of forms are .*: .'budget'"):
        distilled.export(tmp_path / "no", ["gallery"], budget=9)
    for wrong in ("1900", 1900.5, True):
        with pytest.raises(TypeError, match="`budget_bytes` must be a whole"):
            distilled.export(tmp_path / "no", budget_bytes=wrong)
        with pytest.raises(TypeError, match="`budget_bytes` must be a whole"):
            distilled.save(
                tmp_path / "no", "coefficients_coded", budget_bytes=wrong
            )
    with pytest.raises(TypeError, match="`step` must be a number"):
        distilled.save(tmp_path / "no", "coefficients_coded", step="4")
    with pytest.raises(ValueError, match="nan"):
        distilled.save(tmp_path / "no", "coefficients_coded", step=float("nan"))
    assert not (tmp_path / "no").exists()
    # A set that was loaded has no levels to choose.
    loaded = fred_tf.DistilledSet.load(path)
    with pytest.raises(ValueError, match="`budget_bytes` must be at least"):
        loaded.export(tmp_path / "no", budget_bytes=BUDGET - 100)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ["--step=4", "--forms=coefficients_int8"],
            "`step` is of coeff",
        ),
        (["--shards=2", "--forms=coefficients_int8"], "`shards` is of im"),
        (["--override=budget_bytes=2000"], "`--override` says how --measure"),
        (["--measure", "--override=ipc=3"], "Received: ipc=3. Leave out what"),
        (["--measure", "--override=holdout=0.2"], "Received: holdout=0.2. "),
        (
            ["--step=4", "--budget_bytes=9999", "--forms=images_png"],
            "Of `--step` and `--budget_bytes` one may be given. Received: ",
        ),
    ],
)
def test_flags_that_change_nothing_are_refused(
    flags, said, run, call, tmp_path
):
    code, _, errors = call(
        *("export.__main__", *flags),
        f"--export_dir={tmp_path}/set",
        f"--run_dir={run.folder.path}",
    )
    assert code == 1 and said in errors
    assert not list(tmp_path.iterdir())
