"""Expert trajectories on disk: written once, checked, sampled in segments.

A store is a folder with a manifest and one array per trajectory:

```
manifest.json          a record: description, data, trajectories
trajectory_00000.npy   [epochs + 1, parameters]: float32, float16, or the bits
                       of bfloat16 as uint16
.workers/              locks, see `ExpertStore.lock`
```

Row 0 of a trajectory holds the parameters of an expert before training, row e
those after epoch e (Cazenavette et al., 2022, section 3.1, arXiv 2203.11932).
NumPy does not notice flipped bits in `.npy` files, so the manifest holds the
SHA-256 of each.
"""

import contextlib
import copy
import pathlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from fred_tf.disk import files, folder_lock, records
from fred_tf.experts import manifest, trajectory_array, worker_locks

# How long to wait for another process' write before giving up, in seconds.
_PATIENCE = 600.0

WAY_OUT = (
    "Choose another store, or make one with the settings asked for with "
    f"`{manifest.PROGRAM}`."
)


class ExpertStore:
    """Trajectories of experts that were trained alike.

    Made by `create_or_open` for the program that trains experts, and by `open`
    for those that use them.

    ```python
    store = ExpertStore.open(path, {"data": {"name": "mnist"}})
    start, target = store.segment(0, start=5, length=2)  # epochs 5 and 7
    ```

    Attributes:
        path: the folder.
        description: how the experts were trained, fit for JSON; holds at least
            the integers `epochs`, how many are stored, and `parameters`, and
            the `dtype`, one of `trajectory_array.DTYPES`.
        data: facts of the images that they were trained on, see `DataFacts`;
            None where there are none.
    """

    def __init__(self, path: files.Path):
        """Reads the manifest of the store at `path`.

        `open` and `create_or_open` also look at the files that it names.

        Raises:
            FileNotFoundError: there is no store at `path`.
            ValueError: the manifest is damaged or of another format.
        """
        self.path = pathlib.Path(path)
        self.description, self.data, self._entries = manifest.read(self.path)
        self._arrays: dict[str, np.ndarray] = {}
        self._loading = threading.Lock()

    @classmethod
    def create_or_open(
        cls,
        path: files.Path,
        description: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
    ) -> "ExpertStore":
        """Makes a store without trajectories, or opens it to append to it.

        Trajectories whose files were deleted are forgotten, with a warning, so
        that they can be trained again.

        Args:
            path: the folder.
            description: see `ExpertStore.description`. A store that has
                trajectories must have this very description.
            data: see `ExpertStore.data`; the test split may be another.

        Raises:
            ValueError: the description is incomplete, the folder holds a
                store of another description or one without a manifest, or
                the store is unsafe or cut short.
            RuntimeError: another process does not stop writing to the store.
            OSError: the folder cannot be made or written to.
        """
        path = pathlib.Path(path)
        asked = manifest.checked(records.plain(description), "the call")
        stated = records.plain(data)
        files.make_folder(path)
        with folder_lock.exclusive(path, _PATIENCE):
            files.remove_leftovers(path)
            if not (path / manifest.NAME).exists():
                manifest.refuse_arrays(path)
                manifest.write(path, asked, stated, [])
            store = cls(path)
            different = store._differences({**asked, "data": stated})
            for name in records.OF_TEST:
                different.pop(name, None)
            if different and not (len(store) or worker_locks.any_held(path)):
                manifest.write(path, asked, stated, [])  # A failed start.
                store, different = cls(path), {}
            records.refuse(path, different, WAY_OUT)
            store._forget_missing()
        manifest.check_files(store.path, store._entries, store.description)
        return store

    @classmethod
    def open(
        cls, path: files.Path, expected: Mapping[str, Any] | None = None
    ) -> "ExpertStore":
        """Opens a store to read from it.

        Args:
            path: the folder.
            expected: the part of the description that must agree, nested like
                it, and of the data as `data`; by default nothing.

        Raises:
            FileNotFoundError: there is no store at `path`, or one of its files
                is missing.
            ValueError: the store is not the `expected` one (the first
                difference is named), has no trajectories, or is damaged or
                unsafe.
        """
        store = cls(path)
        different = store._differences(expected or {}, subset=True)
        records.refuse(store.path, different, WAY_OUT)
        if not len(store):
            raise ValueError(
                "An expert store must hold at least one trajectory. Received: "
                f"none in {path}. Train some with `{manifest.PROGRAM}`."
            )
        manifest.check_files(store.path, store._entries, store.description)
        return store

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def digests(self) -> list[str]:
        """The SHA-256 of each trajectory's file."""
        return [entry["sha256"] for entry in self._entries]

    def only(self, digests: Sequence[str]) -> "ExpertStore":
        """Returns a reader of some of these trajectories, in that order."""
        reader, by = copy.copy(self), dict(zip(self.digests, self._entries))
        reader._entries = [by[digest] for digest in digests]
        return reader

    @property
    def epochs(self) -> int:
        """Epochs stored per trajectory."""
        return self.description["epochs"]

    @property
    def parameters(self) -> int:
        """Parameters per expert."""
        return self.description["parameters"]

    @property
    def dtype(self) -> str:
        """Name of the type in which parameters are stored."""
        return self.description["dtype"]

    @property
    def next_number(self) -> int:
        """The smallest number without a trajectory, counted from 0."""
        return self.missing(range(len(self) + 1))[0]

    def missing(self, numbers: Iterable[int]) -> list[int]:
        """Returns those of some experts' numbers that have no trajectory.

        A number seeds an expert. Trajectories are in the order of numbers:
        trajectory i is that of number i once no smaller one is missing.
        """
        taken = {entry["file"] for entry in self._entries}
        return [n for n in numbers if manifest.file_name(n) not in taken]

    def lock(self, worker: int = 0) -> contextlib.AbstractContextManager[None]:
        """Returns a `with` block that keeps others from being `worker`.

        Of processes that train for one store, each is another worker; who
        trains alone is worker 0. Writing needs no such lock.

        Raises:
            RuntimeError: on entry, when another process is that worker.
        """
        return worker_locks.exclusive(self.path, worker)

    def reload(self) -> None:
        """Takes up what other processes have appended.

        Raises:
            FileNotFoundError, ValueError: it is gone, damaged or another.
        """
        description, data, entries = manifest.read(self.path)
        now = {**description, "data": data}
        records.refuse(self.path, self._differences(now), WAY_OUT)
        self._entries = entries

    def append(
        self,
        trajectory: np.ndarray,
        facts: Mapping[str, Any] | None = None,
        number: int | None = None,
    ) -> None:
        """Adds a trajectory; one that was cut short by a kill leaves no trace.

        Several processes may append at a time: each waits for the others'
        writes and keeps what they wrote.

        Args:
            trajectory: `[epochs + 1, parameters]`; copied and rounded to the
                store's `dtype`, to the nearest and half to even.
            facts: what to remember of it, fit for JSON, e.g. accuracies.
            number: of the expert; by default `next_number`. Where the store
                has that number by now, it stays as it is.

        Raises:
            ValueError: the shape is another, a value or fact is not finite or
                no accuracy, or a value is too large for the store's `dtype`.
            RuntimeError: another process does not stop writing to the store.
            OSError: writing failed; the store is as it was.
        """
        shape = self.epochs + 1, self.parameters
        array = trajectory_array.rounded(trajectory, shape, self.dtype)
        facts = records.plain(facts or {})
        manifest.check_facts(facts)
        with folder_lock.exclusive(self.path, _PATIENCE):
            self.reload()
            number = self.next_number if number is None else number
            if not self.missing([number]):
                return
            path = self.path / manifest.file_name(number)
            with files.replacing_file(path) as temporary:
                with open(temporary, "wb") as file:
                    np.save(file, array, allow_pickle=False)
                digest = files.sha256(temporary)
            entry = {"file": path.name, "sha256": digest, "facts": facts}
            self._rewrite(manifest.ordered([*self._entries, entry]))

    def file(self, i: int) -> pathlib.Path:
        """Returns the path of trajectory `i`, whether it is there or not."""
        return self.path / self._entry(i)["file"]

    def facts(self, i: int) -> dict[str, Any]:
        """Returns what `append` was told of trajectory `i`."""
        return records.plain(self._entry(i)["facts"])

    def trajectory(self, i: int) -> np.ndarray:
        """Returns trajectory `i`, read-only and memory-mapped.

        Its checksum is verified on first use.

        Returns:
            `[epochs + 1, parameters]` of the store's `dtype`.

        Raises:
            IndexError: there is no such trajectory.
            FileNotFoundError: its file is missing.
            ValueError: its file is damaged.
        """
        # Not by `i`, which moves when a smaller number is appended.
        digest = self._entry(i)["sha256"]
        # Segments are read by several threads; each file is verified once.
        with self._loading:
            if digest not in self._arrays:
                self._arrays[digest] = self.load(i)
            return self._arrays[digest]

    def load(self, i: int, verify: bool = True) -> np.ndarray:
        """Returns trajectory `i` from its file; `trajectory` asks once.

        Args:
            i: trajectory.
            verify: whether its checksum is compared; other checks are cheap.

        Raises:
            IndexError, FileNotFoundError, ValueError: see `trajectory`.
        """
        entry = self._entry(i)
        return manifest.load(self.path, i, entry, self.description, verify)

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
            FileNotFoundError: its file is missing.
            ValueError: the segment leaves the trajectory, or its file is
                damaged.
        """
        if start < 0 or length < 1 or start + length > self.epochs:
            raise ValueError(
                "`start` must be at least 0, `length` at least 1, and their "
                f"sum at most the {self.epochs} epochs of {self.path}. "
                f"Received: start {start}, length {length}. Choose a shorter "
                "segment or train experts that store more epochs."
            )
        trajectory = self.trajectory(i)
        return (
            np.array(trajectory[start], np.float32),
            np.array(trajectory[start + length], np.float32),
        )

    def _entry(self, i: int) -> dict[str, Any]:
        if not 0 <= i < len(self):
            raise IndexError(
                f"`i` must be in [0, {len(self)}), the trajectories in "
                f"{self.path}. Received: {i}."
            )
        return self._entries[i]

    def _differences(
        self, asked: Mapping[str, Any], subset: bool = False
    ) -> records.Differences:
        there = {**self.description, "data": self.data}
        return records.differences(there, asked, subset)

    def _rewrite(self, entries: list[dict[str, Any]]) -> None:
        manifest.write(self.path, self.description, self.data, entries)
        self._entries = entries

    def _forget_missing(self) -> None:
        left = manifest.left(self.path, self._entries)
        if left != self._entries:
            self._rewrite(left)
