"""What an export must consist of: `manifest.json`, written last.

TFRecord files lose whole records unnoticed: readers other than ours see
neither a cut between two records nor a shard too many. The manifest has the
SHA-256 of every file and the number of records in every shard.
"""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from fred_tf import files

NAME = "manifest.json"
FORMAT_VERSION = 2


def write(
    folder: pathlib.Path, kind: str, records: Mapping[str, int], **facts: Any
) -> None:
    """Writes the manifest of a folder that is complete otherwise.

    Args:
        folder: holds plain files only.
        kind: what kind of export it is.
        records: number of records by name of TFRecord file.
        **facts: what else the manifest says, fit for JSON.
    """
    entries = {}
    for path in sorted(folder.iterdir()):
        entries[path.name] = {"sha256": files.sha256(path)}
        if path.name in records:
            entries[path.name]["records"] = records[path.name]
    files.write_json(
        folder / NAME,
        {
            "format_version": FORMAT_VERSION,
            "kind": kind,
            **facts,
            "files": entries,
        },
    )


def verify(folder: files.Path, kind: str) -> dict[str, Any]:
    """Compares every file of an export with its manifest.

    Args:
        folder: the export.
        kind: what kind it must be of.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError: there is no export at `folder`.
        ValueError: the manifest is unreadable, of another kind or format
            version, or files are missing, damaged, exchanged or too many; each
            is named, with the first record of it that cannot be read.
    """
    folder = pathlib.Path(folder)
    manifest = _read(folder, kind)
    expected = manifest["files"]
    shards = {path.name for path in folder.glob("*.tfrecord*")}
    faults = [
        f"{name} is not in the manifest"
        for name in sorted(shards - expected.keys())
    ]
    origins = {entry.get("sha256"): name for name, entry in expected.items()}
    for name, entry in sorted(expected.items()):
        path = folder / name
        # A name that leads out of the folder, or a link, is not ours.
        if name != path.name or path.is_symlink():
            faults.append(f"{name!r} is not a plain file of this folder")
        elif not path.is_file():
            faults.append(f"{name} is missing")
        elif (digest := files.sha256(path)) != entry.get("sha256"):
            fault = f"{name} has SHA-256 {digest}, not {entry.get('sha256')}"
            if "records" in entry:
                fault += f"; {_readable(path, entry['records'])}"
            if digest in origins:
                fault += f"; it is a copy of {origins[digest]}"
            faults.append(fault)
    if faults:
        raise ValueError(
            f"Files of an export must be as its {NAME} says. In {folder}: "
            f"{'; '.join(faults)}. Restore them from a copy, or write the "
            "export again with `python -m export`."
        )
    return manifest


def _read(folder: pathlib.Path, kind: str) -> dict[str, Any]:
    path = folder / NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no export: {path} does not exist. Write one with "
            "`python -m export`."
        )
    manifest = files.read_json(path)
    if not isinstance(manifest, dict):
        manifest = {}
    version = manifest.get("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"This release reads exports of `format_version` {FORMAT_VERSION}. "
            f"Received: {version!r} in {path}. Read it with the release that "
            "wrote it, or write the export again."
        )
    if manifest.get("kind") != kind:
        raise ValueError(
            f"An export of {kind} is wanted. Received: {path} of "
            f"{manifest.get('kind')}. Give another folder of the same "
            "`python -m export`."
        )
    entries = manifest.get("files")
    if not isinstance(entries, dict) or not all(
        isinstance(entry, dict) for entry in entries.values()
    ):
        raise ValueError(
            f"{path} must map file names to their hashes under `files`. "
            f"Received: {entries!r}. Restore it from a copy, or write the "
            "export again with `python -m export`."
        )
    return manifest


def _readable(path: pathlib.Path, records: int) -> str:
    """Says which record of a damaged file is the first bad one."""
    count = 0
    try:
        for _ in tf.data.TFRecordDataset(os.fspath(path)):
            count += 1
    except tf.errors.DataLossError:
        return f"record {count} of {records}, counted from 0, is damaged"
    return f"{count} whole records of {records}"
