"""What the page of a run says, section by section."""

import functools
import itertools
import json
import pathlib
import shlex
from collections.abc import Callable
from typing import Any

from export import command_line, sizes
from fred_tf import config as config_lib
from fred_tf import figures
from fred_tf.datasets.data_facts import TEST, on_split
from fred_tf.disk import files, rewinds
from fred_tf.distilled_run import DistilledRun
from fred_tf.figures import Curve
from fred_tf.forms import FORMS, Form, SetForm, alike
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluation import Evaluation
from fred_tf.training.evaluator_settings import EvaluatorSettings
from trainers import coded_size
from trainers.figures import FIGURES, MissingError, Subject
from trainers.report import captions, headline, markup

# Of a class, in the picture of all.
_PER_CLASS = 10
# How many running means of a noisy curve share no step.
_MEANS = 25
# Metrics by the figure that they share, and whether steps differ much.
_CURVES = {
    "loss": ("loss", True),
    "gradient_norm": ("norm of the gradient of the memory", True),
    "student_learning_rate": ("student learning rate", False),
}
# Figures of `trainers.figures` that the page draws itself; they need no data.
_DRAWN_HERE = ("masks", "views", "labels", "over_time", "accuracy_by_step")
# Bytes of a table of sizes, at most.
_MOST_SIZES = 1 << 20
# What stands for a path while forms of equal code are sought.
_PLACE = "PLACE"


def page(run: DistilledRun) -> str:
    """Returns the page of a run as HTML."""
    found = headline.evaluations(run)
    sections = {
        "Evaluations": _evaluations(run, found),
        "Images": _images(run),
        "Curves": _curves(run),
        "Figures": _figures(run),
        "Forms and their sizes": _sizes(run),
        "Use it": _usage(run),
        "The run": _summary(run) + _settings(run),
    }
    return markup.document(
        headline.title(run.config),
        [
            headline.of_run(run, found),
            *itertools.starmap(markup.section, sections.items()),
        ],
    )


def _summary(run: DistilledRun) -> str:
    memory = run.parameterization
    rows = [
        ("data set", run.facts.name),
        *_prepared(run),
        ("classes", ", ".join(run.facts.class_names)),
        ("images", f"{memory.instances:,}"),
        ("per class", f"{memory.instances_per_class:,}"),
        ("floats stored", f"{memory.floats_stored:,}"),
        *([("coded set", size)] if (size := coded_size.told(run)) else []),
        ("outer steps", f"{run.step:,} of {run.config.outer_steps:,}"),
        ("labels", memory.label_kind or "classes"),
        *_unusual(run),
        *((n.replace("_", " "), f"{v:.4g}") for n, v in run.learned.items()),
    ]
    return markup.table(("", ""), rows)


def _prepared(run: DistilledRun) -> list[tuple[str, str]]:
    """Returns what was done to the images, and what accuracies are on."""
    told = [
        (name.replace("_", " "), str(value))
        for name, value in run.facts.preparation.items()
    ]
    if run.facts.tested_on != TEST:
        told.append(("tested on", run.facts.tested_on))
    return told


def _unusual(run: DistilledRun) -> list[tuple[str, str]]:
    """Returns how many steps were not made, and when the run went back."""
    metrics, told = run.folder.metrics(), []
    if metrics and (skipped := metrics[-1].get("skipped")):
        told.append(("outliers skipped", f"{skipped:,.0f}"))
    for rewind in rewinds.of(run.folder):
        told.append(
            (
                f"lost at step {rewind['step']:,}",
                f"back to step {rewind['back_to']:,}, memory step size "
                f"{rewind['memory_learning_rate']:.4g}",
            )
        )
    return told


def _evaluations(run: DistilledRun, found: list[dict[str, Any]]) -> str:
    """Returns all that was measured of the set, unless the headline says it."""
    if not found:
        return ""
    rows = []
    for x in found:
        how = EvaluatorSettings.from_json(x["evaluation"])
        cell = headline.accuracy(Evaluation(tuple(x["accuracies"]), 0.0))
        count = str(len(x["accuracies"]))
        row = [x["network"]["name"], cell, how.loss, count, f"{how.epochs:,}"]
        if how.by != "networks":
            row = [how.by, cell, "", count, ""]
        rows.append([text.replace("_", " ") for text in row])
    heading = f"test accuracy{on_split(run.facts.tested_on)}"
    header = ("network", heading, "loss", "networks", "epochs")
    return markup.table(header, rows)


def _images(run: DistilledRun) -> str:
    decoded, memory = run.synthetic_set(), run.parameterization
    parts = []
    if decoded.images.shape[-1] in (1, 3):
        parts.append(
            markup.drawing(
                lambda: figures.gallery(decoded, _PER_CLASS),
                captions.images(decoded, _PER_CLASS),
            )
        )
    own = {
        "over_time": lambda: captions.over_time(decoded),
        "views": lambda: captions.sentence(FIGURES["views"].caption),
        "labels": lambda: captions.labels(decoded),
    }
    parts += [_drawn(run, name, caption) for name, caption in own.items()]
    if isinstance(memory, Frequency):
        chosen = "start" not in run.folder.identity
        parts.append(
            _drawn(run, "masks", lambda: captions.masks(memory, chosen))
        )
    return markup.beside(parts)


