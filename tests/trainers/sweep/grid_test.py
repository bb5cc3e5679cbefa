import pytest

from trainers.sweep.grid import cells


def test_the_product_of_axes_with_what_is_common():
    found = cells(["ipc=2", "seed=0,1", "parameterization.norm=none, ortho"])
    assert [dict(cell.values) for cell in found] == [
        {"seed": s, "parameterization.norm": n}
        for s in "01"
        for n in ("none", "ortho")
    ]
    assert found[3].assignments == (
        "ipc=2",
        "seed=1",
        "parameterization.norm=ortho",
    )
    assert found[3].folder == "seed=1,norm=ortho"


def test_points_are_an_axis_of_their_own():
    found = cells(
        ["seed=0,1"],
        ["IDC: parameterization.name=idc; factor=3", "ipc=2;width=8"],
    )
    assert [cell.values["point"] for cell in found[::2]] == [
        "IDC",
        "ipc=2; width=8",
    ]
    assert found[0].assignments == (
        "parameterization.name=idc",
        "factor=3",
        "seed=0",
    )
    assert found[0].folder == "point=IDC,seed=0"
    # Not a name for a file: kept apart by a digest.
    assert found[2].folder.startswith("point=ipc=2__width=8,seed=0-")


def test_a_list_is_a_point():
    lists = [["drop_steps=1,2", "classes=a,b"], ["drop_steps=3"]]
    found = cells(["classes=a"], map("; ".join, lists))
    assert [list(cell.assignments[1:]) for cell in found] == lists


def test_one_cell_has_a_name_as_well():
    (cell,) = cells(["ipc=2"])
    assert cell.folder.startswith("run-")


@pytest.mark.parametrize(
    ("overrides", "points", "message"),
    [
        (["seed"], [], "name=a,b,c. Received: 'seed'"),
        (["seed=0,,1"], [], "Received: 'seed=0,,1'"),
        (["seed=0,0"], [], "must differ. Received twice: 'seed=0'"),
        (["distiller.drop_steps=1,2"], [], "--point 'distiller.drop_steps=1,2"),
        (["classes= a,b"], [], "is a list itself.*--point 'classes= a,b'"),
        ([], ["IDC: 3"], "A point is written.*Received: 'IDC: 3'"),
    ],
)
def test_refuses_what_is_no_grid(overrides, points, message):
    with pytest.raises(ValueError, match=message):
        cells(overrides, points)
