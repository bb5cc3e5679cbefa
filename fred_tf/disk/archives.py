"""Zip files of others, in which nothing is packed: what is read is as long."""

import io
import zipfile
from collections.abc import Collection

# Files of an archive: Keras writes three, and folders of assets.
_MOST = 10


def members(stored: bytes, wanted: Collection[str]) -> dict[str, bytes]:
    """Returns the files of an archive, which are as long in it as outside.

    A few packed bytes may claim to be many: an archive that packs anything, or
    claims more bytes than it has, is refused before a file of it is read.

    Args:
        stored: the bytes of the archive.
        wanted: names that it must hold.

    Raises:
        ValueError, zipfile.BadZipFile: it is no such archive, or a file of it
            fails its checksum.
    """
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        packed = [
            entry.filename
            for entry in entries
            if entry.compress_type != zipfile.ZIP_STORED
            or entry.flag_bits & 1  # Encrypted.
        ]
        total = sum(entry.file_size for entry in entries)
        if (
            packed
            or total > len(stored)
            or not len(names) == len(entries) <= _MOST
            or not names.issuperset(wanted)
        ):
            raise ValueError(
                f"the archive must hold {' and '.join(sorted(wanted))}, "
                f"unpacked, in at most {_MOST} files. Received: "
                f"{sorted(names)[:_MOST]} of {total:,} bytes, of them packed: "
                f"{packed[:_MOST]}"
            )
        return {name: archive.read(name) for name in sorted(names)}
