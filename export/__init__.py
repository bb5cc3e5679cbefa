"""What others can use without this library: TFRecord, SavedModel, pictures."""

import pathlib


def check_replaceable(
    folder: pathlib.Path, marker: str, text: str = ""
) -> None:
    """Refuses to replace a folder that no export of this kind has written.

    Args:
        folder: where an export is to be written; it need not exist.
        marker: name of a file that every export of this kind holds.
        text: what stands in that file, where others write files of that name,
            too. Not read as JSON: a damaged export may be replaced.

    Raises:
        FileExistsError: `folder` is a file, or holds something but `marker`.
    """
    path = folder / marker
    found = path.is_file()
    ours = found and (not text or text in path.read_text(errors="replace"))
    if ours or not folder.exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        what = f"{marker} of an export" if found else marker
        raise FileExistsError(
            f"An export replaces only an earlier one, and {folder} is none: "
            f"it holds no {what}. Choose another folder, or delete it."
        )
