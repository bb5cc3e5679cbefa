"""Expert trajectories on disk: written once, checked, sampled in segments.

A store is a folder with a manifest and one array per trajectory:

```
manifest.json          format_version, description, trajectories
trajectory_00000.npy   float32 [epochs + 1, parameters]
```

Row 0 of a trajectory holds the parameters of an expert before training, row e
those after epoch e (Cazenavette et al., 2022, section 3.1, arXiv 2203.11932).
NumPy does not notice flipped bits in `.npy` files, so the manifest holds the
SHA-256 of each.
"""

import contextlib
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from fred_tf import expert_manifest, files, folder_lock, records


class ExpertStore:
    """Trajectories of experts that were trained alike.

    Made by `create_or_open` for the program that trains experts, and by `open`
    for those that use them.

    ```python
    store = ExpertStore.open(path, {"dataset": "mnist", "epochs": 20})
    start, target = store.segment(0, start=5, length=2)  # epochs 5 and 7
    ```

    Attributes:
        path: the folder.
        description: how the experts were trained, fit for JSON; holds at least
            the integers `epochs` and `parameters`.
    """

    def __init__(self, path: files.Path):
        """Reads the manifest of the store at `path` and checks it.

        Raises:
            FileNotFoundError: there is no store at `path`, or one of its files
                is missing.
            ValueError: the manifest is damaged, unsafe, of another format or
                claims more than its files hold.
        """
        self.path = pathlib.Path(path)
        self.description, self._entries = expert_manifest.read(self.path)
        self._arrays: dict[int, np.memmap] = {}

    @classmethod
    def create_or_open(
        cls, path: files.Path, description: Mapping[str, Any]
    ) -> "ExpertStore":
        """Makes a store without trajectories, or opens it to append to it.

        Args:
            path: the folder.
            description: see `ExpertStore.description`. An existing store must
                have this very description.

        Raises:
            ValueError: the description is incomplete, or the folder holds a
                store of another description or one without a manifest.
            RuntimeError: another process is writing to the store.
            OSError: the folder cannot be made or written to.
        """
        path = pathlib.Path(path)
        description = records.plain(description)
        expert_manifest.check_description(description, "the call")
        path.mkdir(parents=True, exist_ok=True)
        with folder_lock.exclusive(path):
            files.remove_leftovers(path)
            if not (path / expert_manifest.NAME).exists():
                _refuse_arrays(path)
                expert_manifest.write(path, description, [])
            store = cls(path)
        store._refuse_other(records.differences(store.description, description))
        return store

    @classmethod
    def open(
        cls, path: files.Path, expected: Mapping[str, Any] | None = None
    ) -> "ExpertStore":
        """Opens a store to read from it.

        Args:
            path: the folder.
            expected: the part of the description that must agree, nested like
                it; by default nothing.

        Raises:
            FileNotFoundError: there is no store at `path`, or one of its files
                is missing.
            ValueError: the store is not the `expected` one (every field is
                listed with both values), has no trajectories or is damaged.
        """
        store = cls(path)
        store._refuse_other(
            records.differences(store.description, expected or {}, subset=True)
        )
        if not len(store):
            raise ValueError(
                "An expert store must hold at least one trajectory. Received: "
                f"none in {path}. Train some with `{expert_manifest.PROGRAM}`."
            )
        return store

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def epochs(self) -> int:
        """Epochs per trajectory."""
        return self.description["epochs"]

    @property
    def parameters(self) -> int:
        """Parameters per expert."""
        return self.description["parameters"]

    @property
    def next_number(self) -> int:
        """The smallest number without a trajectory, counted from 0.

        The next `append` takes it, so it tells experts apart when seeding
        them. It is the length of the store unless entries were removed by
        hand from the manifest.
        """
        taken = {entry["file"] for entry in self._entries}
        number = 0
        while _file_name(number) in taken:
            number += 1
        return number

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Returns a `with` block that keeps other processes from writing.

        Raises:
            RuntimeError: on entry, when another process holds the lock.
        """
        return folder_lock.exclusive(self.path)

    def append(
        self, trajectory: np.ndarray, facts: Mapping[str, Any] | None = None
    ) -> None:
        """Adds a trajectory; one that was cut short by a kill leaves no trace.

        Args:
            trajectory: `[epochs + 1, parameters]`; copied as float32.
            facts: what to remember of it, fit for JSON, e.g. accuracies.

        Raises:
            ValueError: the shape is another, or a value or fact is not finite.
            OSError: writing failed, e.g. the disk is full; the store is as it
                was.
        """
        # A copy, because the rows may be views of variables.
        array = np.array(trajectory, np.float32, order="C")
        shape = (self.epochs + 1, self.parameters)
        if array.shape != shape:
            raise ValueError(
                "A trajectory must have the shape [epochs + 1, parameters] = "
                f"{shape} of {self.path}. Received: {array.shape}."
            )
        finite = np.isfinite(array).all(axis=1)
        if not finite.all():
            raise ValueError(
                "A trajectory must be finite. Received: NaN or infinite "
                f"parameters from row {int(np.argmin(finite))} on. Lower the "
                "learning rate of the experts."
            )
        facts = records.plain(facts or {})
        path = self.path / _file_name(self.next_number)
        with files.replacing_file(path) as temporary:
            with open(temporary, "wb") as file:
                np.save(file, array, allow_pickle=False)
            digest = files.sha256(temporary)
        entry = {"file": path.name, "sha256": digest, "facts": facts}
        entries = [*self._entries, entry]
        expert_manifest.write(self.path, self.description, entries)
        self._entries = entries

    def facts(self, i: int) -> dict[str, Any]:
        """Returns what `append` was told of trajectory `i`."""
        return records.plain(self._entry(i)["facts"])

    def trajectory(self, i: int) -> np.memmap:
        """Returns trajectory `i`, read-only and memory-mapped.

        Its checksum is verified on first use.

        Returns:
            float32 `[epochs + 1, parameters]`.

        Raises:
            IndexError: there is no such trajectory.
            ValueError: its file is damaged.
        """
        entry = self._entry(i)
        if i not in self._arrays:
            self._arrays[i] = self._load(i, entry)
        return self._arrays[i]

    def segment(
        self, i: int, start: int, length: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the parameters at both ends of a part of trajectory `i`.

        Args:
            i: trajectory.
            start: epoch at which the segment starts; 0 is before training.
            length: epochs from start to target, at least 1.

        Returns:
            Parameters at epoch `start` and at epoch `start + length`, both
            float32 `[parameters]`.

        Raises:
            IndexError: there is no such trajectory.
            ValueError: the segment leaves the trajectory.
        """
        if start < 0 or length < 1 or start + length > self.epochs:
            raise ValueError(
                "`start` must be at least 0, `length` at least 1, and their "
                f"sum at most the {self.epochs} epochs of {self.path}. "
                f"Received: start {start}, length {length}. Choose a shorter "
                "segment or train experts for more epochs."
            )
        trajectory = self.trajectory(i)
        return np.array(trajectory[start]), np.array(trajectory[start + length])

    def _entry(self, i: int) -> dict[str, Any]:
        if not 0 <= i < len(self):
            raise IndexError(
                f"`i` must be in [0, {len(self)}), the trajectories in "
                f"{self.path}. Received: {i}."
            )
        return self._entries[i]

    def _refuse_other(self, different: records.Differences) -> None:
        if different:
            raise ValueError(
                f"{self.path} holds experts that were trained otherwise:\n"
                f"{records.listing(different)}\n"
                "Choose another store, or make one with the settings asked "
                f"for with `{expert_manifest.PROGRAM}`."
            )

    def _load(self, i: int, entry: dict[str, Any]) -> np.memmap:
        path = self.path / entry["file"]
        way_out = expert_manifest.way_out(self.path)
        found = files.sha256(path)
        if found != entry["sha256"]:
            raise ValueError(
                f"Trajectory {i}, {path}, is damaged: its SHA-256 must be "
                f"{entry['sha256']}. Received: {found}. {way_out}"
            )
        # Unlike `np.load` this takes nothing but `.npy`; neither unpickles
        # and mapping allocates nothing, whatever shape the header claims.
        try:
            array = np.lib.format.open_memmap(path, mode="r")
        except ValueError as error:
            raise ValueError(
                f"Trajectory {i}, {path}, must be a `.npy` file of float32. "
                f"Received: {error} {way_out}"
            ) from error
        shape = (self.epochs + 1, self.parameters)
        if array.shape != shape or array.dtype != np.float32:
            raise ValueError(
                f"Trajectory {i}, {path}, must be float32 {shape}. Received: "
                f"{array.dtype} {array.shape}. {way_out}"
            )
        return array


def _file_name(number: int) -> str:
    return f"trajectory_{number:05d}.npy"


def _refuse_arrays(path: pathlib.Path) -> None:
    arrays = sorted(array.name for array in path.glob("*.npy"))
    if arrays:
        raise ValueError(
            f"An expert store must have a {expert_manifest.NAME}. Received: "
            f"{path} with {len(arrays)} arrays ({arrays[0]}, ...) but without "
            "it. Restore it from a copy or choose another folder."
        )
