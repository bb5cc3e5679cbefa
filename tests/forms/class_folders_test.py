"""Classes of any name get folders that every system takes."""

import pytest

from fred_tf.forms.class_folders import folders


def test_names_that_are_names_of_folders_stay():
    names = ("airplane", "n01440764", "9 - nine", "café", "C++", "a.b", "0")
    assert folders(names) == names


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("T-shirt/top", "T-shirt_top"),
        ("../../etc", "etc"),
        ("..", "class"),
        (".hidden", "hidden"),
        ("a\\b:c*?", "a_b_c_"),
        ("dot.", "dot"),
        ("CON", "class_CON"),
        ("nul.png", "class_nul.png"),
        ("-rf", "rf"),
        ("$x_1$", "x_1"),
        ("🐈", "class"),
        ("w" * 200, "w" * 60),
        ("字" * 100, "字" * 60),
    ],
)
def test_of_others_what_no_system_minds_stays(name, folder):
    (found,) = folders((name,))
    assert found.rstrip("_") == folder.rstrip("_")
    assert "/" not in found and "\\" not in found
    assert len(found.encode()) <= 255


def test_all_differ_also_where_case_does_not_count():
    names = ("a/b", "a_b", "A_B", "cat", "Cat", "🐈", "🐕", "class", "a b_0")
    found = folders(names, ("labels.csv",))
    assert len({name.casefold() for name in found}) == len(names)
    assert found[1] == "a_b"
    assert found[3] == "cat" and found[4] == "Cat_4"
    assert folders(("labels.csv",), ("labels.csv",)) == ("labels.csv_0",)
