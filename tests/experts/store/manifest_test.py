"""A manifest is believed where it is sealed and may be true, and read once."""

import json
import os
import time

import numpy as np
import pytest

from fred_tf.experts import manifest
from fred_tf.experts.store import ExpertStore
from tests.flipping import flips


def test_a_flipped_byte_of_the_manifest_never_gives_other_data(
    tmp_path, experts
):
    tiny = {
        "parameters": 2,
        "epochs": 1,
        "dtype": "float32",
        "network": "softmax",
    }
    store = ExpertStore.create_or_open(tmp_path, tiny)
    store.append(experts[0][:2, :2])
    path = tmp_path / "manifest.json"
    refused = 0
    for _ in flips(path):
        try:
            reader = ExpertStore.open(tmp_path, tiny)
            trajectory = reader.trajectory(0)
        except (ValueError, FileNotFoundError):
            refused += 1
        else:
            assert np.array_equal(trajectory, experts[0][:2, :2])
    # What is left is white space between the fields.
    assert refused > 0.6 * path.stat().st_size


def test_a_manifest_that_is_a_link_is_not_read(store):
    path = store.path / "manifest.json"
    path.rename(store.path / "elsewhere.json")
    path.symlink_to(store.path / "elsewhere.json")
    with pytest.raises(ValueError, match="manifest.json must be a plain file"):
        ExpertStore.open(store.path)


@pytest.mark.parametrize("value", [17.5, -0.1, "99 %", True, [1], {}])
@pytest.mark.parametrize("name", ["accuracy", "test_accuracy"])
def test_accuracies_that_cannot_be_are_refused(
    store, name, value, edit_manifest, experts
):
    facts = {name: value}
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        store.append(experts[2], facts)
    assert len(list(store.path.glob("*.npy"))) == 2

    def change(manifest):
        manifest["trajectories"][1]["facts"] = facts

    edit_manifest(change)
    with pytest.raises(
        ValueError, match=f"trajectories. in .*manifest.json .*`{name}` must be"
    ):
        ExpertStore.open(store.path)


def test_an_accuracy_may_be_unknown(store, experts):
    store.append(experts[2], {"test_accuracy": None})
    assert ExpertStore.open(store.path).facts(2) == {"test_accuracy": None}


def test_files_of_other_systems_beside_a_new_store_do_not_matter(
    tmp_path, description
):
    (tmp_path / "._trajectory_00000.npy").touch()
    (tmp_path / ".DS_Store").touch()
    assert not len(ExpertStore.create_or_open(tmp_path, description))


def test_many_experts_take_no_longer_each(tmp_path, description):
    """Squares of 20,000 took 17 s, of which none is left."""
    count = 20_000
    entries = [
        {"file": manifest.file_name(n), "sha256": "0" * 64, "facts": {}}
        for n in range(count)
    ]
    manifest.write(tmp_path, description, None, entries)
    begun = time.process_time()
    store = ExpertStore(tmp_path)
    assert len(store) == store.next_number == count
    assert store.missing(range(count + 2)) == [count, count + 1]
    # None of the files is there.
    again = ExpertStore.create_or_open(tmp_path, description)
    assert len(again) == again.next_number == 0
    assert time.process_time() - begun < 8


@pytest.mark.parametrize(
    "entries",
    [None, {}, "text", [1], [{}], [{"file": 1, "sha256": "", "facts": {}}]],
)
def test_a_manifest_of_wrong_types_is_refused(store, entries, edit_manifest):
    edit_manifest(lambda manifest: manifest.update(trajectories=entries))
    with pytest.raises(ValueError, match="`trajectories` in .*manifest.json"):
        ExpertStore.open(store.path)


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        (None, "`identity` of .*manifest.json must be a JSON object"),
        ([], "`identity` of .*manifest.json must be a JSON object"),
        ({"epochs": 3}, "`description` must hold .*manifest"),
    ],
)
def test_a_manifest_without_sizes_is_refused(
    store, identity, message, edit_manifest
):
    edit_manifest(lambda manifest: manifest.update(identity=identity))
    with pytest.raises(ValueError, match=message):
        ExpertStore.open(store.path)


def test_a_file_counts_once(store, edit_manifest):
    edit_manifest(
        lambda manifest: manifest["trajectories"].append(
            manifest["trajectories"][0]
        ),
    )
    with pytest.raises(ValueError, match="once. .*'trajectory_00000.npy'"):
        ExpertStore.open(store.path)


def test_a_store_of_an_earlier_format_is_refused(store, description, data):
    earlier = {
        "format_version": 1,
        "description": description,
        "trajectories": [],
    }
    (store.path / "manifest.json").write_text(json.dumps(earlier))
    for enter in (
        lambda: ExpertStore.open(store.path),
        lambda: ExpertStore.create_or_open(store.path, description, data),
    ):
        with pytest.raises(ValueError, match="must be 4 .* Received: 1.") as e:
            enter()
        assert "\n" not in str(e.value)


def test_a_manifest_edited_by_hand_is_refused(store):
    path = store.path / "manifest.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(ValueError, match="must be as it was written"):
        ExpertStore.open(store.path)


def test_a_damaged_manifest_is_named(store):
    os.truncate(store.path / "manifest.json", 100)
    with pytest.raises(ValueError, match="manifest.json is not a JSON file"):
        ExpertStore.open(store.path)
