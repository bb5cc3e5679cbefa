"""What the forms share that hold what a set is decoded from."""

import abc
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fred_tf.disk import files
from fred_tf.forms import facts
from fred_tf.forms.form import SetForm
from fred_tf.parameterizations import Parameterization


class Held(NamedTuple):
    """What a form holds.

    Attributes:
        memory: what the set is decoded from.
        said: what is said of the set, see `facts.of`.
        soft_labels: `[n, classes]`, if there are any.
    """

    memory: Parameterization
    said: Mapping[str, Any]
    soft_labels: np.ndarray | None


class MemoryForm(SetForm):
    """A memory with what is said of its set, which is decoded when it is read.

    What a class keeps of its spectrum is therefore known of each of these
    forms, and of no other.
    """

    @abc.abstractmethod
    def held(self, path: pathlib.Path) -> Held:
        """Reads what `write` wrote, after checking every byte of it.

        Raises:
            FileNotFoundError, ValueError: see `read`.
        """

    def read(self, path):
        path = pathlib.Path(path)
        memory, said, soft_labels = self.held(path)
        with facts.believed(path):
            return facts.restored(
                said, memory.decode().numpy(), memory.labels, soft_labels, path
            )

    def read_memory(self, path: files.Path) -> Parameterization:
        """Reads what the set is decoded from.

        Raises:
            FileNotFoundError, ValueError: see `read`.
        """
        return self.held(pathlib.Path(path)).memory
