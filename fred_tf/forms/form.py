"""The contract of a form: how a distilled set lies on disk for others."""

import abc
import pathlib
from collections.abc import Mapping
from typing import Any

from fred_tf.disk import files
from fred_tf.forms import manifest, staging
from fred_tf.parameterizations import Parameterization
from fred_tf.settings import argument
from fred_tf.synthetic_set import SyntheticSet

# Options of several forms, and their types.
_KINDS = {"shards": int, "step": float, "budget_bytes": int}


class OverBudgetError(ValueError):
    """A set does not fit a number of bytes.

    Attributes:
        least: bytes that it can be made to fit.
    """

    def __init__(self, message: str, least: int):
        super().__init__(message)
        self.least = least


class Form(abc.ABC):
    """One way to write a distilled set.

    A member is one file and one line: the class, which alone knows what the
    files look like, and an instance of it in `FORMS`. Where they hold the set
    itself, and not only a picture of it, it is a `SetForm`.

    Attributes:
        name: its key in `FORMS`, and what `python -m export --forms` takes.
        path: where it lies, below the folder of an export.
        loading: Python that reads it, for people to copy, with PATH for the
            path in quotes; empty for what is only looked at. All of it runs as
            it stands for every set, see `code` for what some sets lack.
        options: what `write` takes more, by name: `shards`, a number of files;
            `budget_bytes`, bytes of all of them, at most; `step`, of levels.
        soft_labels: whether sets with soft labels can be written so.
        by_default: whether it is written where no form is named.
    """

    name: str
    path: str
    loading: str = ""
    options: tuple[str, ...] = ()
    soft_labels: bool = True
    by_default: bool = True

    def fits(
        self, decoded: SyntheticSet, memory: Parameterization | None
    ) -> bool:
        """Says whether a set can be written so; see `write`."""
        return True

    def code(self, decoded: SyntheticSet, place: str) -> str:
        """Returns `loading` for a set that lies at `place`."""
        return self.loading.replace("PATH", repr(place))

    def taken(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Returns those of some options that this form takes.

        Args:
            options: values by name; None stands for the default.

        Raises:
            TypeError: one is of another type.
        """
        given = {name: options.get(name) for name in self.options}
        return {
            name: argument(name, value, _KINDS[name])
            if name in _KINDS
            else value
            for name, value in given.items()
            if value is not None
        }

    def is_bounded(
        self, memory: Parameterization | None, options: Mapping[str, Any]
    ) -> bool:
        """Says whether more facts would leave fewer bytes for the set.

        Args:
            memory, options: as `write` takes them.
        """
        return False

    def own_files(self, path: pathlib.Path) -> list[pathlib.Path]:
        """Returns the files that it consists of, which its bytes are of.

        Args:
            path: where it was written.
        """
        return files.inside(path)

    @abc.abstractmethod
    def check_replaceable(self, path: pathlib.Path) -> None:
        """Refuses to write where something else lies than an earlier export.

        Raises:
            ValueError: what is written there has another suffix.
            FileExistsError: something else does.
        """

    @abc.abstractmethod
    def write(
        self,
        decoded: SyntheticSet,
        memory: Parameterization | None,
        path: files.Path,
    ) -> pathlib.Path:
        """Writes a set that fits; all of it appears at once, or nothing.

        Members may take more, with defaults: their `options`.

        Args:
            decoded: the set.
            memory: what it was decoded from; None for a set that was read or
                chosen from real images, and has no memory.
            path: replaced if it is an earlier export of this form.

        Returns:
            `path`.

        Raises:
            ValueError: the set or an option is not one for this form; or it is
                a `limits.TooLargeError`, of what no reader takes.
            FileExistsError: `path` exists and is no earlier export.
        """

    def move(self, staged: pathlib.Path, path: pathlib.Path) -> pathlib.Path:
        """Moves what `write` wrote to where it belongs, see `staging`.

        Args:
            staged: where it is, on the same disk.
            path: replaced if it is an earlier export of this form.

        Returns:
            `path`.
        """
        staging.move(staged, path)
        return path


class SetForm(Form):
    """A form that holds the set itself and gives it back.

    A manifest in its folder says of what `kind` it is and has the SHA-256 of
    its files. Everything but the images comes back as it was, soft labels
    included; of the images `lossy` says it, of the labels `rounds_labels`.

    Attributes:
        kind: what its manifest says that it is; forms that the same `read`
            understands share one.
        place: where in its folder the manifest lies.
        lossy: whether images come back changed, beyond the rounding of their
            decoding.
        rounds_labels: whether soft labels come back as 8 bits tell them.
        arrays: Python that makes NumPy arrays of PATH without this library, for
            people to copy: `images` as networks see them, or `pixels`, and
            `labels`; empty where only this library reads the form.
        soft_arrays: what makes `soft_labels` after that.
        gives_pixels: whether `arrays` gives pixels in [0, 1] units.
    """

    kind: str
    place: str = manifest.NAME
    lossy: bool = False
    rounds_labels: bool = False
    arrays: str = ""
    soft_arrays: str = ""
    gives_pixels: bool = False

    @abc.abstractmethod
    def read(self, path: files.Path) -> SyntheticSet:
        """Reads what `write` wrote, after checking every byte of it.

        Raises:
            FileNotFoundError: there is no export at `path`.
            ValueError: see `verify`; or what it holds is not as it is
                described.
        """

    def check_replaceable(self, path: pathlib.Path) -> None:
        manifest.check_replaceable(path, self.kind, self.place)

    def recognises(self, path: pathlib.Path) -> bool:
        """Says whether there is an export of this kind at `path`.

        Raises:
            ValueError: there is a manifest, but it is damaged.
        """
        return (path / self.place).is_file() and (
            manifest.read(path, self.place)["kind"] == self.kind
        )

    def verify(self, path: files.Path) -> None:
        """Compares every file of an export with its manifest.

        Raises:
            FileNotFoundError: there is no export at `path`.
            ValueError: see `manifest.verify`.
        """
        manifest.verify(path, self.kind, self.place)
