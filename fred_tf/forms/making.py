"""What a set is worth, and how it was made, as its details tell it.

Details travel with a set, which somebody else may have written: what they do
not tell, or tell wrongly, is left out, and nothing is assumed in its place.
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from fred_tf import config as config_lib
from fred_tf.config import Config
from fred_tf.datasets import data_facts, names
from fred_tf.datasets.data_facts import on_split
from fred_tf.datasets.sources import IN_MEMORY
from fred_tf.disk import claims
from fred_tf.forms import limits
from fred_tf.forms.markdown import block, plain
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import PARAMETERIZATIONS
from fred_tf.presets.recipe import recipe
from fred_tf.settings import MOST_PASSES, MOST_STEPS, is_line
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training import in_words
from fred_tf.training.evaluation import Evaluation
from fred_tf.training.evaluator_settings import EvaluatorSettings

# Evaluations that a set tells of, at most.
_MOST_TOLD = 1000

# Why an accuracy that is stated is not known.
UNTOLD = "what was measured does not say how its networks were trained"

# What somebody else's details can be wrong by.
MISFITS = ValueError, TypeError, LookupError, AttributeError

# What stands for data that were handed over in memory.
_PAIRS = "((images, labels), (test_images, test_labels))"


@dataclasses.dataclass(frozen=True)
class StatedAccuracy:
    """A test accuracy that a set states.

    Attributes:
        evaluation: the accuracies of the networks.
        network: name of theirs; empty if it is not told.
        networks: how many there were, and how they were trained, in words;
            empty if it is not told, see `accuracies`.
        form: what they were trained on, as it is read back; empty for the
            decoded floats of the run.
    """

    evaluation: Evaluation
    network: str
    networks: str
    form: str


def accuracies(
    details: Mapping[str, Any], learned_rate: float | None = None
) -> list[StatedAccuracy]:
    """Returns the test accuracies of a set that may be shown as such.

    They say how their networks were trained; without that nobody could tell
    what to compare them with.

    Args:
        details, learned_rate: see `stated`.
    """
    return [x for x in stated(details, learned_rate) if x.networks]


def stated(
    details: Mapping[str, Any], learned_rate: float | None = None
) -> list[StatedAccuracy]:
    """Returns the test accuracies that a set states, its own network's first.

    Args:
        details: of the set: `evaluations` of its run, and what was measured of
            `this_form`.
        learned_rate: the learned step size of students; None if there is none.
    """
    told = details.get("evaluations")
    entries = told[:_MOST_TOLD] if isinstance(told, list) else []
    found = []
    for entry in [*entries, details.get("this_form")]:
        with contextlib.suppress(*MISFITS):
            found.append(_stated(entry, learned_rate or None))
    if config := config_of(details):
        found.sort(key=lambda x: x.network != config.network.name)
    return found


def stated_scores(record: Mapping[str, Any]) -> list[float]:
    """Returns accuracies that a file states, at least one.

    Raises:
        ValueError: there is none, or one is no accuracy.
    """
    scores = claims.numbers(record, "accuracies", 0, 1)
    if not scores:
        raise ValueError("`accuracies` must be of some networks.")
    return scores


def _stated(entry: Any, learned_rate: float | None) -> StatedAccuracy:
    said = claims.an_object(entry, "evaluations")
    scores = stated_scores(said)
    form = claims.text(said, "form") if "form" in said else ""
    network, words, rate = "", "", 0.0
    with contextlib.suppress(*MISFITS):
        own = EvaluatorSettings.from_json(claims.mapping(said, "evaluation"))
        rate = own.rate(learned_rate)
        count = f"{len(scores)}"
        if "networks" in said:  # It was stopped.
            wanted = claims.integer(said, "networks", len(scores), MOST_PASSES)
            count += f", where {wanted} were asked for,"
        words = (
            f"{count} of {_trained(said, own, rate)}"
            if own.by == "networks"
            else f"kernel regression, evaluation.by {own.by}"
        )
        network = claims.text(claims.mapping(said, "network"), "name")
    evaluation = Evaluation(tuple(scores), rate)
    return StatedAccuracy(evaluation, network, words, form)


def _trained(
    said: Mapping[str, Any], own: EvaluatorSettings, rate: float
) -> str:
    """Returns which networks an evaluation trained, and how, in words."""
    network = claims.mapping(said, "network")
    usual = claims.text(said, "augmentation")
    parts = [
        f"{claims.text(network, 'name')} {in_words.network(network)}",
        in_words.training(own, rate),
        f"augmentation {in_words.augmentation(own, usual)}",
    ]
    if own.loss != "usual":
        parts.append(f"loss {own.loss}")
    layout = claims.text(said, "norm_layout") if "norm_layout" in said else ""
    narrow = claims.text(said, "convolutions")
    parts.append(in_words.arithmetic(narrow, layout))
    return "; ".join(filter(None, parts))


def worth(decoded: SyntheticSet, place: str | None) -> Iterator[str]:
    """Yields paragraphs on the accuracy of a set, as Markdown.

    Args:
        decoded: the set.
        place: where `fred_tf` reads it, to find out what is not known; None if
            nowhere.
    """
    details = decoded.details
    found = accuracies(details, decoded.student_learning_rate)
    split = plain(on_split(tested_on(details)))
    for networks in dict.fromkeys(x.networks for x in found):
        yield (
            f"Test accuracy{split} of what was trained on the set alone, "
            f"from scratch, and scored once, at the end: {plain(networks)}."
        )
        by_figure: dict[str, list[str]] = {}
        for one in found:
            if one.networks == networks:
                of = f"`{plain(one.form)}`" if one.form else "decoded floats"
                by_figure.setdefault(one.evaluation.cell, []).append(of)
        yield "\n".join(
            f"- {figure} %: {', '.join(of)}" for figure, of in by_figure.items()
        )
    if found:
        return
    why = "nobody had evaluated the set when this was written"
    if stated(details):
        why = UNTOLD
    unknown = f"Not known: {why}."
    config = config_of(details)
    if place is None or config is None:
        yield f"{unknown} `fred_tf.evaluate` finds it out."
        return
    yield f"{unknown} This finds it out:"
    yield block(
        "import fred_tf\n\n"
        f"data = {_loading(decoded, config)}\n"
        f"print(fred_tf.evaluate({place!r}, data))"
    )


def _loading(decoded: SyntheticSet, config: Config) -> str:
    """Returns the call that loads what a set stands for, as its run did."""
    dataset = names.without_holdout(decoded.dataset)
    in_memory, done = dataset == IN_MEMORY, config.preparation.to_json()
    arguments = [_PAIRS if in_memory else repr(dataset)]
    numbered = decoded.class_names == tuple(map(str, range(decoded.classes)))
    if in_memory and not numbered and "classes" not in done:
        arguments.append(f"class_names={list(decoded.class_names)!r}")
    for name in ("holdout", "normalization"):
        if (value := getattr(config, name)) != getattr(Config, name):
            arguments.append(f"{name}={value!r}")
    if done:
        told = ", ".join(f"{name}={value!r}" for name, value in done.items())
        arguments.append(f"preparation=fred_tf.Preparation({told})")
    if arguments == [repr(dataset)]:
        return f"fred_tf.load_data({arguments[0]})"
    called = "".join(f"\n    {argument}," for argument in arguments)
    which = "  # the arrays that it was made from" if in_memory else ""
    return f"fred_tf.load_data({called}\n){which}"


def tested_on(details: Mapping[str, Any]) -> str:
    """Returns what the accuracies of a set are on, see `on_split`.

    The test split, where its details do not say it.
    """
    data = details.get("data")
    return data_facts.tested_on(data if isinstance(data, Mapping) else {})


def config_of(details: Mapping[str, Any]) -> Config | None:
    """Returns the settings of the run that made a set; None without one."""
    with contextlib.suppress(*MISFITS):
        return config_lib.from_json(claims.mapping(details, "config"))
    return None


def method(details: Mapping[str, Any]) -> str:
    """Returns by what a set was made, in a few words; empty if unknown."""
    if config := config_of(details):
        matched = OBJECTIVES[config.objective.name].called()
        stored = PARAMETERIZATIONS[config.parameterization.name].called()
        return f"{matched} with {stored}"
    chosen = details.get("method")
    return plain(chosen) if isinstance(chosen, str) else ""


def commands(details: Mapping[str, Any], classes: int) -> list[str]:
    """Returns the commands that make the run of a set; none if unknown.

    No command takes arrays.

    Args:
        details: those of the set.
        classes: its number of classes.
    """
    config = config_of(details)
    if config is None or config.dataset == IN_MEMORY:
        return []
    with contextlib.suppress(*MISFITS):
        data = claims.mapping(details, "data")
        found = recipe(config, limits.image_shape(data), classes)
        if found is not None and all(map(is_line, found.overrides)):
            return found.commands("run", "experts")
    return []


def making(details: Mapping[str, Any], classes: int) -> Iterator[str]:
    """Yields paragraphs on how a set was made, as Markdown.

    Args:
        details, classes: as for `commands`.
    """
    by, config = method(details), config_of(details)
    if config is None:
        yield f"By {by}." if by else "Not stated."
        return
    whole, reached = config.outer_steps, ""
    with contextlib.suppress(ValueError):
        steps = claims.integer(details, "outer_steps", 0, MOST_STEPS)
        reached = "" if steps == whole else f"{steps:,} of "
    yield (
        f"By {by} (objective `{config.objective.name}`, memory "
        f"`{config.parameterization.name}`): {reached}{whole:,} outer steps, "
        f"seed {config.seed}."
    )
    lines = commands(details, classes)
    if "began_after" in details:
        unlike = ", unlike what follows" if lines else ""
        yield f"It began with the memory of another run{unlike}."
    if lines:
        yield block("\n".join(lines), "sh")
