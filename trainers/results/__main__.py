"""Makes the rows of RESULTS.md, each from a run folder of its own.

    python -m trainers.results --data_dir=~/tensorflow_datasets
    python -m trainers.results --rows=mnist_ipc1_fred_dm --data_dir=...
    python -m trainers.results --rows=none     # only writes RESULTS.md again

A row trains experts if it needs them, distils, evaluates on the test split and
writes `results/<row>.json`; runs are in `runs/results`. Stopped, the same
command continues, and what is finished is left as it is. RESULTS.md is
generated from all of `results/`, never typed; what people have to say about it
is in docs/what-mattered.md. Settings are those of the presets: nothing is
chosen here, and the accuracy is that of the final step.
"""

import contextlib
import os
import pathlib
import platform
import time
from typing import Any

from absl import flags, logging

from export import sizes
from fred_tf import assembly, forms
from fred_tf import config as config_lib
from fred_tf.coresets import CORESETS, full_set, random_set
from fred_tf.datasets import ImageData
from fred_tf.disk import files
from fred_tf.distillation import interruption as interruptions
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms import FORMS
from fred_tf.forms.images import Images
from fred_tf.objectives import OBJECTIVES
from fred_tf.scoring import curve, score
from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import SyntheticSet
from trainers import distill, run_flags, select_coreset, train_experts
from trainers.elsewhere import unpacking
from trainers.results.rows import ROWS, Row
from trainers.results.table import FORMAT_VERSION, table

NAMES = flags.DEFINE_list(
    "rows",
    [],
    "Which rows to make, of ROWS in trainers/results/rows.py; default all that "
    "need no accelerator.",
)
RUNS_DIR = flags.DEFINE_string(
    "runs_dir", "runs/results", "Where the runs of the rows are."
)
RESULTS_DIR = flags.DEFINE_string(
    "results_dir", "results", "Where the rows' JSON files are."
)
TABLE = flags.DEFINE_string("table", "RESULTS.md", "The generated table.")


def make(
    name: str,
    row: Row,
    runs_dir: files.Path,
    results_dir: files.Path,
    data_dir: str | None = None,
    download: bool = False,
    interruption: interruptions.Interruption | None = None,
) -> dict[str, Any] | None:
    """Makes one row, or goes on with it.

    Args:
        name: of the row, and of its run folder and its JSON file.
        row: the row.
        runs_dir: where run folders and experts are.
        results_dir: where the JSON file goes.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether missing data may be downloaded.
        interruption: once it holds a signal, the row stops: after the outer
            step in progress, or wherever else it is.

    Returns:
        What the JSON file holds; None if the row was stopped before it was
        finished.
    """
    with contextlib.suppress(interruptions.Stopped):
        return _made(
            name,
            row,
            runs_dir,
            results_dir,
            data_dir,
            download,
            interruption or interruptions.Interruption(),
        )
    return None


def _made(
    name: str,
    row: Row,
    runs_dir: files.Path,
    results_dir: files.Path,
    data_dir: str | None,
    download: bool,
    interruption: interruptions.Interruption,
) -> dict[str, Any]:
    path = pathlib.Path(results_dir) / f"{name}.json"
    config, scored = row.config(), row.evaluation()
    described = {
        "format_version": FORMAT_VERSION,
        "config": config_lib.to_json(config),
        "evaluation": config_lib.to_json(scored),
        "subject": row.subject,
        **({"form": row.form} if row.form else {}),
    }
    if path.exists():
        found = files.read_json(path)
        if _same(found, described):
            logging.info("%s is finished.", name)
            return found
    folder = pathlib.Path(runs_dir) / name
    source = pathlib.Path(runs_dir) / (row.run_of or name)
    folder.mkdir(parents=True, exist_ok=True)
    data = assembly.load_data(config, data_dir, download)
    spent, on_the_way, away = _Clock(source / "minutes.json"), {}, {}
    if row.subject == "run":
        run = _distilled(row, source, runs_dir, data_dir, spent, interruption)
        on_the_way = curve(run.folder.path)
        chosen = run.synthetic_set()
        form = row.form or _smallest_lossless(run, chosen)
        memory = run.parameterization
        export = FORMS[form].write(chosen, memory, folder / "stored")
        if row.form:
            chosen = forms.read(export)
        away = unpacking.spent(run.folder)
    else:
        experts = None
        with interruption.at_once():
            if row.subject in CORESETS:  # By the features of an expert.
                experts = _experts(config, runs_dir, data_dir, spent)
            chosen = _chosen(
                row.subject, config, folder, data, data_dir, experts
            )
        export = None
        if row.subject != "full":
            export = Images().write(chosen, None, folder / "stored")
    device = away.pop("device", None)
    evaluating = _Clock(folder / "evaluating.json")
    evaluation = folder / "evaluation.json"
    with evaluating.on("evaluating"), interruption.at_once():
        result = score(scored, chosen, data, evaluation)
    scored_on = files.read_json(evaluation).get("device")
    made = {
        **described,
        "images": len(chosen.labels),
        "floats": int(chosen.floats_stored),
        **_bytes(export),
        **({"pictures": _pictures(chosen)} if row.form else {}),
        "outer_steps": chosen.details.get("outer_steps"),
        "minutes": {
            **spent.minutes(),
            **{part: round(minutes, 1) for part, minutes in away.items()},
            **evaluating.minutes(),
        },
        "hardware": _hardware(),
        **({"distilled_on": device} if device else {}),
        **({"scored_on": scored_on} if scored_on else {}),
        "curve": {
            str(step): {k: found[k] for k in ("accuracies", "learning_rate")}
            for step, found in on_the_way.items()
        },
        **result.to_json(),
    }
    files.write_json(path, made)
    return made


