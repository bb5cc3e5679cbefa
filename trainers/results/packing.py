"""Rows of RESULTS.md that are made elsewhere, several in one go."""

import pathlib
from collections.abc import Mapping, Sequence

from absl import logging

from fred_tf import assembly
from fred_tf import config as config_lib
from fred_tf.disk import files, records
from trainers.elsewhere import packed_images, packing, unpacking
from trainers.elsewhere.lowering import check_jax
from trainers.elsewhere.runner import rows as rows_of_packs
from trainers.results.rows import Row

KIND = "rows"


def pack(
    rows: Mapping[str, Row],
    shares: Sequence[float],
    folder: files.Path,
    part_bytes: int,
    data_dir: str | None = None,
    download: bool = False,
) -> None:
    """Writes the packs of several rows into one folder, or goes on with it.

    They share the images of a data set, and experts that are trained alike.

    Args:
        rows: what to make there, in order.
        shares: of the time, one for each row.
        folder: the folder.
        part_bytes: of a file of images, at most.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether missing data may be downloaded.

    Raises:
        ImportError: JAX is not installed.
        ValueError: a row has no run of its own, there is not one share for
            each, or the folder holds other rows, or rows of other data.
        FileExistsError: the folder holds something else.
    """
    check_jax()
    for name, row in rows.items():
        if row.subject != "run" or row.run_of or row.form:
            raise ValueError(
                "A pack makes runs. Received: the row "
                f"{name!r}, which scores {row.run_of or row.subject!r}. Make "
                "it here, after the row of its run."
            )
    if len(shares) != len(rows) or min(shares) <= 0:
        raise ValueError(
            "`--shares` are positive numbers, one for each row. Received: "
            f"{list(shares)} for {len(rows)} rows."
        )
    folder = pathlib.Path(folder)
    identity = {
        name: {
            "config": config_lib.to_json(row.config()),
            "evaluation": config_lib.to_json(row.evaluation()),
        }
        for name, row in rows.items()
    }
    work = folder / rows_of_packs.ROWS, KIND, {"rows": identity}, None
    way_out = "Choose another --pack, or delete the folder."
    if records.continued(*work, way_out=way_out) is None:
        files.check_replaceable(folder, rows_of_packs.ROWS)
    folder.mkdir(parents=True, exist_ok=True)
    listed = [
        {"name": name, "pack": _place(name), "share": share}
        for name, share in zip(rows, shares)
    ]
    records.write(*work, rows=listed)
    packing.copy_runner(folder)
    shared = packed_images.Shared(folder, part_bytes)
    for name, row in rows.items():
        config, scored = row.config(), row.evaluation()
        data = assembly.load_data(config, data_dir, download)
        evaluations = {scored.network.name: scored}
        place = folder / _place(name)
        packing.pack_run(config, place, data, evaluations, shared)
        logging.info("%s is packed in %s.", name, place)


def unpack(
    rows: Mapping[str, Row],
    folder: files.Path,
    runs_dir: files.Path,
    data_dir: str | None = None,
) -> dict[str, str]:
    """Brings home what has become of some rows, finished or not.

    Args:
        rows: all rows, by name.
        folder: from `pack`.
        runs_dir: where the rows' runs go, see `making`.
        data_dir: where TensorFlow Datasets keeps its data.

    Returns:
        How far each row of the folder is, by name.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: a row is of other settings than when it was packed, or its
            run here is ahead of what comes back.
    """
    folder = pathlib.Path(folder)
    record = records.read(folder / rows_of_packs.ROWS, KIND)
    told = {}
    for listed in record["rows"]:
        name, place = listed["name"], folder / _place(listed["name"])
        told[name] = rows_of_packs.told(place)
        if not (place / unpacking.SPENT).exists():
            told[name] += ", never begun"
            continue
        packed = record["identity"]["rows"][name]["config"]
        asked = config_lib.to_json(rows[name].config())
        records.refuse(
            folder / rows_of_packs.ROWS,
            records.differences({name: packed}, {name: asked}),
            "Use the version that packed it.",
        )
        own = pathlib.Path(runs_dir) / name
        unpacking.bring_back(place, own / "run", data_dir, scores_dir=own)
    return told


def complete(folder: files.Path) -> list[str]:
    """Returns the rows of a folder that have all their steps and scores."""
    folder = pathlib.Path(folder)
    record = records.read(folder / rows_of_packs.ROWS, KIND)
    names = [listed["name"] for listed in record["rows"]]
    return [n for n in names if rows_of_packs.is_complete(folder / _place(n))]


def _place(name: str) -> str:
    return f"rows/{name}"
