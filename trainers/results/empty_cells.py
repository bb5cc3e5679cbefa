"""Cells of the papers' tables without a row: why, and what makes the number.

No settings are invented for them. Either a preset has the cell, or its
objective on another memory, or the method's preset of other data is brought to
these, see `brought.py`.
"""

import contextlib
import functools
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from fred_tf import config as config_lib
from fred_tf import presets
from fred_tf.config import Config
from fred_tf.normalizations import Standardize
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import PARAMETERIZATIONS, Hallucinator
from fred_tf.presets import general
from fred_tf.presets.recipe import Recipe
from trainers.results import brought, corrupted, regression
from trainers.results.cells import CHOSEN, Cell, Key, key_of, method_of
from trainers.results.rows import UNSEEN

_NO_ROW = {
    "accuracy": "no row",
    "unseen": "no row is scored on these networks",
    "corrupted": "no row is scored on corrupted images",
}
# How a set is scored for a cell, after the command that scores it.
_SCORED = {
    "accuracy": "",
    "unseen": f" --networks={','.join(UNSEEN)}",
    "corrupted": " --corruptions=all --corrupted_images=0 "
    f"--override {corrupted.RATE}",
}
# Of presets: what is not as published; RFAD has no other.
_OURS = ("_cpu", "_tiny", "_joint")
_ALONE = ("cifar10_ipc10_rfad_cpu",)
# Data of presets that are all ours.
_DATA_OF_OURS = general.ANY, "digits"
_ALIKE = "; there is a preset of the paper's size"
_BROUGHT = "; from the method's preset of other data or another ipc"
# Of a preset that is brought or is none of the paper's size: KIP's kernel has a
# layer where the tables' is convolutional, and both make few steps.
_LESS = "; there is a preset, which does less than the paper"
_BROUGHT_LESS = f"{_BROUGHT}, which does less than the paper"
_DOING_LESS = "_kip", "_rfad"
# What a set is scored with in the tables where its own settings are others.
# FRePo's networks have no norm; what kernels regress here, networks score.
_SCORED_WITH = {
    "FRePo": ("network.norm=none",),
    "KIP": regression.USUAL_SCORES,
    "RFAD": regression.USUAL_SCORES,
}
# By whose evaluation real images are scored, as in the rows: the first of these
# that a data set has a preset of.
_PLAIN = ("DM", "DSA", "TM", "DC")
_HOW_CHOSEN = {method: how for how, method in CHOSEN.items()}
# Each is asked for many times.
_preset = functools.cache(presets.preset)


class Known(NamedTuple):
    """What presets there are.

    Attributes:
        published: by cell, those with the settings of a paper.
        of_objective: by cell, their objectives on other memories.
        of_data: by data set, those of its images, the one of the fewest images
            first.
    """

    published: Mapping[Key, Recipe]
    of_objective: Mapping[Key, Recipe]
    of_data: Mapping[str, Sequence[str]]


def told(cell: Cell, rows: Collection[Key]) -> tuple[str, str]:
    """Returns why no row meets a cell, and a command; empty if there is none.

    Args:
        cell: the cell.
        rows: the cells of all rows, none of which is this one.
    """
    reason = _NO_ROW[cell.what]
    if cell.what == "accuracy":
        reason += _unlike(cell.key, rows)
    recipe, source = _recipe(cell.key)
    if recipe is None:
        return reason, ""
    # A hundred experts of fifty epochs, and thousands of their students; or
    # images sixteen times as large.
    config = recipe.config
    large = config.preparation.image_size >= 128
    if cell.method not in _HOW_CHOSEN:
        large |= OBJECTIVES[config.objective.name].needs_experts
    reason += ", needs a GPU" if large else ""
    return reason + source, _command(cell, recipe)


@functools.cache
def known() -> Known:
    """Returns the presets, sorted."""
    published: dict[Key, Recipe] = {}
    others: dict[Key, Recipe] = {}
    of_data: dict[str, list[str]] = {}
    for name in presets.names():
        if any(part in name for part in _OURS) and name not in _ALONE:
            continue
        config = _preset(name)
        if config.dataset in _DATA_OF_OURS:
            continue
        key = key_of(config)
        if name not in _ALONE:
            of_data.setdefault(key[0], []).append(name)
            published[key] = Recipe(name, ())
        for memory in PARAMETERIZATIONS if _lends(config) else ():
            recipe = Recipe(name, (f"parameterization.name={memory}",))
            # Some objectives do not take the labels of others, and budgets
            # have no room for every memory.
            with contextlib.suppress(ValueError):
                changed = config_lib.override(config, recipe.overrides)
                others.setdefault(key_of(changed), recipe)
    for names in of_data.values():
        names.sort(key=lambda name: _preset(name).ipc)
    return Known(published, others, of_data)