def _drawn(run: DistilledRun, name: str, caption: Callable[[], str]) -> str:
    """Returns one of `_DRAWN_HERE`, if the run has what it needs."""
    subject = Subject({run.config.network.name: run})
    try:
        return markup.drawing(lambda: FIGURES[name].draw(subject), caption())
    except MissingError:
        return ""


def _curves(run: DistilledRun) -> str:
    metrics = run.folder.metrics()
    if not metrics:
        return ""
    parts = [_drawn(run, "accuracy_by_step", captions.accuracy_by_step)]
    for beginning, (label, noisy) in _CURVES.items():
        log_y, mean_of = noisy, len(metrics) // _MEANS | 1 if noisy else 1
        names = [n for n in metrics[-1] if n.startswith(beginning)]
        lines = {}
        for name in names:
            points = [
                (line["step"], line[name])
                for line in metrics
                if line.get(name) and (line[name] > 0 or not log_y)
            ]
            if points:
                steps, values = zip(*points)
                named = name.replace("_", " ")
                lines[named] = Curve(steps, values, mean_of=mean_of)
        if lines:
            draw = functools.partial(
                figures.curves, lines, "outer step", label, log_y=log_y
            )
            caption = captions.curve(label, mean_of)
            parts.append(markup.drawing(draw, caption))
    return markup.beside(parts)


def _figures(run: DistilledRun) -> str:
    folder = run.folder.path / "figures"
    paths = {path.stem: path for path in sorted(folder.glob("*.png"))}
    texts = {k: captions.sentence(x.caption) for k, x in FIGURES.items()}
    about = Subject({run.config.network.name: run}).about
    paths = {
        name: path
        for name, path in paths.items()
        if name not in texts or figures.about(path) == about
    }
    # Those of `trainers.figures` in its order, then others.
    return markup.beside(
        markup.picture(figures.read_png(paths[name]), texts.get(name, name))
        for name in [*texts, *sorted(paths.keys() - texts.keys())]
        if name in paths and name not in _DRAWN_HERE
    )


def _sizes(run: DistilledRun) -> str:
    folder = run.folder.path / "export"
    if not (folder / sizes.NAME).exists():
        return ""
    parts, decoded = [], run.synthetic_set()
    stored = files.read_bytes(folder / sizes.NAME, _MOST_SIZES)
    whole = stored.decode(errors="replace")
    own = sizes.set_of(whole)
    if own is not None and own != alike.digest(decoded):
        return ""  # The run went on.
    text = [line for line in whole.splitlines() if "<!--" not in line]
    # All forms in a table were written of one set; pictures say of none.
    listed = [
        form
        for name, form in FORMS.items()
        if isinstance(form, SetForm)
        and (folder / form.path).exists()
        and any(line.startswith(f"| {name} |") for line in text)
    ]
    if listed and not _is_of(decoded, listed[0], folder / listed[0].path):
        return ""
    for is_table, block in itertools.groupby(
        text, lambda line: line.startswith("|")
    ):
        if is_table:
            header, _, *rows = (
                [cell.strip() for cell in line.strip("|").split("|")]
                for line in block
            )
            # Nothing may have been measured.
            filled = [n for n, cells in enumerate(zip(*rows)) if any(cells)]
            lines = [[row[n] for n in filled] for row in (header, *rows)]
            parts.append(markup.table(lines[0], lines[1:]))
        else:
            parts += [markup.paragraph(line) for line in block if line]
    return "".join(parts)


def _usage(run: DistilledRun) -> str:
    folder, decoded = run.folder.path / "export", run.synthetic_set()
    paths: dict[str, list[str]] = {}  # By the code that reads them.
    for form in FORMS.values():
        if form.loading and _is_of(decoded, form, folder / form.path):
            code = form.code(decoded, _PLACE)
            paths.setdefault(code, []).append(str(folder / form.path))
    parts = []
    for code, places in paths.items():
        lines = [*(f"# {place}" for place in places), ""]
        lines.append(code.replace(repr(_PLACE), repr(places[0])))
        parts.append(markup.code("\n".join(lines)))
    if parts:
        return "".join(parts)
    export = (
        f"{command_line.command('export')} "
        f"--run_dir={shlex.quote(str(run.folder.path))}"
    )
    return f"<p>{markup.command(export, 'Export it first:')}</p>\n"


def _is_of(decoded: SyntheticSet, form: Form, path: pathlib.Path) -> bool:
    """Returns whether a form is there, and of the same step of the run."""
    if not (path.exists() and isinstance(form, SetForm)):
        return path.exists()  # A whitening is of the data.
    try:
        own = alike.origin(form.read(path).details)
    except (ValueError, OSError, ImportError):
        return False
    return own == alike.origin(decoded.details)


def _settings(run: DistilledRun) -> str:
    settings = json.dumps(config_lib.to_json(run.config), indent=2)
    return markup.folded("All settings", markup.code(settings))
