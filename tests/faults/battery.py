"""The battery: all kinds of faults, each with its tally."""

import os
import pathlib
import resource
import shutil
from collections.abc import Iterator, Sequence

from tests.faults import children, flips, folders, mistakes, operations, rows
from tests.faults.programs import PROGRAMS
from tests.faults.strangers import STRANGERS, UNCHANGED
from tests.faults.tally import TRACEBACK, Tally

# Bytes of address space that a hostile folder may take.
_ROOM = 8 << 30


def of_operations(
    place: pathlib.Path, names: Sequence[str], every: int, jobs: int
) -> Iterator[Tally]:
    """Yields the tallies of what happens at file operations, by program."""
    for name in names:
        if not PROGRAMS[name].is_here:
            needed = PROGRAMS[name].needs
            yield Tally(f"`{name}`", remark=f"not run: {needed} is missing")
            continue
        run = operations.Undisturbed(name, place / name)
        yield operations.kills(run, every, jobs)
        yield operations.full_disks(run, every, jobs)
        yield operations.power_losses(run)
        shutil.rmtree(place / name)


def of_flips(template: pathlib.Path, every: int, jobs: int) -> Iterator[Tally]:
    """Yields the tallies of flipped bits in the files of a folder."""
    small = Tally("each byte of small files")
    large = Tally("random bytes of larger files")
    for reader, path in flips.targets(template):
        name = path.relative_to(template)
        places = flips.positions(path, every)
        tally = small if path.stat().st_size < flips.SMALL else large

        def tried(share: Sequence[int], reader=reader, name=name):
            folder = template.parent / f"flipped_{os.getpid()}"
            shutil.copytree(template, folder)
            outcomes = _flipped(reader, folder, folder / name, share)
            shutil.rmtree(folder)
            return outcomes

        shares = [places[job::jobs] for job in range(jobs)]
        for outcome, note in children.together(tried, shares):
            tally.add(outcome, note)
    yield small
    yield large


def _flipped(
    reader: flips.Reader,
    folder: pathlib.Path,
    path: pathlib.Path,
    places: Sequence[int],
) -> list[tuple[str, str]]:
    """Returns the outcomes, also where a flip ends the process."""
    done = folder.with_name(f"{folder.name}.done")
    done.touch()
    outcomes: list[tuple[str, str]] = []
    content, left = path.read_bytes(), list(places)

    def tell() -> None:
        with open(done, "a") as file:
            for outcome, note in flips.flipped(reader, folder, path, left):
                note = " ".join(note.split())
                print(outcome, note, sep="\t", file=file, flush=True)

    while left:
        ended = children.call(tell, seconds=24 * 3600)
        told = [line.split("\t", 1) for line in done.read_text().splitlines()]
        outcomes += [(outcome, note) for outcome, note in told]
        left = left[len(told) :]
        done.write_text("")
        if ended.code and left:
            path.write_bytes(content)
            where = f"{path.relative_to(folder)}, byte {left[0]}"
            outcomes.append((TRACEBACK, f"{where}: {ended.last_line}"))
            left = left[1:]
    done.unlink()
    return outcomes


def of_rows(
    place: pathlib.Path, template: pathlib.Path | None = None
) -> Iterator[Tally]:
    """Yields the tallies of mistakes, and with a template those of strangers.

    Args:
        place: where folders are made.
        template: what `folders.make` has filled.
    """
    tables = {
        "settings and paths": [*mistakes.SETTINGS, *mistakes.PATHS],
        "`TF_CONFIG`": mistakes.CLUSTERS,
    }
    if template is not None:
        tables = {"hostile or damaged folders": STRANGERS}
    for kind, table in tables.items():
        tally = Tally(kind)
        for row in table:
            folder = place / "row"
            if template is None:
                folder.mkdir()
            else:
                shutil.copytree(template, folder)
            ended = children.call(_bounded, row, folder, seconds=120)
            outcome, note = ended.value or (TRACEBACK, ended.last_line)
            tally.add(outcome, f"{row.name}: {note}")
            shutil.rmtree(folder)
        yield tally


def _bounded(row: rows.Row, folder: pathlib.Path) -> tuple[str, str]:
    resource.setrlimit(resource.RLIMIT_AS, (_ROOM, _ROOM))
    return rows.outcome(row, folder)


def made(place: pathlib.Path) -> pathlib.Path:
    """Returns a folder of all that programs read, made in a child."""
    template = place / "template"
    template.mkdir()
    ended = children.call(folders.make, template)
    assert not ended.code, ended.said
    # A stranger's folder that nobody read right tells nothing.
    for read in UNCHANGED:
        shutil.copytree(template, place / "row")
        ended = children.call(read, place / "row")
        assert not ended.code, ended.said
        shutil.rmtree(place / "row")
    return template
