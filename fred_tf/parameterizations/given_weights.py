"""Memories that are made for weights of a file, and for no others."""

import contextlib
import contextvars
from collections.abc import Iterator, Sequence

import numpy as np

# While a memory is made: the shapes of weights still to be made.
_TO_COME: contextvars.ContextVar[list[tuple[int, ...]] | None] = (
    contextvars.ContextVar("shapes of weights to come", default=None)
)


@contextlib.contextmanager
def expected(weights: Sequence[np.ndarray], owner: str) -> Iterator[None]:
    """Lets what is made in the `with` block have weights of these shapes only.

    Args:
        weights: all of them.
        owner: the name of the class.

    Raises:
        ValueError: it made fewer.
    """
    shapes = [tuple(array.shape) for array in weights]
    token = _TO_COME.set(shapes)
    try:
        yield
    finally:
        _TO_COME.reset(token)
    if shapes:
        raise ValueError(
            f"{owner} has no weights of these shapes. Received: {shapes}."
        )


def take(shape: tuple[int, ...], owner: str) -> None:
    """Counts a weight that is to be made among those that are expected.

    Raises:
        ValueError: it is none of them.
    """
    if (to_come := _TO_COME.get()) is None:
        return
    if shape not in to_come:
        raise ValueError(
            f"{owner} needs a weight of shape {list(shape)}. Received: "
            f"{list(map(list, to_come))}."
        )
    to_come.remove(shape)