def _smallest_lossless(run: DistilledRun, decoded: SyntheticSet) -> str:
    """Returns the form in which a run takes the fewest bytes without loss."""
    fit = forms.fitting(decoded, run.parameterization)
    lossless = ("coefficients_float32", "images_float32")
    return next(name for name in lossless if name in fit)


def _bytes(export: pathlib.Path | None) -> dict[str, int]:
    """Returns the bytes of an export's records, and of all its files."""
    if export is None:
        return {}
    size = sizes.size_of("", export)
    return {"bytes": size.payload, "bytes_of_folder": size.size}


def _pictures(chosen: SyntheticSet) -> dict[str, int]:
    """Returns the bytes that a set's images take as files of pictures."""
    return {part.name: part.size for part in sizes.pictures(chosen)}


def _same(found: dict[str, Any], described: dict[str, Any]) -> bool:
    """Returns whether a file holds this row, made with these settings.

    Settings that did not exist when it was made count as their defaults.
    """
    complete = {
        name: config_lib.completed(found[name])
        for name in ("config", "evaluation")
    }
    return all({**found, **complete}.get(k) == v for k, v in described.items())


class _Clock:
    """Sums the time that parts of a row took, over all times it was begun."""

    def __init__(self, path: pathlib.Path):
        self._path = path
        self._spent = files.read_json(path) if path.exists() else {}

    def on(self, part: str) -> "_Part":
        return _Part(self, part)

    def add(self, part: str, minutes: float) -> None:
        self._spent[part] = self._spent.get(part, 0) + minutes
        files.write_json(self._path, self._spent)

    def minutes(self) -> dict[str, float]:
        return {part: round(spent, 1) for part, spent in self._spent.items()}


class _Part:
    def __init__(self, clock: _Clock, part: str):
        self._clock, self._part = clock, part

    def __enter__(self):
        self._begun = time.monotonic()

    def __exit__(self, *_):
        self._clock.add(self._part, (time.monotonic() - self._begun) / 60)


def _distilled(
    row: Row,
    folder: pathlib.Path,
    runs_dir: files.Path,
    data_dir: str | None,
    spent: _Clock,
    interruption: interruptions.Interruption,
) -> DistilledRun:
    """Returns the run of a row with all its steps."""
    config = row.config()
    if finished := _finished(config, folder / "run"):
        return finished
    if row.elsewhere:
        raise ValueError(
            f"This row is made where there is an accelerator. Received: "
            f"{folder / 'run'}, which does not hold its run. Make a pack of "
            f"--preset={row.preset} with the overrides {list(row.overrides)}, "
            "run it there and bring it back, see `trainers.elsewhere`."
        )
    with interruption.at_once():
        experts = _experts(config, runs_dir, data_dir, spent)
    with spent.on("distilling"):
        run = distill.run(
            config,
            folder / "run",
            data_dir,
            experts,
            evaluate_every=row.evaluate_every,
            interruption=interruption,
        )
    if interruption.signal:
        raise interruptions.Stopped
    return run


def _experts(
    config: config_lib.Config,
    runs_dir: files.Path,
    data_dir: str | None,
    spent: _Clock,
) -> str | None:
    """Returns the trained experts of a row, if it needs any."""
    if not OBJECTIVES[config.objective.name].needs_experts:
        return None
    # Rows of one data set and network share them.
    wanted = {
        name: config_lib.to_json(config)[name]
        for name in ("dataset", "network", "augmentation", "experts", "seed")
    }
    key = files.digest(repr(wanted).encode())[:8]
    experts = str(pathlib.Path(runs_dir) / f"experts_{key}")
    with spent.on("experts"):
        train_experts.run(config, experts, data_dir)
    return experts


def _finished(
    config: config_lib.Config, run_dir: pathlib.Path
) -> DistilledRun | None:
    """Returns the run of a folder if it has made all its steps."""
    try:
        run = DistilledRun.restore(run_dir)
    except FileNotFoundError:
        return None
    same = run.config == config_lib.resolved(config, run.facts.image_shape)
    return run if same and run.step == config.outer_steps else None


def _chosen(
    subject: str,
    config: config_lib.Config,
    folder: pathlib.Path,
    data: ImageData,
    data_dir: str | None,
    experts: str | None,
) -> SyntheticSet:
    if subject == "random":
        return random_set(data, config.ipc, config.seed)
    if subject == "full":
        return full_set(data)
    chosen = select_coreset.run(
        config, folder / "run", subject, data_dir, expert_dir=experts
    )
    return forms.read(chosen)


def _hardware() -> str:
    """Returns the processor and how many cores of it there are."""
    model = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        named = [
            line.split(":", 1)[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = named[0] if named else model
    return f"{os.cpu_count()} cores, {model}"


@run_flags.program
def main() -> int:
    run_flags.set_determinism()
    here = [name for name, row in ROWS.items() if not row.elsewhere]
    names = [] if NAMES.value == ["none"] else NAMES.value or here
    for name in names:
        check_one_of("--rows", name, ROWS)
        assembly.check_network(ROWS[name].evaluation())
    with interruptions.Interruption().watching() as interruption:
        for name in names:
            make(
                name,
                ROWS[name],
                RUNS_DIR.value,
                RESULTS_DIR.value,
                run_flags.DATA_DIR.value,
                run_flags.DOWNLOAD.value,
                interruption,
            )
            files.write_text(TABLE.value, table(RESULTS_DIR.value))
            if interruption.signal:
                print("Stopped; run again to continue.")
                return interruption.exit_code
    files.write_text(TABLE.value, table(RESULTS_DIR.value))
    print(TABLE.value)
    return 0


if __name__ == "__main__":
    main()
