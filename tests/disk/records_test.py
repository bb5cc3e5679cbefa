"""Records are sealed, and work of other settings or data is refused."""

import hashlib
import json
import re

import pytest

from fred_tf.disk import files, records

IDENTITY = {"steps": 10, "network": {"name": "mlp", "width": 8}, "seed": 0}
DATA = {"name": "digits", "train": "abc", "test": "def"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "work.json"
    records.write(path, "run", IDENTITY, DATA, losses=(0.5, 0.25))
    return path


def edit(path, reseal=False, **changes):
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(records.seal(values) if reseal else values))


def test_a_record_says_what_it_is_of(path):
    values = json.loads(path.read_text())
    stated = values.pop("sha256")
    assert values == {
        "format_version": records.FORMAT_VERSION,
        "kind": "run",
        "identity": IDENTITY,
        "data": DATA,
        "losses": [0.5, 0.25],
    }
    text = json.dumps(values, sort_keys=True).encode()
    assert stated == hashlib.sha256(text).hexdigest()
    assert records.read(path, "run") == {**values, "sha256": stated}
    assert records.content(records.read(path)) == {"losses": [0.5, 0.25]}


def test_work_that_was_never_begun_holds_nothing(tmp_path):
    kept = records.continued(tmp_path / "no.json", "run", IDENTITY, DATA)
    assert kept is None and not list(tmp_path.iterdir())


def test_the_same_work_goes_on_where_it_was(path):
    tuples = {**IDENTITY, "seed": 0}
    kept = records.continued(path, "run", tuples, DATA)
    assert kept == {"losses": [0.5, 0.25]}
    records.write(path, "run", IDENTITY, DATA, losses=[*kept["losses"], 0.1])
    again = records.continued(path, "run", IDENTITY, DATA)
    assert again == {"losses": [0.5, 0.25, 0.1]}


def test_an_interrupted_write_leaves_what_was_there(path, monkeypatch):
    before = path.read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.raises(OSError, match="what was there before is intact"):
        records.write(path, "run", IDENTITY, DATA, losses=[])
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("identity", "data", "message"),
    [
        ({"steps": 20}, {}, "`steps` is 10 there, 20 is asked for. Choose"),
        (
            {"network": {"name": "cnn", "width": 9}, "seed": 1},
            {"train": "xyz"},
            "`network.name` is 'mlp' there, 'cnn' is asked for; `",
        ),
        ({}, {"train": "xyz"}, "`data.train` is 'abc' there, 'xyz' is asked"),
        ({"new": 1}, {}, "`new` is absent there, 1 is asked for"),
    ],
)
def test_other_work_is_refused_by_its_first_differences(
    path, identity, data, message
):
    before = path.read_bytes()
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        records.continued(
            path, "run", {**IDENTITY, **identity}, {**DATA, **data}
        )
    assert str(refused.value).startswith(f"{path} is of other settings or data")
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == before


def test_work_without_data_is_other_work(path):
    with pytest.raises(ValueError, match="`data.name` is 'digits' there, abs"):
        records.continued(path, "run", IDENTITY, None)


def test_what_may_differ_is_named(path):
    longer, other = {**IDENTITY, "steps": 20}, {**DATA, "test": "xyz"}
    free = ("steps", "data.test")
    assert records.continued(path, "run", longer, other, free)
    longer["seed"] = 1
    with pytest.raises(ValueError, match="`seed` is 0 there, 1 is asked for. "):
        records.continued(path, "run", longer, other, free)


def test_the_way_out_is_said(path):
    for enter in (
        lambda: records.continued(path, "run", {}, DATA, (), "Go left."),
        lambda: records.read(path, "sweep", "Go left."),
    ):
        with pytest.raises(ValueError, match="Go left.$"):
            enter()


@pytest.mark.parametrize("version", [1, 2, 3, 99, "4", None])
def test_another_format_version_is_refused(path, version):
    edit(path, True, format_version=version)
    with pytest.raises(
        ValueError, match=f"work.json must be 4 .* Received: {version!r}"
    ) as refused:
        records.continued(path, "run", IDENTITY, DATA)
    assert "\n" not in str(refused.value)


def test_what_has_no_version_is_refused(tmp_path):
    """As evaluations had none once."""
    (tmp_path / "a.json").write_text('{"identity": {}, "accuracies": []}')
    with pytest.raises(ValueError, match="must be 4 .* Received: absent"):
        records.read(tmp_path / "a.json")


@pytest.mark.parametrize("content", ["[]", "null", '"text"', "1"])
def test_what_is_no_object_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match="a.json must hold a JSON object"):
        records.read(tmp_path / "a.json")


def test_another_kind_is_refused(path):
    with pytest.raises(ValueError, match="kind 'sweep'. Received: .* 'run'"):
        records.read(path, "sweep")


def test_an_edited_record_is_refused_and_a_reformatted_one_is_not(path):
    values = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(values.items()))))
    assert records.read(path, "run") == values
    edit(path, losses=[0.5, 0.2])
    with pytest.raises(ValueError, match="as it was written.*that states"):
        records.read(path, "run")
    edit(path, losses=[0.5, 0.25], sha256=None)
    with pytest.raises(ValueError, match="that states None"):
        records.read(path)


@pytest.mark.parametrize("part", ["identity", "data"])
def test_parts_of_wrong_types_are_refused(path, part):
    edit(path, True, **{part: [1]})
    with pytest.raises(ValueError, match=rf"`{part}` of .*Received: \[1\]"):
        records.read(path, "run")


def test_plain_is_what_json_gives_back():
    value = {"a": (1, 2), "b": {"c": None}}
    assert records.plain(value) == {"a": [1, 2], "b": {"c": None}}


@pytest.mark.parametrize(
    ("value", "error"), [({"a": float("nan")}, ValueError), (object, TypeError)]
)
def test_what_json_lacks_is_refused(value, error, tmp_path):
    with pytest.raises(error, match="JSON"):
        records.plain(value)
    with pytest.raises(error, match="JSON"):
        records.write(tmp_path / "a.json", "run", {}, None, value=value)
    assert not list(tmp_path.iterdir())


def test_equal_records_do_not_differ():
    there = {"a": {"b": [1, 2], "c": 0.1}, "d": None}
    assert not records.differences(there, {"d": None, "a": there["a"]})


def test_each_leaf_that_differs_is_listed():
    there = {"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": 3, "same": 4}
    asked = {"a": {"b": 5, "c": 2}, "list": (1,), "new": "x", "same": 4}
    assert records.differences(there, asked) == {
        "a.b": (1, 5),
        "list": ([1, 2], [1]),
        "gone": (3, records.ABSENT),
        "new": (records.ABSENT, "x"),
    }


def test_a_leaf_differs_from_a_branch():
    assert records.differences({"a": {"b": 1}}, {"a": 1}) == {
        "a.b": (1, records.ABSENT),
        "a": (records.ABSENT, 1),
    }


def test_a_branch_without_leaves_differs_from_none():
    assert records.differences({"a": {}}, {}) == {"a": ({}, records.ABSENT)}


def test_a_subset_leaves_the_rest_open():
    there = {"a": {"b": 1, "c": 2}, "d": 3}
    assert not records.differences(there, {}, subset=True)
    assert not records.differences(there, {"a": {"c": 2}}, subset=True)
    assert records.differences(there, {"a": {"c": 0}}, subset=True) == {
        "a.c": (2, 0)
    }
    assert records.differences(there, {"e": 0}, subset=True) == {
        "e": (records.ABSENT, 0)
    }
