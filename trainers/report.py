"""Writes everything about a run as one page: `<run_dir>/report.html`.

    python -m trainers.report --run_dir=runs/cifar10

The page holds its pictures itself and asks no other host for anything, so it
can be mailed. It shows what the run folder holds: settings, curves, images,
evaluations, the figures of `trainers.figures` and the sizes of
`python -m export`. No real data are needed.
"""

import base64
import html
import io
import json
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

from absl import flags
from matplotlib.figure import Figure

from fred_tf import config as config_lib
from fred_tf import figures, scoring
from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.figures import Curve, canvas
from fred_tf.forms import FORMS
from fred_tf.parameterizations import TITLES, Frequency
from fred_tf.training.evaluator import Evaluation
from trainers import run_flags
from trainers.figures.__main__ import CAPTIONS

NAME = "report.html"

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0;
       text-align: left; border-bottom: 1px solid #8884; }
.whole { white-space: nowrap; }
figure { margin: 1rem 0; } figcaption { color: #777; font-size: .9rem; }
img { max-width: 100%; background: white; border-radius: 4px; }
pre { overflow: auto; padding: .8rem; background: #8882; border-radius: 4px; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; }
.row figure { flex: 1 1 24rem; }
"""

# Metrics by the figure that they share.
_CURVES = {
    "loss": ("loss", True),
    "gradient_norm": ("norm of the memory's gradient", True),
    "student_learning_rate": ("student learning rate", False),
}
# Figures of `trainers.figures` that the page draws itself.
_DRAWN_ABOVE = ("masks", "over_time", "accuracy_by_step")


def run(run_dir: files.Path) -> pathlib.Path:
    """Writes the page of a run and returns its path.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint yet.
        ValueError: the folder is damaged; the message says how.
    """
    distilled = DistilledRun.restore(run_dir)
    path = distilled.folder.path / NAME
    files.write_text(path, page(distilled))
    return path


def page(distilled: DistilledRun) -> str:
    """Returns the page of a run as HTML."""
    config = distilled.config
    stored = config.parameterization.name
    title = (
        f"{config.dataset}, ipc {config.ipc}: "
        f"{TITLES.get(stored, stored)} by "
        f"{config.objective.name.replace('_', ' ')}"
    )
    sections = [
        _summary(distilled),
        _section("Accuracy", _accuracy(distilled)),
        _section("Images", _images(distilled)),
        _section("Curves", _curves(distilled)),
        _section("Figures", _figures(distilled)),
        _section("Forms and their sizes", _sizes(distilled)),
        _section("Use it", _usage(distilled)),
        _section("Settings", _settings(distilled)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n<h1>{html.escape(title)}</h1>\n"
        f"{''.join(sections)}</body>\n</html>\n"
    )


def _summary(distilled: DistilledRun) -> str:
    memory = distilled.parameterization
    rows = [
        ("data set", distilled.facts.name),
        ("classes", ", ".join(distilled.facts.class_names)),
        ("images", f"{memory.instances:,}"),
        ("per class", f"{memory.instances_per_class:,}"),
        ("floats stored", f"{memory.floats_stored:,}"),
        (
            "outer steps",
            f"{distilled.step:,} of {distilled.config.outer_steps:,}",
        ),
        *(
            (n.replace("_", " "), f"{v:.4g}")
            for n, v in distilled.learned.items()
        ),
    ]
    return _table(("", ""), rows)


def _accuracy(distilled: DistilledRun) -> str:
    found = scoring.measured(distilled.folder.path, distilled.synthetic_set())
    if not found:
        return (
            "<p>Not measured yet: <code>python -m trainers.evaluate "
            f"--run_dir={html.escape(str(distilled.folder.path))}</code></p>\n"
        )
    rows = [
        (
            x["network"]["name"],
            str(Evaluation(tuple(x["accuracies"]), 0.0)),
            str(len(x["accuracies"])),
            f"{x['evaluation']['epochs']:,}",
        )
        for x in found
    ]
    return _table(("network", "test accuracy", "networks", "epochs"), rows)


def _images(distilled: DistilledRun) -> str:
    decoded, memory = distilled.synthetic_set(), distilled.parameterization
    parts = []
    if decoded.images.shape[-1] in (1, 3):
        parts.append(
            _drawn(figures.gallery(decoded), "the first of each class")
        )
        if snapshots := distilled.folder.snapshots():
            strips = figures.strips(
                snapshots, decoded.class_names, decoded.normalization
            )
            parts.append(_drawn(strips, CAPTIONS["over_time"]))
    if isinstance(memory, Frequency):
        drawn = figures.masks(
            memory.masks, decoded.class_names, memory.transform.axis
        )
        parts.append(_drawn(drawn, CAPTIONS["masks"]))
    return "".join(parts)


def _curves(distilled: DistilledRun) -> str:
    metrics = distilled.folder.metrics()
    if not metrics:
        return ""
    parts = []
    if found := scoring.curve(distilled.folder.path):
        network = distilled.config.network.name
        drawn = figures.curves(
            {network: Curve.of_accuracies(found)},
            "outer step",
            "test accuracy (%)",
        )
        parts.append(_drawn(drawn, CAPTIONS["accuracy_by_step"]))
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
                lines[name.replace("_", " ")] = Curve(*zip(*points))
        if lines:
            drawn = figures.curves(lines, "outer step", label, log_y=log_y)
            parts.append(_drawn(drawn, label))
    return f'<div class="row">{"".join(parts)}</div>\n'


def _figures(distilled: DistilledRun) -> str:
    folder = distilled.folder.path / "figures"
    found = {path.stem: path for path in sorted(folder.glob("*.png"))}
    # Those of `trainers.figures` in its order, then others.
    parts = [
        _figure(found[name].read_bytes(), CAPTIONS.get(name, name))
        for name in [*CAPTIONS, *sorted(found.keys() - CAPTIONS.keys())]
        if name in found and name not in _DRAWN_ABOVE
    ]
    return f'<div class="row">{"".join(parts)}</div>\n' if parts else ""


def _sizes(distilled: DistilledRun) -> str:
    path = distilled.folder.path / "export" / "sizes.md"
    if not path.exists():
        return ""
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return _table(header, rows)


def _usage(distilled: DistilledRun) -> str:
    folder = distilled.folder.path / "export"
    paths: dict[str, list[str]] = {}  # By the code that reads them.
    for form in FORMS.values():
        if form.loading and (folder / form.path).exists():
            path = repr(str(folder / form.path))
            paths.setdefault(form.loading, []).append(path)
    parts = []
    for code, alike in paths.items():
        lines = [f"# {path}" for path in alike]
        lines += ["", code.replace("PATH", alike[0])]
        parts.append(f"<pre>{html.escape(chr(10).join(lines))}</pre>\n")
    return "".join(parts) or (
        "<p>Export it first: <code>python -m export "
        f"--run_dir={html.escape(str(distilled.folder.path))}</code></p>\n"
    )


def _settings(distilled: DistilledRun) -> str:
    text = json.dumps(config_lib.to_json(distilled.config), indent=2)
    return f"<pre>{html.escape(text)}</pre>\n"


def _section(title: str, content: str) -> str:
    return f"<h2>{html.escape(title)}</h2>\n{content}" if content else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    def line(cells, tag):
        inner = ""
        for cell in cells:
            text = html.escape(str(cell)).replace("+-", "±")
            whole = ' class="whole"' if "±" in text else ""
            inner += f"<{tag}{whole}>{text}</{tag}>"
        return f"<tr>{inner}</tr>\n"

    head = line(header, "th") if any(header) else ""
    body = "".join(line(row, "td") for row in rows)
    return f"<table>\n{head}{body}</table>\n"


def _drawn(figure: Figure, caption: str) -> str:
    buffer = io.BytesIO()
    canvas.write(figure, buffer, "png", dpi=110)
    return _figure(buffer.getvalue(), caption)


def _figure(png: bytes, caption: str) -> str:
    text, data = html.escape(caption), base64.b64encode(png).decode()
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>\n"
    )


def program() -> None:
    print(run(run_flags.required(run_flags.RUN_DIR)))


def main() -> None:
    run_flags.start(program)


if __name__ == "__main__":
    flags.declare_key_flag("run_dir")
    main()
