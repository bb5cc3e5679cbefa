"""What an export must consist of: a manifest, written last.

TFRecord files lose whole records unnoticed: readers other than ours see
neither a cut between two records nor a shard too many. The manifest has the
SHA-256 of every file, the number of records in every shard, and the SHA-256
of itself, since what it says else is data, too.
"""

import json
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from fred_tf.disk import claims, files, records, replaceable, tfrecords
from fred_tf.disk.records import FORMAT_VERSION, plain, seal

NAME = "manifest.json"

# What names of files of records have in them.
_TFRECORD, _ARRAY_RECORD = ".tfrecord", ".array_record"
_SHA256 = re.compile("[0-9a-f]{64}")
# What a manifest says first, after the format version.
_KIND = re.compile(r'"kind"\s*:\s*"([^"]*)"')
# Of one export, said in a message.
_MOST_FAULTS = 10

_WAY_OUT = "Or write the export again with `python -m export`."


def check_replaceable(
    folder: pathlib.Path, kind: str, place: str = NAME
) -> None:
    """Refuses to replace what is not an earlier export, and only that.

    Args:
        folder: where an export is to be written; it need not exist.
        kind: of which kind it must be.
        place: where in it the manifest lies.

    Raises:
        FileExistsError: `folder` is a file, a link or something else; or holds
            files that its manifest does not name.
    """

    if folder.is_symlink():
        raise no_export(folder, "is a symbolic link", "Remove it")
    # Expert stores have a file of the same name, without this key.
    replaceable.check(folder, place, '"files"')
    if not (folder / place).is_file():
        return
    # Not read as JSON: a damaged export may be replaced.
    said = (folder / place).read_text(errors="replace")
    if not is_of(said, kind):
        raise no_export(folder, f"is no export of {kind}", "Delete it")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        named = name == place or json.dumps(name) in said
        if path.is_symlink() or not (path.is_dir() or named):
            raise no_export(
                folder,
                f"holds {name}, which its {place} does not name",
                "Move that elsewhere",
            )


def is_of(said: str, kind: str) -> bool:
    """Says whether the text of a manifest is of a kind, damaged or not."""
    found = _KIND.search(said)
    return found is not None and found[1] == kind


def no_export(path: pathlib.Path, what: str, way_out: str) -> FileExistsError:
    """Returns the error that something else lies where an export would.

    Args:
        path: where.
        what: is wrong with it, as the rest of a sentence.
        way_out: beside another folder.
    """
    return FileExistsError(
        f"An export replaces only an earlier one, and {path} {what}. "
        f"{way_out}, or choose another folder."
    )


def write(
    folder: pathlib.Path,
    kind: str,
    lengths: Mapping[str, int],
    place: str = NAME,
    **facts: Any,
) -> None:
    """Writes the manifest of a folder that is complete otherwise.

    Args:
        folder: holds plain files, and folders of them.
        kind: what kind of export it is.
        lengths: number of records by name of file of records.
        place: where in the folder the manifest lies.
        **facts: what else the manifest says, fit for JSON.
    """
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            entries[name] = {"sha256": files.sha256(path)}
            if name in lengths:
                entries[name]["records"] = lengths[name]
    files.write_text(folder / place, text(kind, entries, facts))


