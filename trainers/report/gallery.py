"""A page of several sets: their pictures, what they take, what they give."""

import dataclasses
from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from fred_tf import figures
from fred_tf.datasets.data_facts import on_split
from fred_tf.figures import Curve
from fred_tf.forms import making
from trainers.figures import of_spectra
from trainers.report import captions, headline, markup
from trainers.report.finished import FinishedSet, Stored

# Of a class: there are many sets.
_PER_CLASS = 5
_UNKNOWN = "not known"


def page(sets: Sequence[FinishedSet]) -> str:
    """Returns a page of sets as HTML; it needs nothing but itself."""
    count, sets = len(sets), told_apart(sets)
    return markup.document(
        f"{count} distilled set{'s' if count > 1 else ''}",
        [
            _all(sets),
            *(
                markup.section(one.name, _content(one), f"set{number}")
                for number, one in enumerate(sets)
            ),
        ],
    )


def told_apart(sets: Sequence[FinishedSet]) -> list[FinishedSet]:
    """Returns sets of which no two have one name.

    Equal names begin with folders above, as many as differ; of a set that is
    there twice, with a number at the end.
    """
    names = [one.name for one in sets]
    above = [
        list(one.place.absolute().parts[1 : -1 - name.count("/")])
        for one, name in zip(sets, names)
    ]
    while shared := {n for n in names if names.count(n) > 1}:
        same = [n for n, name in enumerate(names) if name in shared]
        if not any(above[n] for n in same):
            for n in same:
                names[n] = f"{names[n]} ({n + 1})"
            break
        for n in same:
            if above[n]:
                names[n] = f"{above[n].pop()}/{names[n]}"
    return [dataclasses.replace(x, name=name) for x, name in zip(sets, names)]


def _all(sets: Sequence[FinishedSet]) -> str:
    """Returns what compares the sets."""
    rows = [
        (
            markup.link(one.name, f"set{number}"),
            one.title,
            *(value for value, _ in _numbers(one)),
        )
        for number, one in enumerate(sets)
    ]
    header = ("set", "what it is", "test accuracy", "images", "floats", "bytes")
    table = markup.table(header, rows)
    if not any(one.evaluation for one in sets):
        return table
    caption = (
        "Test accuracy against bytes: of the floats as float32, and of forms "
        "on the disk, all files counted, whose accuracy is known."
    )
    return markup.drawing(lambda: accuracy_by_bytes(sets), caption) + table


def accuracy_by_bytes(sets: Sequence[FinishedSet]) -> Figure:
    """Draws the accuracies of all sets, a curve per set.

    Raises:
        ValueError: none is known.
    """
    lines = {}
    for one in told_apart(sets):
        known = sorted(
            (x.size, x.evaluation)
            for x in one.stored
            if x.evaluation is not None
        )
        if known:
            lines[one.name] = Curve(
                [size for size, _ in known],
                [100 * scores.mean for _, scores in known],
                [100 * scores.deviation for _, scores in known],
                marked=True,
            )
    return figures.curves(lines, "bytes", "test accuracy (%)", log_x=True)


def _numbers(one: FinishedSet) -> Iterator[tuple[str, str]]:
    """Yields what counts most of a set, each with what it is."""
    split = on_split(making.tested_on(one.decoded.details))
    known = one.evaluation
    text = _UNKNOWN if known is None else headline.accuracy(known)
    yield text, f"test accuracy{split}"
    yield f"{len(one.decoded.labels):,}", "images"
    yield f"{one.decoded.floats_stored:,}", "floats"
    yield f"{one.stored[0].size:,}", "bytes as float32"


def _content(one: FinishedSet) -> str:
    stored = [(x.form, f"{x.size:,}", _accuracy(x)) for x in one.stored]
    header = ("stored as", "bytes", "test accuracy")
    return "".join(
        [
            f"<p>{markup.command(str(one.place), f'{one.title}, from')}</p>\n",
            markup.numbers(_numbers(one)),
            markup.beside(_pictures(one)),
            _told(one.others),
            # A run's floats are told above.
            markup.table(header, stored) if len(stored) > 1 else "",
        ]
    )


def _told(others: Sequence[str]) -> str:
    """Returns which forms are not of the set, if there are any."""
    if not others:
        return ""
    return markup.paragraph(
        f"Another set lies in the same folder, as {', '.join(others)}."
    )


def _accuracy(stored: Stored) -> str:
    """Returns an accuracy, or that it is not known and why."""
    if stored.evaluation is None:
        return ": ".join(filter(None, (_UNKNOWN, stored.why)))
    return headline.accuracy(stored.evaluation)


def _pictures(one: FinishedSet) -> Iterator[str]:
    decoded = one.decoded
    can_be_seen = decoded.normalization.is_fitted
    if can_be_seen and decoded.images.shape[-1] in (1, 3):
        yield markup.drawing(
            lambda: figures.gallery(decoded, _PER_CLASS),
            captions.images(decoded, _PER_CLASS),
        )
    elif "gallery" in one.pictures:
        yield markup.picture(one.pictures["gallery"], "The images.")
    if one.memory is not None:
        memory = one.memory
        yield markup.drawing(
            lambda: figures.masks(
                memory.masks, decoded.class_names, memory.transform.axis
            ),
            captions.masks(memory, chosen=False),
        )
    elif "masks" in one.pictures:
        said = "The frequencies that each class keeps."
        yield markup.picture(one.pictures["masks"], said)
    if decoded.soft_labels is not None:
        soft = decoded.soft_labels
        yield markup.drawing(
            lambda: figures.labels(soft, decoded.labels, decoded.class_names),
            captions.labels(decoded),
        )
    if can_be_seen:
        yield markup.drawing(
            lambda: of_spectra.energy_of({"distilled": decoded}),
            "Energy of the images per frequency, by the DCT.",
        )
