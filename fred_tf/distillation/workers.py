"""Several worker processes that distil one set together."""

import contextlib
import json
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf.disk import checkpoint_files, records
from fred_tf.disk.files import Path
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distillation import devices

# What a collective raises where a peer has died, ended or been replaced. Which
# one comes first is a race between heartbeats and connections.
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.UnavailableError,
)
# What one says where workers have different numbers of replicas.
_UNEQUAL = re.compile(
    r"joining a group with size ?(\d+), but that group has size ?(\d+)"
)
_TASK = re.compile(r"/job:(\w+)(?:/replica:\d+)?/task:(\d+)")


class WorkerLostError(RuntimeError):
    """Another worker is gone; this one cannot go on without it."""


class Workers:
    """The processes of a strategy: who writes, and what all agree on.

    Worker 0 is the chief, the only one that writes files. A process without
    others is its own chief and talks to nobody. Every method but `guard` is a
    meeting: all workers must call it, in the same order.

    TensorFlow's coordination service notices a dead process by its missing
    heartbeats, within about ten seconds, and then fails the collectives of the
    others, whichever worker it was. They get no time limit of their own:
    waiting for a worker that compiles or saves is no fault.

    All workers must have equally many devices; the first meeting raises a
    ValueError where they have not.

    Args:
        strategy: from `devices.strategy()`.

    Attributes:
        index: this process' place among the workers.
        count: how many there are.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self._strategy = strategy
        alone = not isinstance(
            strategy, tf.distribute.MultiWorkerMirroredStrategy
        )
        self.index, self.count = (0, 1) if alone else devices.worker()

    @property
    def chief(self) -> bool:
        """Whether this worker writes."""
        return self.index == 0

    def everyones(self, row: np.ndarray) -> np.ndarray:
        """Returns the rows of all workers, `[workers, *row.shape]`, int64."""
        table = np.zeros([self.count, *row.shape], np.int64)
        table[self.index] = row
        return table if self.count == 1 else self._sum(table)

    def _sum(self, table: np.ndarray) -> np.ndarray:
        replicas = self._strategy.num_replicas_in_sync // self.count

        def of_replica(context):
            first = context.replica_id_in_sync_group % replicas == 0
            return tf.constant(table if first else 0 * table)

        values = self._strategy.experimental_distribute_values_from_function(
            of_replica
        )
        try:
            return self._reduce(values).numpy()
        except tf.errors.InternalError as error:
            sizes = _UNEQUAL.search(str(error))
            if sizes is None:
                raise
            # TensorFlow takes each worker's own devices for everyone's.
            one, other = (int(size) // self.count for size in sizes.groups())
            raise ValueError(
                "All workers must have equally many devices. Received: "
                f"{one} on one, {other} on another. Hide the surplus, e.g. "
                "with the environment variable CUDA_VISIBLE_DEVICES."
            ) from error

    @tf.function(autograph=False)
    def _reduce(self, values):
        return self._strategy.reduce("SUM", values, axis=None)

    def meet(self) -> None:
        """Waits for all workers."""
        self.everyones(np.zeros([1]))

    def largest(self, number: int) -> int:
        """Returns the largest of the workers' numbers."""
        return int(self.everyones(np.array(number)).max())

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Checks that all workers say the same.

        Args:
            facts: nested JSON values.

        Raises:
            ValueError: they do not; the message names each fact, the workers
                and their values. It is raised on all of them.
        """
        if self.count == 1:
            return
        text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        row = np.zeros([self.largest(len(text))], np.int64)
        row[: len(text)] = text
        told = [
            json.loads(bytes(row[row > 0].astype(np.uint8)))
            for row in self.everyones(row)
        ]
        lines = [
            f"  `{name}`: {first!r} on worker 0, {value!r} on worker {worker}"
            for worker in range(1, self.count)
            for name, (first, value) in records.differences(
                told[0], told[worker]
            ).items()
        ]
        if lines:
            raise ValueError(
                "All workers must run the same command on the same data. "
                "Received:\n" + "\n".join(lines)
            )

    @contextlib.contextmanager
    def chief_first(self) -> Iterator[None]:
        """Lets the chief through the block before the others enter it."""
        if not self.chief:
            self.meet()
        yield
        if self.chief:
            self.meet()

    @contextlib.contextmanager
    def guard(
        self, run_dir: Path | None, where: Callable[[], str]
    ) -> Iterator[None]:
        """Says what to do when another worker dies inside the block.

        Args:
            run_dir: the run folder; None only where there are no others.
            where: returns what the run was at, e.g. `"in outer step 7"`.

        Raises:
            WorkerLostError: a collective failed for want of a worker.
        """
        try:
            yield
        except _LOST as error:
            if self.count == 1 or run_dir is None:
                raise
            raise WorkerLostError(
                f"{self._missing(str(error))} {where()}; its own output may "
                f"tell why. {_saved(run_dir)} Give the same command on all "
                "workers to continue from there."
            ) from error

    def _missing(self, text: str) -> str:
        """Returns who is gone, as far as TensorFlow's message tells."""
        resolver = self._strategy.cluster_resolver
        addresses = [
            (kind, str(index), address)
            for kind in ("chief", "worker")
            for index, address in enumerate(
                resolver.cluster_spec().as_dict().get(kind, [])
            )
        ]
        named = set(_TASK.findall(text))
        gone = [
            f"Worker {number} ({address})"
            for number, (kind, index, address) in enumerate(addresses)
            if (kind, index) in named and number != self.index
        ]
        if not gone:
            return "Another worker is gone"
        return f"{' and '.join(gone)} {'is' if len(gone) == 1 else 'are'} gone"


def _saved(run_dir: Path) -> str:
    folder = RunFolder(pathlib.Path(run_dir), {}, {}, {}).checkpoint_folder
    steps = checkpoint_files.steps(folder)
    if not steps:
        return f"{run_dir} holds no checkpoint yet."
    return f"The last checkpoint in {run_dir} is of step {steps[-1]}."
