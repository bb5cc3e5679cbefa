"""Files of evaluations: their names, what they say, and how they grow."""

import contextlib
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from absl import logging

from fred_tf.disk import claims, files, folder_lock, records

KIND = "evaluation"

WAY_OUT = (
    "Give the new evaluation a name of its own (`--name` of "
    "`trainers.evaluate`), choose another folder, or delete the file to make "
    "it anew."
)

# Accuracies by network, on test images and on others by their name.
Accuracies = tuple[list[float], dict[str, list[float]]]

_FREE = ("data.tested_on",)  # Earlier versions did not say.
# Seconds that another process has to write a file.
_PATIENCE = 600.0

# Evaluations that were made while distilling, at the outer step in the name.
_CURVE = re.compile(r"evaluation_step(\d{9})")


def kept(work: records.Work, names: Iterable[str] = ()) -> Accuracies:
    """Returns the accuracies that a file holds of an evaluation.

    Args:
        work: the evaluation.
        names: of other test images.

    Raises:
        ValueError: the file is of another evaluation, or see `accuracies`.
    """
    record = records.continued(*work, _FREE, WAY_OUT)
    return accuracies(work[0], record, names) if record else ([], {})


def begun(
    work: records.Work | None, names: Iterable[str], wanted: int
) -> Accuracies:
    """Returns what `kept` does of an evaluation that is to go on, if it must.

    Args:
        work: the evaluation; None where nothing is kept.
        names: of other test images.
        wanted: how many networks there are to be.

    Raises:
        OSError: there are fewer, and no more could be written.
        RuntimeError, ValueError: see `changing` and `kept`.
    """
    if work is None:
        return [], {}
    clean, others = kept(work, names)
    if clean:
        logging.info("%s holds %d networks.", work[0], len(clean))
    if len(clean) < wanted:
        with changing(work[0]):
            pass  # Before any work for it.
    return clean, others


def accuracies(
    path: files.Path, record: Mapping[str, Any], names: Iterable[str] = ()
) -> Accuracies:
    """Returns the accuracies of a record.

    Args:
        path: its file.
        record: what it holds.
        names: of other test images.

    Raises:
        ValueError: one is no accuracy, or networks lack one.
    """
    try:
        clean = claims.numbers(record, "accuracies", 0, 1)
        named = {"corrupted": record.get("corrupted", {})}
        corrupted = claims.mapping(named, "corrupted")
        others = {name: claims.numbers(corrupted, name, 0, 1) for name in names}
        if any(len(values) != len(clean) for values in others.values()):
            raise ValueError("`corrupted` must have a number for each network.")
    except ValueError as error:
        raise ValueError(f"{path}: {error} {WAY_OUT}") from None
    return clean, others


def extended(
    work: records.Work,
    clean: list[float],
    others: dict[str, list[float]],
    **content: Any,
) -> Accuracies:
    """Adds networks to a file, and returns the accuracies that it then holds.

    Networks follow from their number and the seed: where another process has
    written as many meanwhile, its file stays.

    Args:
        work: the evaluation.
        clean: accuracies on test images, those of the file among them.
        others: on other test images, by their name.
        **content: what the file says, with these accuracies.

    Raises:
        ValueError: the file is of another evaluation by now.
        RuntimeError: another process does not stop writing it.
    """
    path = work[0]
    with changing(path):
        record = records.continued(*work, _FREE, WAY_OUT) or {}
        if record:
            there = accuracies(path, record, others)
            if len(there[0]) >= len(clean):
                return there
        told = {**record, **content}
        if count := _on_device(record):
            told["networks_on_device"] = count
        else:
            told.pop("device", None)
        records.write(*work, **told)
    return clean, others


def _on_device(record: Mapping[str, Any]) -> int:
    """Returns how many networks, the first, are of the `device` of a record.

    All that came back of a pack are; what is added to them is trained here.
    Earlier versions added without counting, and told how many were wanted.
    """
    if "device" not in record:
        return 0
    as_it_came = 0 if "networks" in record else len(record["accuracies"])
    return record.get("networks_on_device", as_it_came)


