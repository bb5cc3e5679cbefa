"""The flag that programs which write packs share."""

from absl import flags

PACK = flags.DEFINE_string(
    "pack", None, "Folder to write a pack to, or the packs of several rows."
)
