"""An expert store gives back what was written, to whom it belongs."""

import copy

import numpy as np
import pytest

from fred_tf.experts.store import ExpertStore


def test_trajectories_come_back_as_they_were(store, description, data, experts):
    for reader in (store, ExpertStore.open(store.path, description)):
        assert len(reader) == 2
        assert (reader.epochs, reader.parameters) == (3, 640)
        assert reader.description == description
        assert reader.data == data
        for i in range(2):
            trajectory = reader.trajectory(i)
            assert isinstance(trajectory, np.memmap)
            assert trajectory.dtype == np.float32
            assert np.array_equal(trajectory, experts[i])
            assert reader.facts(i) == {"accuracy": i / 2}


def test_files_are_plain_numpy(store, experts):
    array = np.load(store.path / "trajectory_00001.npy", allow_pickle=False)
    assert np.array_equal(array, experts[1])


def test_a_segment_is_two_rows(store, experts):
    for start in range(3):
        for length in range(1, 4 - start):
            ends = store.segment(1, start, length)
            for end, row in zip(ends, (start, start + length)):
                assert type(end) is np.ndarray and end.dtype == np.float32
                assert np.array_equal(end, experts[1][row])


@pytest.mark.parametrize(
    ("start", "length"), [(-1, 1), (0, 0), (0, 4), (3, 1), (2, -1)]
)
def test_a_segment_outside_the_trajectory_is_refused(store, start, length):
    with pytest.raises(
        ValueError, match=f"3 epochs of .* start {start}, length {length}"
    ):
        store.segment(0, start, length)


@pytest.mark.parametrize("i", [-1, 2])
def test_a_trajectory_outside_the_store_is_refused(store, i):
    for use in (store.trajectory, store.facts):
        with pytest.raises(IndexError, match=rf"in \[0, 2\).*Received: {i}"):
            use(i)


def test_what_is_read_cannot_change_the_store(store, experts):
    with pytest.raises(ValueError, match="read-only"):
        store.trajectory(0)[0, 0] = 1
    store.segment(0, 0, 1)[0][:] = 0
    store.facts(0)["accuracy"] = 1
    assert np.array_equal(store.trajectory(0), experts[0])
    assert store.facts(0) == {"accuracy": 0.0}


def test_what_is_appended_is_copied(tmp_path, description, experts):
    store = ExpertStore.create_or_open(tmp_path, description)
    rows = [row.astype(np.float64) for row in experts[0]]
    store.append(rows)
    rows[0][:] = 0
    assert np.array_equal(store.trajectory(0), experts[0])
    assert store.facts(0) == {}


def test_a_store_is_opened_again_to_append(store, description, data, experts):
    again = ExpertStore.create_or_open(store.path, description, data)
    assert len(again) == again.next_number == 2
    again.append(experts[2])
    assert np.array_equal(
        ExpertStore.open(store.path).trajectory(2), experts[2]
    )


def test_another_shape_is_refused(store, experts):
    with pytest.raises(ValueError, match=r"= \(4, 640\). Received: \(3, 640\)"):
        store.append(experts[2][:3])
    assert len(ExpertStore.open(store.path)) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_trajectory_that_is_not_finite_is_refused(store, value, experts):
    trajectory = experts[2].copy()
    trajectory[2, 5] = value
    with pytest.raises(ValueError, match="must be finite.*from row 2 on"):
        store.append(trajectory)
    assert len(ExpertStore.open(store.path)) == 2


def test_facts_that_json_lacks_leave_no_file(store, experts):
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.append(experts[2], {"accuracy": np.nan})
    assert len(list(store.path.glob("*.npy"))) == 2


@pytest.mark.parametrize("name", ["epochs", "parameters"])
@pytest.mark.parametrize("value", [0, -1, 2.0, "3", None, True])
def test_a_description_has_sizes(tmp_path, name, value, description):
    with pytest.raises(ValueError, match=f"`{name}`, an integer"):
        ExpertStore.create_or_open(tmp_path, {**description, name: value})
    assert not list(tmp_path.iterdir())


