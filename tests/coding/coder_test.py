"""The stream, written by the package and read in plain integers."""

import builtins

import numpy as np
import pytest

from fred_tf.coding import coder
from fred_tf.coding.entropy_model import probabilities


def read_by_hand(stream: bytes, runs) -> list[list[int]]:
    """The docstring of the coder, symbol by symbol."""
    words = [
        int.from_bytes(stream[place : place + 4], "little")
        for place in range(0, len(stream), 4)
    ]
    state, found = 0, []
    for count, table in [*runs, (1, [2**24 - 1, 1])]:
        found.append([])
        for _ in range(count):
            while state < 2**32 and words:
                state = (state << 32) + words.pop()
            symbol, before = 0, 0
            while before + table[symbol] <= state % 2**24:
                before += table[symbol]
                symbol += 1
            state = table[symbol] * (state >> 24) + state % 2**24 - before
            found[-1].append(symbol)
    assert (state, words) == (0, [])
    assert found.pop() == [1]
    return found


@pytest.fixture
def runs(generator):
    """Levels of several spreads, likely and unlikely ones."""
    tables = [probabilities(index, 20) for index in (3, 9, 17, 30, 63)]
    symbols = [
        generator.choice(41, 200, p=table / table.sum()) for table in tables
    ]
    symbols[0][::50] = 0
    symbols[1][7] = 40
    return symbols, tables


def test_the_stream_is_read_in_plain_integers(runs):
    symbols, tables = runs
    stream = coder.encode(symbols, tables)
    counts = [len(run) for run in symbols]
    found = read_by_hand(
        stream, zip(counts, [table.tolist() for table in tables])
    )
    assert found == [run.tolist() for run in symbols]
    for one, other in zip(coder.decode(stream, counts, tables), symbols):
        np.testing.assert_array_equal(one, other)


def test_it_takes_the_bits_that_probabilities_leave(runs):
    symbols, tables = runs
    least = sum(
        -np.log2(table[run] / 2**24).sum()
        for run, table in zip(symbols, tables)
    )
    size = len(coder.encode(symbols, tables))
    assert least / 8 + 3 <= size <= least / 8 + 3 + 8


def test_streams_of_nothing():
    table = probabilities(0, 1)
    stream = coder.encode([np.ones(5, int)], [table])
    (read,) = coder.decode(stream, [5], [table])
    assert read.tolist() == [1] * 5
    assert coder.decode(coder.encode([], []), [], []) == []
    with pytest.raises(ValueError, match="end with the last of 0 symbols"):
        coder.decode(b"", [], [])


def test_what_is_no_such_stream_is_refused(runs):
    symbols, tables = runs
    stream = coder.encode(symbols, tables)
    counts = [len(run) for run in symbols]
    refused = "A stream must|nvalid"
    for length in range(len(stream)):
        for other in (stream[:length], stream[-length:] if length else b""):
            with pytest.raises(ValueError, match=refused):
                coder.decode(other, counts, tables)
    for other in (stream + b"\1\0\0\0", stream + bytes(4), bytes(40)):
        with pytest.raises(ValueError, match=refused):
            coder.decode(other, counts, tables)
    counts[-1] -= 1
    with pytest.raises(ValueError, match="end with the last of 999 symbols"):
        coder.decode(stream, counts, tables)


def test_without_the_package_it_says_what_to_install(runs, monkeypatch):
    whole = builtins.__import__

    def without(name, *arguments, **others):
        if name == coder.PACKAGE:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return whole(name, *arguments, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install constriction"):
        coder.encode(*runs)
