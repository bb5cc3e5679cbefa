"""In one picture of how many bytes chosen images are stored, and as what."""

from export import flags
from export.command_line import BUDGET_BYTES
from fred_tf.coresets import sheet
from fred_tf.coresets.sheet import SheetSettings
from trainers import row_flag

_BYTES = flags.DEFINE_integer(
    "stored_bytes",
    None,
    "As many images as one picture of so many bytes holds; default `ipc` of "
    "each class.",
    1,
)
_AS = flags.DEFINE_enum(
    "stored_as", "jpeg", sheet.ENCODINGS, "What that picture is."
)
_QUALITY = flags.DEFINE_integer("stored_quality", 75, "Of its JPEG.", 1, 100)
_SIZE = flags.DEFINE_integer(
    "stored_size",
    0,
    "Pixels of the longest side of an image in it; 0 leaves images as they "
    "are.",
    0,
)
flags.only_with(_BYTES, _AS, _QUALITY, _SIZE)


def settings() -> SheetSettings | None:
    """Returns how --stored_... store images, or else how those of --row are.

    Raises:
        ValueError: the quality of a JPEG is given, and it is none; or bytes of
            something else are.
    """
    if _QUALITY.present and _AS.value != "jpeg":
        raise ValueError(
            "`--stored_quality` is of a JPEG; a PNG loses nothing. Received: "
            f"{_QUALITY.value} with `--stored_as={_AS.value}`. Leave it out "
            "or store a JPEG."
        )
    row = row_flag.row()
    stored = row.stored if row else None
    if _BYTES.value:
        stored = SheetSettings(
            _BYTES.value, _AS.value, _QUALITY.value, _SIZE.value
        )
    if stored and BUDGET_BYTES.value:
        raise ValueError(
            "Bytes of one picture of real images are given by "
            "`--stored_bytes`; `--budget_bytes` is of what is distilled. "
            f"Received: --budget_bytes={BUDGET_BYTES.value}, and a picture of "
            f"{stored.budget_bytes:,} bytes. Leave --budget_bytes out."
        )
    return stored