def test_a_missing_store_is_named_with_its_program(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(
            FileNotFoundError,
            match=f"{path}: .*python -m trainers.train_experts",
        ):
            ExpertStore.open(path)


def test_a_store_without_trajectories_is_refused(tmp_path, description):
    ExpertStore.create_or_open(tmp_path, description)
    with pytest.raises(ValueError, match="python -m trainers.train_experts"):
        ExpertStore.open(tmp_path)


def test_a_deleted_manifest_is_not_made_anew(store, description):
    (store.path / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"2 arrays \(trajectory_00000.npy"):
        ExpertStore.create_or_open(store.path, description)


def test_a_foreign_store_is_refused_by_the_first_differences(
    store, description, data
):
    asked = copy.deepcopy(description)
    asked["network"]["width"] = 128
    asked["seed"] = 1
    for enter in (
        lambda: ExpertStore.open(store.path, asked),
        lambda: ExpertStore.create_or_open(store.path, asked, data),
    ):
        with pytest.raises(
            ValueError,
            match="`network.width` is 1 there, 128 is asked for; `seed` is 0 "
            "there, 1 is asked for. Choose another store",
        ):
            enter()


def test_a_reader_may_expect_a_part(store):
    ExpertStore.open(store.path, {"data": {"name": "digits"}, "seed": 0})
    with pytest.raises(ValueError, match="`augmentation` is absent there"):
        ExpertStore.open(store.path, {"augmentation": "flip"})
    with pytest.raises(ValueError, match="`data.train` is 'abc' there, 'xyz'"):
        ExpertStore.open(store.path, {"data": {"train": "xyz"}})


def test_a_start_that_failed_takes_other_settings(tmp_path, description):
    """Unless somebody is training for it, or has."""
    ExpertStore.create_or_open(tmp_path, description)
    other = {**description, "seed": 1}
    store = ExpertStore.create_or_open(tmp_path, other)
    assert ExpertStore(tmp_path).description == other
    with store.lock(3):
        with pytest.raises(ValueError, match="`seed` is 1 there, 0 is asked"):
            ExpertStore.create_or_open(tmp_path, description)
        ExpertStore.create_or_open(tmp_path, other)
    ExpertStore.create_or_open(tmp_path, description)
    assert ExpertStore(tmp_path).description == description


def test_a_trainer_expects_the_whole(store, description, data):
    part = {"parameters": 640, "epochs": 3, "dtype": "float32"}
    with pytest.raises(ValueError, match="`network.name` is .* absent is ask"):
        ExpertStore.create_or_open(store.path, part, data)
    other = {**data, "test": "xyz"}
    assert len(ExpertStore.create_or_open(store.path, description, other)) == 2
    other["train"] = "xyz"
    with pytest.raises(ValueError, match="`data.train` is 'abc' there, 'xyz'"):
        ExpertStore.create_or_open(store.path, description, other)


@pytest.mark.parametrize("dtype", ["float64", "", None, 16, ["float16"]])
def test_an_unknown_dtype_is_refused(
    store, dtype, tmp_path, description, edit_manifest
):
    with pytest.raises(ValueError, match="`dtype` .* one of .*'bfloat16'"):
        ExpertStore.create_or_open(
            tmp_path / "new", {**description, "dtype": dtype}
        )
    edit_manifest(lambda manifest: manifest["identity"].update(dtype=dtype))
    with pytest.raises(ValueError, match="`dtype` .* in .*manifest.json"):
        ExpertStore.open(store.path)


def test_a_moved_and_linked_store_is_read(store, tmp_path, experts):
    moved = store.path.rename(tmp_path / "Gerückt [1]")
    (tmp_path / "link").symlink_to(moved)
    trajectory = ExpertStore.open(tmp_path / "link").trajectory(1)
    assert np.array_equal(trajectory, experts[1])


def test_numbers_beyond_five_digits_stay_in_order(tmp_path):
    tiny = {"parameters": 2, "epochs": 1, "dtype": "float32"}
    store = ExpertStore.create_or_open(tmp_path, tiny)
    for number in (100_000, 99_999, 3):
        store.append(np.full((2, 2), number, np.float32), number=number)
    found = [store.trajectory(i)[0, 0] for i in range(3)]
    assert found == [3, 99_999, 100_000]


def test_what_stands_for_the_test_split_may_be_another(
    store, description, data, experts
):
    """Earlier versions did not say it, and experts never look at it."""
    other = {**data, "test": "ghi", "tested_on": "validation"}
    again = ExpertStore.create_or_open(store.path, description, other)
    again.append(experts[2])
    assert len(ExpertStore.open(store.path)) == 3
    with pytest.raises(ValueError, match="`data.train` is 'abc' there"):
        other["train"] = "xyz"
        ExpertStore.create_or_open(store.path, description, other)
