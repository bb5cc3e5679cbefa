"""Folders and files that others made, to do harm or by mistake."""

from tests.faults.strangers import exports, foreign, pictures, runs, stores

# Of what `folders.others` makes, in a moment.
OTHERS = [*foreign.FOREIGN, *pictures.PICTURES]
OTHERS_UNCHANGED = [*foreign.UNCHANGED, *pictures.UNCHANGED]
# Of what programs made, which takes them a while.
OURS = [
    *exports.EXPORTS,
    *stores.STORES,
    *stores.PACKS,
    *runs.RUNS,
    *runs.PHOTOS,
]
# Reads each folder as the rows do, but unchanged: all of it is accepted.
OURS_UNCHANGED = [*exports.UNCHANGED, *stores.UNCHANGED, *runs.UNCHANGED]

STRANGERS = [*OURS, *OTHERS]
UNCHANGED = [*OURS_UNCHANGED, *OTHERS_UNCHANGED]
