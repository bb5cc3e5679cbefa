"""Folders that others made, to do harm or by mistake."""

from tests.faults.strangers import exports, runs, stores

STRANGERS = [
    *exports.EXPORTS,
    *stores.STORES,
    *stores.PACKS,
    *runs.RUNS,
    *runs.PHOTOS,
]
# Reads each folder as the rows do, but unchanged: all of it is accepted.
UNCHANGED = [*exports.UNCHANGED, *stores.UNCHANGED, *runs.UNCHANGED]
