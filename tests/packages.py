"""Packages that some forms take and that may be missing: tests say which."""

import importlib.util
from collections.abc import Iterable

import pytest

# By the name of the form.
NEEDED = {"images_array_record": "array_record", "images_parquet": "pyarrow"}


def skip_without(name: str) -> None:
    """Skips a test of a form whose package is missing."""
    if needed := NEEDED.get(name):
        pytest.importorskip(needed, reason=f"needs `pip install {needed}`")


def writable(names: Iterable[str]) -> list[str]:
    """Returns the forms whose packages are there."""
    return [
        name
        for name in names
        if name not in NEEDED or importlib.util.find_spec(NEEDED[name])
    ]
