"""Checkpoints of a run: the newest complete one is found, damage is survived.

TensorFlow writes the data of a checkpoint under a temporary name and renames
them, then the index in place: of a new one, a kill leaves what cannot be read
at the worst. What it has written is flushed before an older one goes. Its
`CheckpointManager` trusts a text file named `checkpoint` to know which is
newest, though, and time stamps to know which to delete; here both follow from
the outer step in the file names. The text file is written for TensorFlow's own
tools.
"""

import contextlib
import pathlib
import shutil
from collections.abc import Iterator

import tensorflow as tf
from absl import logging

from fred_tf.disk import checkpoint_files, files

# Fewer than `paths` refuses, which also looks at what other readers expand: a
# run that was moved to a folder with braces goes on.
_WILDCARDS = "*?[\\"

# Raised on purpose for damage. TensorFlow's checkpoint reader also raises the
# bare `OpError`, but other subclasses of it (out of memory, no permission) do
# not mean damage.
_DAMAGE = (
    tf.errors.DataLossError,
    tf.errors.NotFoundError,
    tf.errors.OutOfRangeError,
    IndexError,
)


class Checkpoints:
    """Saves and restores the state of a run, numbered by outer step.

    Restoring changes nothing on disk, so any program may do it. `finish`, or
    else the first `save`, clears away what a killed process left behind.

    ```python
    checkpoints = Checkpoints(folder, tf.train.Checkpoint(memory=memory))
    start = checkpoints.restore_latest() or 0
    for step in range(start, outer_steps):
        ...
    checkpoints.save(outer_steps)
    ```

    Args:
        folder: where the checkpoints are; made by the first `save`.
        checkpoint: the objects to save. Their variables must exist before
            `restore_latest`, those of optimizers included.
        max_to_keep: how many checkpoints to keep, the newest ones; see `save`
            for another.

    Raises:
        ValueError: `max_to_keep` is below 1, or TensorFlow would take the path
            of the folder for a pattern.
    """

    def __init__(
        self,
        folder: files.Path,
        checkpoint: tf.train.Checkpoint,
        max_to_keep: int = 3,
    ):
        if max_to_keep < 1:
            raise ValueError(
                "`max_to_keep` must be at least 1; 2 or more survive a "
                f"damaged checkpoint. Received: {max_to_keep}."
            )
        self.folder = pathlib.Path(folder)
        # TensorFlow takes the path for a pattern: it would not find its own
        # files in `run[1]`, and in `run*` delete those of other runs.
        if set(_WILDCARDS) & set(str(folder)):
            raise ValueError(
                "The path of a checkpoint folder must not contain any of "
                f"{_WILDCARDS}. Received: {folder}. Rename the folder."
            )
        self._checkpoint = checkpoint
        self._max_to_keep = max_to_keep
        self._prepared = False
        self._cut_short: list[int] = []
        self._step: int | None = None

    def steps(self) -> list[int]:
        """Returns the steps of the checkpoints in the folder, ascending."""
        return checkpoint_files.steps(self.folder)

    def restore_latest(self) -> int | None:
        """Restores the newest checkpoint that is not damaged.

        Each damaged one that is passed over is logged as a warning.

        Returns:
            The step that was restored, or None if no checkpoint was ever
            completed in the folder, be it that the first save was cut short.

        Raises:
            ValueError: all checkpoints are damaged or missing, or the newest
                one is a link or does not fit the variables; the message names
                the file.
        """
        steps = self.steps()
        for path in checkpoint_files.data_without_index(self.folder):
            logging.warning(
                "%s has no index: its save was interrupted or the index is "
                "lost. It is passed over.",
                path,
            )
        for step in reversed(steps):
            checkpoint_files.check(self.folder, step)
            try:
                self._restore(step)
            except (tf.errors.OpError, IndexError) as error:
                if not _is_damage(error):
                    raise
                logging.warning(
                    "DAMAGED CHECKPOINT %s: %s. Falling back to the one "
                    "before it.",
                    self._prefix(step),
                    error,
                )
                continue
            if step != steps[-1]:
                logging.warning(
                    "Restored step %d of %s because the checkpoints of steps "
                    "%s are damaged.",
                    step,
                    self.folder,
                    [later for later in steps if later > step],
                )
            self._step = step
            self._prepared = False
            return step
        # This file is written after the first complete checkpoint.
        if len(steps) > 1 or (self.folder / checkpoint_files.STATE).exists():
            raise ValueError(
                f"{self.folder} must hold a checkpoint that can be read, for "
                "a run was saved there. Received: "
                + (f"damaged ones of steps {steps}" if steps else "none")
                + ". Restore the folder from a copy, or begin anew in another "
                "folder."
            )
        self._cut_short = steps
        return None

    def save(self, step: int, good: int | None = None) -> None:
        """Saves the state after `step` outer steps.

        Saving a step again right after it was saved or restored does nothing:
        the step number identifies the state.

        Args:
            step: outer steps made.
            good: the newest checkpoint of a step up to this one is kept, too,
                to go back to.

        Raises:
            ValueError: `step` lies before the last step saved or restored, or
                the folder holds checkpoints that were not restored.
            OSError: writing failed, e.g. the disk is full; the checkpoints
                before it are as they were.
        """
        if step == self._step:
            return
        if step < (0 if self._step is None else self._step):
            raise ValueError(
                f"`step` must not go back. Received: {step} after "
                f"{self._step} in {self.folder}. Use another folder."
            )
        with self._explained(step):
            if not self._prepared:
                self._prepare()
            self._write(step)
            self._settle(step, good)
        self._step = step

    def finish(self, good: int | None = None) -> None:
        """Does what the save of the restored step was kept from by a kill.

        Only who holds the folder may call it. A run that is complete saves
        nothing any more, so that no later save would do it.

        Args:
            good: as for `save`.

        Raises:
            OSError: writing failed, e.g. the disk is full.
        """
        if self._step is not None and self._step == self.steps()[-1]:
            with self._explained(self._step):
                self._prepare()
                self._settle(self._step, good)

    def _settle(self, step: int, good: int | None) -> None:
        """Deletes what a checkpoint that is on the disk is in the place of."""
        self._keep(self._worth_keeping(good))
        checkpoint_files.delete_damaged(self.folder, step)

    @contextlib.contextmanager
    def _explained(self, step: int) -> Iterator[None]:
        """Adds to errors of writing what is lost, which is nothing."""
        try:
            yield
        except (tf.errors.OpError, OSError) as error:
            checkpoint_files.remove_leftovers(self.folder)
            paths = (self.folder, *self.folder.parents)
            disk = next(path for path in paths if path.exists())
            free = shutil.disk_usage(disk).free
            raise OSError(
                f"The checkpoint {self._prefix(step)} cannot be written: "
                f"{error}. {free} bytes are free there. Make room and run the "
                "same command again; earlier checkpoints are intact."
            ) from error

    def _write(self, step: int) -> None:
        """Writes a checkpoint that is on the disk, or none."""
        try:
            self._checkpoint.write(self._prefix(step))
            checkpoint_files.sync(self.folder, step)
        except (tf.errors.OpError, OSError):
            checkpoint_files.delete(self.folder, step)
            raise

    def go_back(self, step: int) -> int:
        """Deletes what was saved after `step`, the newest first.

        Args:
            step: outer steps made.

        Returns:
            The step of the newest checkpoint that is left.

        Raises:
            ValueError: none is.
        """
        earlier = [s for s in self.steps() if s <= step]
        if not earlier:
            raise ValueError(
                f"There must be a checkpoint in {self.folder} of step {step} "
                f"or before, to go back to. Received: those of steps "
                f"{self.steps()}. Begin anew in another folder."
            )
        self._keep(earlier)
        files.sync(self.folder)
        self._step, self._prepared = None, False
        return earlier[-1]

    def _worth_keeping(self, good: int | None) -> list[int]:
        steps = self.steps()
        keep = steps[-self._max_to_keep :]
        if good is not None:
            keep = [s for s in steps if s <= good][-1:] + keep
        return sorted(set(keep))

    def _keep(self, keep: list[int]) -> None:
        """Deletes all checkpoints but those of some steps."""
        checkpoint_files.write_state(self.folder, keep)
        for step in reversed(self.steps()):
            if step not in keep:
                checkpoint_files.delete(self.folder, step)

    def _prefix(self, step: int) -> str:
        return str(self.folder / f"ckpt-{step}")

    def _restore(self, step: int) -> None:
        try:
            status = self._checkpoint.read(self._prefix(step))
            status.assert_existing_objects_matched().expect_partial()
        except (
            AssertionError,
            ValueError,
            tf.errors.InvalidArgumentError,
        ) as error:
            raise ValueError(
                f"The checkpoint {self._prefix(step)} must fit the variables "
                f"to restore. Received: {error} Use the settings and the "
                "version of fred_tf that it was saved with."
            ) from error

    def _prepare(self) -> None:
        """Clears the folder of what a killed process left in it."""
        steps, restored = self.steps(), self._step
        if restored is None and not set(steps) <= set(self._cut_short):
            raise ValueError(
                f"Checkpoints in {self.folder} must be restored before others "
                f"are saved there. Received: checkpoints of steps {steps}. "
                "Call `restore_latest` or use another folder."
            )
        files.make_folder(self.folder)
        checkpoint_files.remove_leftovers(self.folder)
        for path in checkpoint_files.data_without_index(self.folder):
            path.unlink()
        good = [s for s in steps if restored is not None and s <= restored]
        for step in steps[len(good) :]:
            if restored is None:
                checkpoint_files.delete(self.folder, step)
            else:
                checkpoint_files.move_aside(self.folder, step)
        checkpoint_files.write_state(self.folder, good)
        self._prepared, self._cut_short = True, []


def _is_damage(error: Exception) -> bool:
    return isinstance(error, _DAMAGE) or type(error) is tf.errors.OpError
