"""Rows of RESULTS.md that are made elsewhere, several in one go."""

import math
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from absl import logging

from export.command_line import MISTAKES
from fred_tf import assembly
from fred_tf import config as config_lib
from fred_tf.datasets import ImageData
from fred_tf.disk import claims, files, paths, records
from trainers.elsewhere import (
    pack_folder,
    packed_images,
    packed_scoring,
    packing,
    reading,
    unpacking,
)
from trainers.elsewhere.lowering import check_jax
from trainers.elsewhere.runner import rows as rows_of_packs
from trainers.elsewhere.runner import sealed
from trainers.results.rows import Row

KIND = "rows"


def pack(
    rows: Mapping[str, Row],
    shares: Sequence[float],
    folder: files.Path,
    part_bytes: int,
    data_dir: str | None = None,
    download: bool = False,
    overwrite: bool = False,
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
        BlockingIOError: a runner makes what is there.
    """
    check_jax()
    _check(rows, shares)
    folder = paths.folder(folder, "--pack")
    identity = {
        name: {
            "config": config_lib.to_json(row.config()),
            "evaluation": config_lib.to_json(row.evaluation()),
        }
        for name, row in rows.items()
    }
    asked = folder / rows_of_packs.ROWS, KIND, {"rows": identity}, None
    about = rows_of_packs.ROWS, KIND
    pack_folder.check_replaceable(folder, *about, overwrite)
    listed = [
        {"name": name, "pack": _place(name), "share": share}
        for name, share in zip(rows, shares)
    ]
    if not overwrite:
        way_out = "Choose another --pack, --overwrite it, or delete the folder."
        records.continued(
            *asked,
            way_out=way_out,
            has_begun=lambda content: (folder / "rows").exists(),
        )
    # Before anything is replaced: without data nothing comes in its place.
    with pack_folder.unused(folder):  # Found out before any work.
        data = _data(rows, data_dir, download)
    if overwrite:
        with pack_folder.replacing(folder, overwrite) as temporary:
            records.write(temporary / asked[0].name, *asked[1:], rows=listed)
            pack_folder.copy_runner(temporary)
    else:
        # The programs of a runner stay as they are while it runs.
        with pack_folder.unused(folder):
            records.write(*asked, rows=listed)
            pack_folder.copy_runner(folder)
    shared = packed_images.Shared(folder, part_bytes)
    for name, row in rows.items():
        config, scored = row.config(), row.evaluation()
        evaluations = {scored.network.name: scored}
        place = sealed.inside(folder, _place(name))
        packing.pack_run(config, place, data[name], evaluations, shared)
        logging.info("%s is packed in %s.", name, place)


def _check(rows: Mapping[str, Row], shares: Sequence[float]) -> None:
    """Refuses rows that packs cannot make or score, shares that are none."""
    for name, row in rows.items():
        if row.subject != "run" or row.run_of or row.form:
            raise ValueError(
                "A pack makes runs. Received: the row "
                f"{name!r}, which scores {row.run_of or row.subject!r}. Make "
                "it here, after the row of its run."
            )
        for settings in (row.config(), row.evaluation()):
            try:
                packed_scoring.check(settings.evaluation)
            except ValueError as error:
                raise ValueError(f"Row {name!r}: {error}") from error
    if len(shares) != len(rows) or not all(0 < s < math.inf for s in shares):
        raise ValueError(
            "`--shares` are positive numbers, one for each row. Received: "
            f"{list(shares)} for {len(rows)} rows."
        )


def _data(
    rows: Mapping[str, Row], data_dir: str | None, download: bool
) -> dict[str, ImageData]:
    """Returns the data of each row; rows of the same data share them."""
    configs = {name: row.config() for name, row in rows.items()}
    loaded: dict[config_lib.Config, ImageData] = {}
    assembly.facts_of(configs.values(), data_dir, download, loaded.__setitem__)
    return {name: loaded[config] for name, config in configs.items()}


def unpack(
    rows: Mapping[str, Row],
    folder: files.Path,
    runs_dir: files.Path,
    data_dir: str | None = None,
    download: bool = False,
) -> tuple[dict[str, str], dict[str, str]]:
    """Brings home what has become of some rows, finished or not.

    One that cannot come home is in nobody's way.

    Args:
        rows: all rows, by name.
        folder: from `pack`.
        runs_dir: where the rows' runs go, see `making`.
        data_dir: where TensorFlow Datasets keeps its data; where those of a
            row's run were found if None.
        download: whether missing data may be downloaded.

    Returns:
        How far each row of the folder is, by name; and of those that did not
        come home, why: such a row is damaged, of other settings than when it
        was packed, but for the number of its steps, or its run here is ahead
        of what comes back.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: what it says of its rows is damaged.
    """
    folder, told, refused = pathlib.Path(folder), {}, {}
    for name, settings in _listed(folder).items():
        try:
            told[name] = _unpack(
                rows, folder, name, settings, runs_dir, data_dir, download
            )
        except MISTAKES as error:
            refused[name] = f"{type(error).__name__}: {error}"
    return told, refused


def _unpack(
    rows: Mapping[str, Row],
    folder: pathlib.Path,
    name: str,
    settings: Mapping[str, Any],
    runs_dir: files.Path,
    data_dir: str | None,
    download: bool,
) -> str:
    """Brings a row home and returns how far it is.

    Args:
        rows, folder, runs_dir, data_dir, download: as `unpack` takes them.
        name: of the row.
        settings: that it had when it was packed.
    """
    if name not in rows:
        raise ValueError(
            f"{folder / rows_of_packs.ROWS} must name rows that there are. "
            f"Received: {name!r}. Use the version that packed it."
        )
    place = sealed.inside(folder, _place(name))
    packed = reading.read(place)
    state = packed.about, reading.spent(packed), reading.scores(packed)
    told = rows_of_packs.told(*state)
    if not state[1]:
        return f"{told}, never begun"
    asked = config_lib.to_json(rows[name].config())
    for stated in (settings["config"], packed.about["identity"]["config"]):
        # How many steps it was to make changes none that it made.
        asked["outer_steps"] = stated.get("outer_steps")
        if rows[name].budget_bytes:  # From which it follows.
            asked["ipc"] = stated.get("ipc")
        records.refuse(
            folder / rows_of_packs.ROWS,
            records.differences({name: stated}, {name: asked}),
            "Use the version that packed it.",
        )
    own = pathlib.Path(runs_dir) / name
    unpacking.bring_back(
        place, own / "run", data_dir, scores_dir=own, download=download
    )
    return told


def complete(
    rows: Mapping[str, Row], folder: files.Path, names: Iterable[str]
) -> list[str]:
    """Returns which rows of a folder have all their steps and scores.

    They may have been packed for more steps.

    Args:
        rows: all rows, by name.
        folder: from `pack`.
        names: of rows that came home.
    """
    folder, found = pathlib.Path(folder), []
    for name in names:
        packed = reading.read(sealed.inside(folder, _place(name)))
        spent, steps = reading.spent(packed), rows[name].config().outer_steps
        reached = {**spent, "complete": spent.get("step") == steps}
        scores = reading.scores(packed)
        if rows_of_packs.is_complete(packed.about, reached, scores):
            found.append(name)
    return found


def _listed(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Returns the rows of a folder, and the settings that they had."""
    path = folder / rows_of_packs.ROWS
    if not path.exists():
        raise FileNotFoundError(
            f"There are no packs of rows in {folder}: it has no {path.name}. "
            f"Make some with `python -m trainers.results --pack={folder}`."
        )
    record = records.read(path, KIND, sealed.COPY)
    with records.stating(path, sealed.COPY):
        rows = claims.mapping(record["identity"], "rows")
        for name in rows:
            claims.word({"name": name}, "name")
            claims.mapping(claims.mapping(rows, name), "config")
    return rows


def _place(name: str) -> str:
    return f"rows/{name}"