def _lends(config: Config) -> bool:
    """Says whether the settings of a preset suit other memories than its own.

    Those of HaBa have experts, momenta and an evaluation for it alone, and
    those that whiten are of pixels.
    """
    own = config.parameterization.name == Hallucinator.Settings.name
    return not own and config.normalization == Standardize.name


def _unlike(key: Key, rows: Collection[Key]) -> str:
    """Returns what no row has that a cell has, if there is such a thing."""
    data, ipc, _ = key
    if data not in {row[0] for row in rows}:
        return " is of these images"
    if (data, ipc) not in {row[:2] for row in rows}:
        return " has as many of these images"
    return ""


def _recipe(key: Key) -> tuple[Recipe | None, str]:
    """Returns what leads to a cell, and what is to be said of it."""
    published, of_objective, of_data = known()
    data, ipc, method = key
    if data not in of_data:
        return None, ""
    if method in _HOW_CHOSEN:
        name = min(of_data[data], key=lambda name: _suits(_preset(name), ipc))
        sized = _preset(name).ipc == ipc or not ipc
        return Recipe(name, () if sized else (f"ipc={ipc}",)), ""
    if key in published:
        return published[key], _of(published[key], _ALIKE, _LESS)
    if key in of_objective:
        return of_objective[key], f"{_ALIKE} for this objective"
    recipe = _brought(key)
    return recipe, _of(recipe, _BROUGHT, _BROUGHT_LESS)


def _of(recipe: Recipe | None, whole: str, less: str) -> str:
    """Returns what is said of a recipe, by whether it does less."""
    name = recipe.preset if recipe else ""
    return less if any(part in name for part in _DOING_LESS) else whole


def _suits(config: Config, ipc: int) -> tuple[int, bool]:
    """Returns what the preset that scores real images has least of."""
    method, _, _ = method_of(config).partition(" with ")
    rank = _PLAIN.index(method) if method in _PLAIN else len(_PLAIN)
    return rank, config.ipc != ipc


def _brought(key: Key) -> Recipe | None:
    """Returns the nearest preset of other data or budgets, brought to a cell.

    Args:
        key: the cell, of data that some preset has.
    """
    published, of_objective, of_data = known()
    data, ipc, method = key
    these = [_preset(name) for name in of_data[data]]
    candidates = []
    for at, recipe in (*published.items(), *of_objective.items()):
        if at[2] == method:
            rank = _unlikeness(_preset(recipe.preset), at, key, these[0])
            candidates.append((rank, recipe))
    for _, recipe in sorted(candidates):
        changes = brought.changes(recipe.config, these, ipc)
        found = Recipe(recipe.preset, (*changes, *recipe.overrides))
        with contextlib.suppress(ValueError):
            if key_of(found.config) == key:
                return found
    return None


def _unlikeness(
    there: Config, at: Key, key: Key, here: Config
) -> tuple[int, ...]:
    """Returns what is unlike a cell in a preset, what matters most first.

    Args:
        there: the preset.
        at: the cell that it has.
        key: the cell that is wanted.
        here: a preset of its data.
    """
    size = there.preparation.image_size == here.preparation.image_size
    other = (
        at[0] != key[0],
        brought.channels(there) != brought.channels(here),
        not _lends(there),
        at[1] != key[1],
        not size,
    )
    return *other, abs(at[1] - key[1])


def _scored_with(cell: Cell, recipe: Recipe) -> list[str]:
    """Returns the overrides that score a set as the papers do."""
    own, scored = recipe.config, _SCORED_WITH.get(cell.method, ())
    different = brought.differences(own, config_lib.override(own, scored))
    return [x for x in scored if x.partition("=")[0] in different]


def _command(cell: Cell, recipe: Recipe) -> str:
    """Returns what makes a cell's number, from data to accuracy."""
    run = "runs/" + "_".join(map(str, cell.key)).replace(" ", "_").lower()
    score = f"python -m trainers.evaluate --run_dir={run}{_SCORED[cell.what]}"
    how = _HOW_CHOSEN.get(cell.method)
    if how is None:
        asked = "".join(f" --override {x}" for x in _scored_with(cell, recipe))
        steps = *recipe.commands(run, f"{run}_experts"), f"{score}{asked}"
    elif how == "herding":
        steps = (
            f"python -m trainers.select_coreset {recipe.flags} --method={how} "
            f"--run_dir={run}",
            f"{score} {recipe.flags} --exported={run}/tfrecord",
        )
    else:
        steps = (f"{score} {recipe.flags} --baseline={how}",)
    return " && ".join(steps)
