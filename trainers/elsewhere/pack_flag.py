"""The flag that programs which write packs share."""

from absl import flags

from trainers import run_flags

PACK = flags.DEFINE(
    run_flags.PATH,
    "pack",
    None,
    "Folder to write a pack to, or the packs of several rows.",
)
