"""The flags that programs which write packs share."""

from export import flags
from trainers import run_flags

PACK = flags.DEFINE(
    run_flags.FOLDER,
    "pack",
    None,
    "Folder to write a pack to, or the packs of several rows.",
)
OVERWRITE = flags.DEFINE_bool(
    "overwrite",
    False,
    "Replaces a pack that is there, with all that was made of it.",
)
flags.only_with(PACK, OVERWRITE)
