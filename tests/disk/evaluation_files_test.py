"""Files of evaluations grow, whoever writes them, and are told apart."""

import pathlib
from concurrent import futures

import pytest

from fred_tf import scoring
from fred_tf.coresets import random_set
from fred_tf.disk import evaluation_files, records

IDENTITY, DATA = {"seed": 0}, {"name": "toy"}


@pytest.fixture
def work(tmp_path):
    return tmp_path / "made" / "evaluation.json", "evaluation", IDENTITY, DATA


def extended(work, *accuracies, **others):
    content = {"accuracies": list(accuracies), "networks": len(accuracies)}
    if others:
        content["corrupted"] = others
    return evaluation_files.extended(work, list(accuracies), others, **content)


def test_the_longer_list_is_kept(work):
    assert evaluation_files.kept(work) == ([], {})
    assert extended(work, 0.5) == ([0.5], {})
    assert extended(work, 0.5, 0.25, 0.75) == ([0.5, 0.25, 0.75], {})
    before = work[0].read_bytes()
    # As far, or not as far: equal up to rounding.
    assert extended(work, 0.5, 0.25) == ([0.5, 0.25, 0.75], {})
    assert extended(work, 0.5, 0.25, 0.7500001) == ([0.5, 0.25, 0.75], {})
    assert work[0].read_bytes() == before
    assert evaluation_files.kept(work) == ([0.5, 0.25, 0.75], {})
    assert [path.name for path in work[0].parent.iterdir()] == [work[0].name]


def test_what_else_a_file_says_stays(work):
    records.write(*work, accuracies=[0.5], floats_stored=3)
    extended(work, 0.5, 0.25)
    record = records.read(work[0])
    assert (record["floats_stored"], record["networks"]) == (3, 2)


def test_networks_that_are_added_are_not_those_of_the_device(work):
    def told(networks):
        record = records.read(work[0])
        return evaluation_files.scored_on(record, networks)

    records.write(*work, accuracies=[0.5] * 3, device="a GPU")
    assert told(3) == told(2) == "a GPU"
    extended(work, *[0.5] * 4)
    extended(work, *[0.5] * 5)
    assert (told(3), told(5)) == ("a GPU", "a GPU (3 of 5)")
    # Earlier versions added without counting: nothing is known of any.
    records.write(*work, accuracies=[0.5] * 5, device="a GPU", networks=5)
    assert told(5) == ""
    extended(work, *[0.5] * 6)
    assert "device" not in records.read(work[0])
    records.write(*work, accuracies=[0.5])
    assert told(1) == ""


def test_what_was_stopped_says_of_how_many_networks(work, caplog):
    records.write(*work, accuracies=[0.5], networks=20)
    record = records.read(work[0])
    assert evaluation_files.wanted(work[0], record) == {"networks": 20}
    assert f"{work[0]} was stopped after 1 of 20 networks" in caplog.text
    extended(work, 0.5, 0.25)
    record = records.read(work[0])
    assert evaluation_files.wanted(work[0], record) == {}


def test_other_test_images_grow_alike(work):
    extended(work, 0.5, fog=[0.125])
    assert extended(work, 0.25, fog=[0.0]) == ([0.5], {"fog": [0.125]})
    assert evaluation_files.kept(work, ["fog"]) == ([0.5], {"fog": [0.125]})
    with pytest.raises(ValueError, match="`snow` must be a list.*--name"):
        evaluation_files.kept(work, ["snow"])


def test_another_evaluation_is_not_replaced(work):
    """One that has begun since the file was looked at."""
    records.write(*work[:2], {"seed": 1}, DATA, accuracies=[0.5])
    before = work[0].read_bytes()
    with pytest.raises(ValueError, match="`seed` is 1 there, 0 is .*--name"):
        extended(work, 0.25, 0.5)
    assert work[0].read_bytes() == before


def test_those_that_write_at_once_lose_nothing(work):
    def extend(order):
        for count in order:
            extended(work, *([0.5] * count))

    with futures.ThreadPoolExecutor() as pool:
        orders = range(1, 13), range(12, 0, -1), (3, 20, 1, 2)
        list(pool.map(extend, orders))
    assert len(evaluation_files.kept(work)[0]) == 20


def test_the_curve_is_told_from_others(tmp_path):
    for step, accuracies in ((2, [0.5, 0.5]), (11, [0.5, 0.5]), (7, [0.5])):
        path = evaluation_files.curve_path(tmp_path, step)
        work = path, "evaluation", IDENTITY, DATA
        records.write(*work, accuracies=accuracies, networks=2)
    for name in ("evaluation.json", "evaluation_steps.json"):
        (tmp_path / name).write_text("of somebody")
    assert list(evaluation_files.curve(tmp_path)) == [2, 11]
    assert [path.name for path in evaluation_files.beside_curve(tmp_path)] == [
        "evaluation.json",
        "evaluation_steps.json",
    ]
    evaluation_files.rewind_curve(tmp_path, 6)
    assert list(evaluation_files.curve(tmp_path)) == [2]
    assert len(evaluation_files.beside_curve(tmp_path)) == 2


def test_no_network_is_trained_where_its_accuracy_cannot_be_kept(
    digits, quick, monkeypatch
):
    """Not even by who may write anywhere."""
    monkeypatch.setattr(scoring.assembly, "evaluator", None)
    chosen = random_set(digits, 1, 0)
    path = pathlib.Path("/sys/kernel/a.json")
    with pytest.raises(OSError, match=r"/(sys|kernel)"):
        scoring.score(quick, chosen, digits, path)
