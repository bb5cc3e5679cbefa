"""Which rows the figure of bytes has, and that nothing in it is made up."""

import copy
import pathlib

import pytest

from fred_tf import figures
from trainers.results import accuracy_per_byte, reading
from trainers.results.published_bytes import PUBLISHED_BYTES

ROOT = pathlib.Path(__file__).parents[3]
SETTLED = "cifar10_ipc1_fred_tm_joint_settled"
INT4 = "cifar10_ipc1_fred_tm_gpu_as_coefficients_int4"


@pytest.fixture(scope="module")
def results():
    return reading.rows(ROOT / "results")


def names_of(found, form):
    return [point.name for point in found.get(form, [])]


def test_a_line_has_the_best_of_each_budget(results):
    found = accuracy_per_byte.best(results, "cifar10")
    lossless = found["coefficients_float32"]
    assert [point.name for point in lossless][0] == SETTLED
    means = [point.mean for point in lossless]
    sizes = [point.size for point in lossless]
    assert means == sorted(means) and sizes == sorted(sizes)
    assert names_of(found, "coefficients_int4") == [INT4]
    for form, line in found.items():
        for point in line:
            record = results[point.name]
            assert point.size == record["bytes_of_folder"], form
            assert point.mean == 100 * record["mean"]
    drawn = {point.name for line in found.values() for point in line}
    assert not any("_on_" in n or "_seed" in n or "mnist" in n for n in drawn)
    assert not any("pixel" in n for n in drawn)
    # Of random images only those that bytes hold as a picture.
    assert all("_bytes_" in n for n in drawn if "random" in n)


def as_made(record, size, mean, stored=None, budget=0):
    """Returns a record of another row, as this one says."""
    record = copy.deepcopy(record)
    if stored:
        record["identity"] |= {"stored": stored, "subject": "random"}
    memory = record["identity"]["config"]["parameterization"]
    memory["budget_bytes"] = budget
    return {**record, "bytes_of_folder": size, "mean": mean}


def test_budgets_in_bytes_have_lines_of_their_own(results):
    coded = "cifar10_30720_bytes_fred_tm_joint"
    other = "cifar10_30720_bytes_fred_dm"
    jpeg = "cifar10_30720_bytes_random_jpeg"
    picture = {"budget_bytes": 30_720, "encoding": "jpeg", "quality": 10}
    base = results[SETTLED]
    made = {
        # Of CIFAR-10, none in bytes but these.
        **{k: v for k, v in results.items() if "_bytes_" not in k},
        coded: as_made(base, 30_001, 0.61, budget=30_720),
        other: as_made(base, 29_001, 0.52, budget=30_720),
        jpeg: as_made(base, 30_700, 0.31, stored=picture),
        f"{coded}_seed1": as_made(base, 30_002, 0.99, budget=30_720),
        "unknown_row": as_made(base, 30_003, 0.99, budget=30_720),
    }
    found = accuracy_per_byte.best(made, "cifar10")
    assert names_of(found, "coefficients_coded") == [coded]
    assert names_of(found, "jpeg") == [jpeg]
    assert SETTLED in names_of(found, "coefficients_float32")
    lines = accuracy_per_byte.table(made)
    (line,) = [line for line in lines if f"`{jpeg}`" in line]
    assert line.startswith("| CIFAR-10 | real images, JPEG | 30,700 | ")


def test_less_for_more_bytes_is_left_out(results):
    base, name = results[SETTLED], "cifar10_122880_bytes_fred_dm"
    made = {
        "cifar10_30720_bytes_fred_dm": as_made(base, 3e4, 0.6, budget=30_720),
        name: as_made(base, 1.2e5, 0.59, budget=122_880),
    }
    found = accuracy_per_byte.best(made, "cifar10")["coefficients_coded"]
    assert [point.size for point in found] == [3e4]
    made[name] = as_made(base, 1.2e5, 0.61, budget=122_880)
    assert (
        len(accuracy_per_byte.best(made, "cifar10")["coefficients_coded"]) == 2
    )


def test_the_table_and_the_figure_say_the_same(results):
    """And what is published, with how its bytes are counted."""
    figure = accuracy_per_byte.figure(ROOT / "results")
    drawn = {
        (axes.get_title(), int(x), round(float(y), 1))
        for axes in figure.axes
        for line in axes.lines
        if not line.get_label().startswith("_")
        for x, y in zip(line.get_xdata(), line.get_ydata())
    }
    lines = accuracy_per_byte.table(results)
    elsewhere = [line for line in lines if "; distilled on " in line]
    assert elsewhere
    for line in elsewhere:
        record = results[line.split("`")[1]]
        assert f"| all files; distilled on {record['distilled_on']}" in line
    told = set()
    for line in lines[lines.index("|---|---|---|---|---|---|") + 1 :]:
        _, data, _, size, accuracy, counted, source, _ = line.split("|")
        mean = float(accuracy.split("±")[0])
        told.add((data.strip(), int(size.replace(",", "")), mean))
        assert counted.strip() and source.strip()
    assert drawn == told
    for method, published in PUBLISHED_BYTES.items():
        assert all(0 < x < 100 for x in published.accuracies.values()), method
    assert figures.to_array(figure).std() > 0


def test_points_of_other_images_are_told_in_both(results):
    made = {name: copy.deepcopy(results[name]) for name in (SETTLED, INT4)}
    source = made[INT4]["data"]["preparation"]["source"]
    told = accuracy_per_byte.table(made)
    assert [f"; of {source} |" in line for line in told if SETTLED in line] == [
        False
    ]
    assert [f"; of {source} |" in line for line in told if INT4 in line] == [
        True
    ]
    figure = accuracy_per_byte.figure(ROOT / "results")
    legend = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"FreD, int4, other images", "FreD, float32"} <= legend


def test_without_rows_there_are_only_published_points(tmp_path):
    (axes,) = accuracy_per_byte.figure(tmp_path).axes
    assert len(axes.lines) == len(PUBLISHED_BYTES)
