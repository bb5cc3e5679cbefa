"""What others can use without this library: TFRecord, SavedModel, pictures."""

import pathlib


def check_replaceable(folder: pathlib.Path, marker: str) -> None:
    """Refuses to replace a folder that no export of this kind has written.

    Args:
        folder: where an export is to be written; it need not exist.
        marker: name of a file that every export of this kind holds.

    Raises:
        FileExistsError: `folder` is a file, or holds something but `marker`.
    """
    if not folder.exists() or (folder / marker).is_file():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise FileExistsError(
            f"An export replaces only an earlier one, and {folder} is none: "
            f"it holds no {marker}. Choose another folder, or delete it."
        )