def scored_on(record: Mapping[str, Any], networks: int) -> str:
    """Returns on what networks were trained elsewhere, and how many of them.

    Args:
        record: of an evaluation.
        networks: how many of it count, the first.

    Returns:
        `NVIDIA H200 (3 of 5)`; the device alone where all are its; nothing of
        what was trained here, or where it is not known.
    """
    count = _on_device(record)
    if count >= networks:
        return record["device"]
    return f"{record['device']} ({count} of {networks})" if count else ""


@contextlib.contextmanager
def changing(path: pathlib.Path) -> Iterator[None]:
    """Keeps others from writing a file between a look at it and a change.

    Raises:
        RuntimeError: another process does not stop writing it.
    """
    files.make_folder(path.parent)
    with folder_lock.of_file(path, _PATIENCE):
        yield


def curve_path(folder: files.Path, step: int) -> pathlib.Path:
    """Returns the file of the evaluation that is made after an outer step."""
    return pathlib.Path(folder) / f"evaluation_step{step:09d}.json"


def _of_curve(folder: files.Path) -> dict[int, pathlib.Path]:
    """Returns the files of evaluations made while distilling, by outer step."""
    paths = sorted(pathlib.Path(folder).glob("evaluation*.json"))
    matches = {path: _CURVE.fullmatch(path.stem) for path in paths}
    return {int(match[1]): path for path, match in matches.items() if match}


def beside_curve(folder: files.Path) -> list[pathlib.Path]:
    """Returns the files of evaluations that were not made while distilling."""
    of_curve = _of_curve(folder).values()
    paths = sorted(pathlib.Path(folder).glob("evaluation*.json"))
    return [path for path in paths if path not in of_curve]


def curve(folder: files.Path) -> dict[int, dict[str, Any]]:
    """Returns the evaluations made while distilling, by outer step.

    They are what `trainers.distill --evaluate_every` writes into a run folder.
    One that was stopped before all of its networks is left out: a run that has
    gone on cannot make up for it.
    """
    told = {
        step: records.read(p, KIND) for step, p in _of_curve(folder).items()
    }
    return {
        step: record for step, record in told.items() if not _is_stopped(record)
    }


def _is_stopped(record: Mapping[str, Any]) -> bool:
    """Returns whether an evaluation has fewer networks than it was to have."""
    return len(record["accuracies"]) < record.get("networks", 0)


def wanted(path: files.Path, record: Mapping[str, Any]) -> dict[str, int]:
    """Returns how many `networks` were asked for, of what was stopped before.

    Its networks are what they are, and the same command goes on with them:
    they are kept, and a warning says that they are not all.
    """
    if not _is_stopped(record):
        return {}
    count, of = len(record["accuracies"]), record["networks"]
    logging.warning(
        "%s was stopped after %d of %d networks. Evaluate again to go on.",
        path,
        count,
        of,
    )
    return {"networks": of}


def set_aside(folder: files.Path, test: str | None) -> list[int]:
    """Takes evaluations on other test images off the curve of a run.

    A run may go on with others, and a curve is of one test split. The files
    stay, under names that say of which images they are.

    Args:
        folder: of the run.
        test: digest of the test images that the curve is of from now on.

    Returns:
        The outer steps whose evaluations were set aside.
    """
    aside = []
    for step, path in _of_curve(folder).items():
        other = (records.read(path, KIND)["data"] or {}).get("test")
        if other != test:
            called = path.name.replace("_step", f"_of_{str(other)[:8]}_step")
            path.rename(path.with_name(called))
            aside.append(step)
    return aside


def rewind_curve(folder: files.Path, step: int) -> None:
    """Drops the evaluations of outer steps after `step`.

    A resumed run repeats these steps; where they do not come out bit for bit
    as before, the evaluations are of sets that are no more.
    """
    for evaluated_step, path in _of_curve(folder).items():
        if evaluated_step > step:
            path.unlink()