def text(
    kind: str,
    entries: Mapping[str, Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> str:
    """Returns a manifest as it is written; see `sealed`.

    Not indented: next to the records of a small set it is long enough.
    """
    said = json.dumps(sealed(kind, entries, facts), separators=(",", ":"))
    return f"{said}\n"


def sealed(
    kind: str,
    entries: Mapping[str, Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns a manifest.

    Args:
        kind: what kind of export it is of.
        entries: `sha256` of each file, of shards their `records`, too.
        facts: what else it says, fit for JSON.
    """
    values = {
        "format_version": FORMAT_VERSION,
        "kind": kind,
        **facts,
        "files": entries,
    }
    return seal(plain(values))


def verify(folder: files.Path, kind: str, place: str = NAME) -> dict[str, Any]:
    """Compares every file of an export with its manifest.

    Args:
        folder: the export.
        kind: what kind it must be of.
        place: where in the folder the manifest lies.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError: there is no export at `folder`.
        ValueError: the manifest is unreadable, damaged, of another kind or
            format version, or files are missing, damaged, exchanged or too
            many; each is named, with the first record of it that cannot be
            read.
    """
    folder = pathlib.Path(folder)
    manifest = read(folder, place)
    if manifest["kind"] != kind:
        raise ValueError(
            f"An export of {kind} is wanted. Received: {folder / place} of "
            f"{manifest['kind']}. Give another folder of the same "
            "`python -m export`."
        )
    expected = manifest["files"]
    shards = {x.name for x in folder.iterdir() if is_of_records(x.name)}
    faults = [
        f"{name} is not in the manifest"
        for name in sorted(shards - expected.keys())
    ]
    origins = {entry["sha256"]: name for name, entry in expected.items()}
    for name, entry in sorted(expected.items()):
        path = folder / name
        # A name that leads out of the folder, or a link, is not ours.
        if not _is_inside(folder, name):
            faults.append(f"{name!r} is not a plain file of this folder")
        elif not path.is_file():
            faults.append(f"{name} is missing")
        elif (digest := files.sha256(path)) != entry["sha256"]:
            fault = f"{name} has SHA-256 {digest}, not {entry['sha256']}"
            if "records" in entry and _TFRECORD in name:
                fault += f"; {_readable(path, entry['records'])}"
            if digest in origins:
                fault += f"; it is a copy of {origins[digest]}"
            faults.append(fault)
    if faults:
        if (more := len(faults) - _MOST_FAULTS) > 0:
            faults[_MOST_FAULTS:] = [f"{more} more"]
        raise ValueError(
            f"Files of an export must be as its {place} says. In {folder}: "
            f"{'; '.join(faults)}. Restore them from a copy, or write the "
            "export again with `python -m export`."
        )
    return manifest


def read(folder: files.Path, place: str = NAME) -> dict[str, Any]:
    """Reads a manifest of any kind, and refuses one that has changed.

    Args:
        folder: the export.
        place: where in the folder the manifest lies.

    Raises:
        FileNotFoundError: there is no export at `folder`.
        ValueError: see `records.read`; or it does not say which files there
            are.
    """
    folder = pathlib.Path(folder)
    path = folder / place
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no export: {path} does not exist. Write one with "
            "`python -m export`."
        )
    return checked(files.read_json(path), path)


def checked(said: Any, path: files.Path) -> dict[str, Any]:
    """Returns a manifest that is as it was written.

    Args:
        said: what JSON gives.
        path: where it is from, for the message.

    Raises:
        ValueError: see `records.checked`; or it does not say which files there
            are.
    """
    manifest = records.checked(said, path, _WAY_OUT)
    try:
        claims.word(manifest, "kind")
        for name, entry in claims.mapping(manifest, "files").items():
            said = claims.an_object(entry, name)
            if not _SHA256.fullmatch(claims.text(said, "sha256", 64)):
                raise ValueError(f"{name!r} has no SHA-256")
            if "records" in said:
                claims.integer(said, "records")
    except ValueError as error:
        raise ValueError(
            f"{path} must say of what `kind` the export is, and map the names "
            "of its `files` to their `sha256`, of files of records with the "
            f"number of their `records`. Received: {error} Restore it from a "
            "copy, or write the export again with `python -m export`."
        ) from error
    return manifest


def is_of_records(name: str) -> bool:
    """Says whether a file of an export holds records, by its name."""
    return _TFRECORD in name or _ARRAY_RECORD in name


def _is_inside(folder: pathlib.Path, name: str) -> bool:
    """Says whether a name stays in the folder, on a way without links."""
    way = pathlib.PurePosixPath(name)
    if way.is_absolute() or ".." in way.parts or "\\" in name:
        return False
    steps = [folder / step for step in (way, *way.parents)][:-1]
    return bool(steps) and not any(step.is_symlink() for step in steps)


def _readable(path: pathlib.Path, whole: int) -> str:
    """Says which record of a damaged file is the first bad one."""
    framed, fault = tfrecords.framed(path)
    count = 0
    try:
        for _ in tf.data.TFRecordDataset(os.fspath(path)).take(framed):
            count += 1
    except tf.errors.DataLossError:
        fault = "its checksum is another"
    if fault:
        return f"record {count} of {whole}, counted from 0, is damaged: {fault}"
    return f"{count} whole records of {whole}"
