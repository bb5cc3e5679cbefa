"""Records are compared leaf by leaf and refused in other versions."""

import json

import pytest

from fred_tf.disk import records


def test_plain_is_what_json_gives_back():
    value = {"a": (1, 2), "b": {"c": None}}
    assert records.plain(value) == {"a": [1, 2], "b": {"c": None}}


@pytest.mark.parametrize(
    ("value", "error"), [({"a": float("nan")}, ValueError), (object, TypeError)]
)
def test_plain_refuses_what_json_lacks(value, error):
    with pytest.raises(error, match="JSON"):
        records.plain(value)


def test_equal_records_do_not_differ():
    found = {"a": {"b": [1, 2], "c": 0.1}, "d": None}
    assert not records.differences(found, {"d": None, "a": found["a"]})


def test_each_leaf_that_differs_is_listed():
    found = {"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": 3, "same": 4}
    asked = {"a": {"b": 5, "c": 2}, "list": (1,), "new": "x", "same": 4}
    different = records.differences(found, asked)
    assert different == {
        "a.b": (1, 5),
        "list": ([1, 2], [1]),
        "gone": (3, records.ABSENT),
        "new": (records.ABSENT, "x"),
    }
    assert records.listing(different).splitlines() == [
        "  a.b: 1 in the folder, 5 asked for",
        "  list: [1, 2] in the folder, [1] asked for",
        "  gone: 3 in the folder, absent asked for",
        "  new: absent in the folder, 'x' asked for",
    ]


def test_a_leaf_differs_from_a_branch():
    different = records.differences({"a": {"b": 1}}, {"a": 1})
    assert different == {
        "a.b": (1, records.ABSENT),
        "a": (records.ABSENT, 1),
    }


def test_a_branch_without_leaves_differs_from_none():
    assert records.differences({"a": {}}, {}) == {"a": ({}, records.ABSENT)}


def test_a_subset_leaves_the_rest_open():
    found = {"a": {"b": 1, "c": 2}, "d": 3}
    assert not records.differences(found, {}, subset=True)
    assert not records.differences(found, {"a": {"c": 2}}, subset=True)
    assert records.differences(found, {"a": {"c": 0}}, subset=True) == {
        "a.c": (2, 0)
    }
    assert records.differences(found, {"e": 0}, subset=True) == {
        "e": (records.ABSENT, 0)
    }


@pytest.mark.parametrize(
    ("version", "received"), [(2, "2"), ("1", "'1'"), (None, "None")]
)
def test_another_format_version_is_refused(tmp_path, version, received):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"format_version": version}))
    with pytest.raises(
        ValueError, match=f"a.json must be 1 .* Received: {received}"
    ):
        records.read(path, 1)


def test_a_missing_format_version_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ValueError, match="must be 1 .* Received: absent"):
        records.read(tmp_path / "a.json", 1)


@pytest.mark.parametrize("content", ["[]", "null", '"text"', "1"])
def test_what_is_no_object_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match="a.json must hold a JSON object"):
        records.read(tmp_path / "a.json", 1)
