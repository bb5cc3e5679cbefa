"""Which processes train experts for a store at this moment."""

import contextlib
import pathlib
from collections.abc import Iterator

from fred_tf.disk import folder_lock

_FOLDER = ".workers"


@contextlib.contextmanager
def exclusive(store: pathlib.Path, worker: int) -> Iterator[None]:
    """Keeps other processes from being a worker inside a `with` block.

    Raises:
        RuntimeError: on entry, when another process is that worker.
    """
    folder = store / _FOLDER / str(worker)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(folder_lock.exclusive(folder))
        except RuntimeError as error:
            raise RuntimeError(
                f"{error} Several processes may train experts for one "
                "folder if each has a `task.index` of its own in TF_CONFIG."
            ) from None
        yield


def any_held(store: pathlib.Path) -> bool:
    """Returns whether somebody trains experts for a store.

    A worker that starts while its lock is looked at is refused: do so only
    where the answer matters.
    """
    locks = (store / _FOLDER).glob(f"*/{folder_lock.LOCK}")
    return any(folder_lock.is_held(lock.parent) for lock in locks)
