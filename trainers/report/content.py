"""What the page of a run says, section by section."""

import json

from export import sizes
from fred_tf import config as config_lib
from fred_tf import figures, scoring
from fred_tf.datasets.data_facts import TEST, on_split
from fred_tf.disk import rewinds
from fred_tf.distilled_run import DistilledRun
from fred_tf.figures import Curve
from fred_tf.forms import FORMS
from fred_tf.training.evaluation import Evaluation
from fred_tf.training.evaluator import EvaluatorSettings
from trainers import coded_size
from trainers.figures import FIGURES, MissingError, Subject
from trainers.figures import title as stored_as
from trainers.report import markup

# Metrics by the figure that they share.
_CURVES = {
    "loss": ("loss", True),
    "gradient_norm": ("norm of the memory's gradient", True),
    "student_learning_rate": ("student learning rate", False),
}
# Figures of `trainers.figures` that the page draws itself; they need no data.
_DRAWN_HERE = ("masks", "views", "labels", "over_time", "accuracy_by_step")


def page(run: DistilledRun) -> str:
    """Returns the page of a run as HTML."""
    config = run.config
    objective = config.objective.name.replace("_", " ")
    title = (
        f"{config.dataset}, ipc {config.ipc}: "
        f"{stored_as(config)} by {objective}"
    )
    sections = {
        "Accuracy": _accuracy,
        "Images": _images,
        "Curves": _curves,
        "Figures": _figures,
        "Forms and their sizes": _sizes,
        "Use it": _usage,
        "Settings": _settings,
    }
    return markup.document(
        title,
        [
            _summary(run),
            *(
                markup.section(k, content(run))
                for k, content in sections.items()
            ),
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


def _accuracy(run: DistilledRun) -> str:
    evaluations = scoring.measured(
        run.folder.path, run.synthetic_set(), run.facts
    )
    if not evaluations:
        return markup.hint(
            "Not measured yet:",
            f"python -m trainers.evaluate --run_dir={run.folder.path}",
        )
    rows = []
    for x in evaluations:
        how = EvaluatorSettings.from_json(x["evaluation"])
        accuracy = str(Evaluation(tuple(x["accuracies"]), 0.0))
        count = str(len(x["accuracies"]))
        row = [
            x["network"]["name"],
            accuracy,
            how.loss,
            count,
            f"{how.epochs:,}",
        ]
        if how.by != "networks":
            row = [how.by, accuracy, "", count, ""]
        rows.append([cell.replace("_", " ") for cell in row])
    heading = f"test accuracy{on_split(run.facts.tested_on)}"
    header = ("network", heading, "loss", "networks", "epochs")
    return markup.table(header, rows)


def _images(run: DistilledRun) -> str:
    decoded, first = run.synthetic_set(), ""
    if decoded.images.shape[-1] in (1, 3):
        drawn = figures.gallery(decoded)
        first = markup.drawing(drawn, "the first of each class")
    more = ("views", "over_time", "masks", "labels")
    return first + "".join(_drawn(run, name) for name in more)


def _drawn(run: DistilledRun, name: str) -> str:
    """Returns one of `_DRAWN_HERE`, if the run has what it needs."""
    draw, caption = FIGURES[name]
    try:
        drawn = draw(Subject({run.config.network.name: run}))
    except MissingError:
        return ""
    return markup.drawing(drawn, caption)


def _curves(run: DistilledRun) -> str:
    metrics = run.folder.metrics()
    if not metrics:
        return ""
    parts = [_drawn(run, "accuracy_by_step")]
    for beginning, (label, log_y) in _CURVES.items():
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
                lines[name.replace("_", " ")] = Curve(steps, values)
        if lines:
            drawn = figures.curves(lines, "outer step", label, log_y=log_y)
            parts.append(markup.drawing(drawn, label))
    return markup.beside(parts)


def _figures(run: DistilledRun) -> str:
    folder = run.folder.path / "figures"
    paths = {path.stem: path for path in sorted(folder.glob("*.png"))}
    captions = {name: figure.caption for name, figure in FIGURES.items()}
    # Those of `trainers.figures` in its order, then others.
    return markup.beside(
        [
            markup.figure(paths[name].read_bytes(), captions.get(name, name))
            for name in [*captions, *sorted(paths.keys() - captions.keys())]
            if name in paths and name not in _DRAWN_HERE
        ]
    )


def _sizes(run: DistilledRun) -> str:
    path = run.folder.path / "export" / sizes.NAME
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8").splitlines()
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ]
    notes = [line for line in lines if line and not line.startswith("|")]
    return markup.table(header, rows) + "".join(map(markup.note, notes))


def _usage(run: DistilledRun) -> str:
    folder = run.folder.path / "export"
    paths: dict[str, list[str]] = {}  # By the code that reads them.
    for form in FORMS.values():
        if form.loading and (folder / form.path).exists():
            path = repr(str(folder / form.path))
            paths.setdefault(form.loading, []).append(path)
    parts = []
    for code, alike in paths.items():
        lines = [*(f"# {path}" for path in alike), ""]
        lines.append(code.replace("PATH", alike[0]))
        parts.append(markup.code("\n".join(lines)))
    return "".join(parts) or markup.hint(
        "Export it first:", f"python -m export --run_dir={run.folder.path}"
    )


def _settings(run: DistilledRun) -> str:
    return markup.code(json.dumps(config_lib.to_json(run.config), indent=2))
