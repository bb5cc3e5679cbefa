"""Symbols in the bytes that their probabilities leave, by asymmetric numerals.

The stream is that of `AnsCoder` of the package `constriction` (Bamler 2022,
arXiv 2201.01741), which writes and reads it here: a stack of 32-bit words,
little-endian, the one pushed last at the end, below a state of 64 bits. With f
the probability of a symbol in 2^-24 and c the sum of those before it, a state x
that gives the symbol becomes

    x' = f * floor(x / 2^24) + (x mod 2^24) - c

and takes a word from the stack where it has fallen below 2^32. After the last
symbol comes the rarer of two, of probability 2^-24; then the state is 0 and the
stack empty. A stream that was cut or is of others ends otherwise: from 0 on it
would give the first symbol of each table for ever. `examples/decode_coded.py`
does the same in a page of Python, and tests compare both.
"""

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np

from fred_tf.coding.entropy_model import PRECISION

PACKAGE = "constriction"

_END = np.array([(1 << PRECISION) - 1, 1])


def is_available() -> bool:
    """Says whether the package that codes is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def encode(
    symbols: Sequence[np.ndarray], tables: Sequence[np.ndarray]
) -> bytes:
    """Returns runs of symbols as a stream.

    Args:
        symbols: runs of indices into the table of the run.
        tables: see `probabilities`.

    Raises:
        ImportError: the package is not installed.
    """
    stream = package()
    coder = stream.stack.AnsCoder()
    runs = [*zip(symbols, tables), (np.ones(1), _END)]
    for run, table in reversed(runs):  # What is pushed last is read first.
        coder.encode_reverse(run.astype(np.int32), model(stream, table))
    return coder.get_compressed().astype("<u4").tobytes()


def decode(
    data: bytes, counts: Sequence[int], tables: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Returns what `encode` was given.

    Args:
        data: the stream.
        counts: symbols of each run; believed, so bound them first.
        tables: of each run.

    Raises:
        ValueError: it is no stream of so many symbols.
        ImportError: the package is not installed.
    """
    stream = package()
    if len(data) % 4:
        raise ValueError(
            f"A stream must consist of words of 4 bytes. Received: {len(data)} "
            "bytes."
        )
    coder = stream.stack.AnsCoder(np.frombuffer(data, "<u4").astype(np.uint32))
    runs = [
        coder.decode(model(stream, table), count)
        for count, table in zip(counts, tables)
    ]
    (end,) = coder.decode(model(stream, _END), 1)
    if not end or not coder.is_empty():
        raise ValueError(
            f"A stream must end with the last of {sum(counts)} symbols. "
            "Received: one that goes on, or holds others."
        )
    return runs


def model(stream: Any, table: np.ndarray) -> Any:
    """Returns the package's model of exactly these probabilities.

    It gives each of n symbols 1 and shares 2^24 - n out in proportion to
    floats, rounding their sums down. Table - 1 sums to just that: the factor
    is 1, all sums are whole, and no machine rounds them otherwise.
    """
    shares = (table - 1).astype(np.float64)
    assert shares.sum() == (1 << PRECISION) - len(table)
    return stream.model.Categorical(shares, perfect=False)


def package() -> Any:
    """Returns the part of the package that codes.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import constriction  # Rust, without wheels for some platforms.
    except ImportError as error:
        raise ImportError(
            "Entropy-coded exports need the package `constriction`. Received: "
            f"{error}. Install it with `pip install constriction`, or export "
            "`coefficients_int6`."
        ) from error
    return constriction.stream
