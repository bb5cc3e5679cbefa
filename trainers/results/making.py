"""How a row of RESULTS.md is made: experts, run, evaluation, record."""

import contextlib
import dataclasses
import pathlib
from typing import Any

from absl import logging

from fred_tf import assembly, distilled_run, forms, scoring
from fred_tf import config as config_lib
from fred_tf.coding import coder
from fred_tf.coresets import CORESETS, full_set, random_set
from fred_tf.datasets import ImageData, corruptions
from fred_tf.disk import evaluation_files, files, records, run_folder
from fred_tf.distillation import interruption as interruptions
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms.coded import CodedCoefficients
from fred_tf.forms.images import Images
from fred_tf.objectives import OBJECTIVES
from fred_tf.presets.fitting import recorded
from fred_tf.synthetic_set import SyntheticSet
from trainers import distill, select_coreset, train_experts
from trainers.elsewhere import unpacking
from trainers.results import corrupted, storing, work
from trainers.results.clock import Clock
from trainers.results.hardware import AND
from trainers.results.rows import Row


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
        download: whether TensorFlow Datasets may download missing data.
        interruption: once it holds a signal, the row stops: after the outer
            step in progress, or wherever else it is.

    Returns:
        What the JSON file holds; None if the row was stopped before it was
        finished.

    Raises:
        ValueError: the file, or the run, was made with other settings or data.
    """
    maker = _Maker(
        name,
        row,
        pathlib.Path(runs_dir),
        data_dir,
        assembly.load_data(row.config(), data_dir, download),
        interruption or interruptions.Interruption(),
    )
    own = work.of(name, row, maker.data.facts, results_dir)
    if record := work.kept(own):
        logging.info("%s is finished.", name)
        return record
    with contextlib.suppress(interruptions.Stopped):
        records.write(*own, **maker.result())
        return work.kept(own)
    return None


def check(
    name: str,
    row: Row,
    runs_dir: files.Path,
    data: ImageData,
    data_dir: str | None = None,
) -> None:
    """Refuses a row that cannot be made, as far as that is known before.

    Args:
        name, row, runs_dir, data_dir: as `make` takes them.
        data: the row's.

    Raises:
        ImportError: a package that it needs is missing.
        ValueError: its run must come from elsewhere, and is not there.
    """
    if row.subject == "run":
        if row.form == CodedCoefficients.name or row.budget_bytes:
            coder.package()
        if row.elsewhere:
            place, stop = pathlib.Path(runs_dir), interruptions.Interruption()
            _Maker(name, row, place, data_dir, data, stop).brought()
    if row.severity:
        names = corruptions.CORRUPTIONS
        corruptions.check(data, names, row.severity, data_dir)


@dataclasses.dataclass(frozen=True)
class _Subject:
    """What a row scores.

    Attributes:
        synthetic_set: the set.
        export: the folder that the set takes as records, or the picture that
            it is; None where it is not stored.
        curve: evaluations on the way, by outer step.
        elsewhere: minutes by what they were spent on, and the device, where
            the run was made elsewhere.
    """

    synthetic_set: SyntheticSet
    export: pathlib.Path | None
    curve: dict[int, dict[str, Any]] = dataclasses.field(default_factory=dict)
    elsewhere: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class _Maker:
    """Makes what the record of a row says beside its identity."""

    name: str
    row: Row
    runs_dir: pathlib.Path
    data_dir: str | None
    data: ImageData
    interruption: interruptions.Interruption

    def result(self) -> dict[str, Any]:
        origin = self.row.run_of or self.name
        clock = Clock(self.runs_dir / origin / "minutes.json", origin)
        choose = self._run if self.row.subject == "run" else self._real_images
        subject = choose(clock)
        synthetic_set = subject.synthetic_set
        elsewhere = dict(subject.elsewhere)
        device = elsewhere.pop("device", None)
        evaluating = Clock(self._folder / "evaluating.json", self.name)
        path = self._folder / "evaluation.json"
        with evaluating.on("evaluating"), self.interruption.at_once():
            others, facts = corrupted.images(self.row, self.data, self.data_dir)
            scored = scoring.score(
                self.row.evaluation(),
                synthetic_set,
                self.data,
                path,
                others,
                facts,
            )
        scored_on = evaluation_files.scored_on(
            records.read(path, evaluation_files.KIND), len(scored.accuracies)
        )
        return {
            "images": len(synthetic_set.labels),
            "floats": int(synthetic_set.floats_stored),
            **storing.bytes_of(subject.export),
            **self._pictures(synthetic_set),
            "outer_steps": synthetic_set.details.get("outer_steps"),
            "minutes": {
                **clock.minutes(),
                **{part: round(spent, 1) for part, spent in elsewhere.items()},
                **evaluating.minutes(),
            },
            "hardware": AND.join(
                dict.fromkeys([*clock.hardware, *evaluating.hardware])
            ),
            **({"distilled_on": device} if device else {}),
            **({"scored_on": scored_on} if scored_on else {}),
            **({"corrupted_by": corruptions.source(facts)} if facts else {}),
            "curve": {
                str(step): {
                    k: on_the_way[k] for k in ("accuracies", "learning_rate")
                }
                for step, on_the_way in subject.curve.items()
            },
            **scored.to_json(),
        }

    def _pictures(self, synthetic_set: SyntheticSet) -> dict[str, Any]:
        """Returns what the images of an export take as files of pictures."""
        if not self.row.form:
            return {}
        return {"pictures": storing.pictures(synthetic_set)}

    @property
    def _folder(self) -> pathlib.Path:
        return self.runs_dir / self.name

    @property
    def _run_folder(self) -> pathlib.Path:
        return self.runs_dir / (self.row.run_of or self.name) / "run"

    def _run(self, clock: Clock) -> _Subject:
        """Distils, and writes the set in the form that is scored."""
        run = self._distilled(clock)
        synthetic_set, export = storing.write(
            run, self._folder / "stored", self.row.form, self.row.form_bytes
        )
        return _Subject(
            synthetic_set,
            export,
            evaluation_files.curve(run.folder.path),
            unpacking.spent(run.folder),
        )

    def _real_images(self, clock: Clock) -> _Subject:
        """Chooses real images."""
        config, subject = self.row.config(), self.row.subject
        stored = self.row.stored
        if subject == "full":
            return _Subject(full_set(self.data), None)
        if subject == "random" and not stored:
            synthetic_set = random_set(self.data, config.ipc, config.seed)
        else:
            with self.interruption.at_once():
                experts = None
                if subject in CORESETS:  # By the features of an expert.
                    experts = self._experts(clock)
                folder = select_coreset.run(
                    config,
                    self._folder / "run",
                    subject,
                    self.data_dir,
                    expert_dir=experts,
                    stored=stored,
                )
            synthetic_set = forms.read(folder)
        if stored:
            path = select_coreset.sheet_path(self._folder / "run", stored)
            return _Subject(synthetic_set, path)
        export = Images().write(synthetic_set, None, self._folder / "stored")
        return _Subject(synthetic_set, export)

    def _distilled(self, clock: Clock) -> DistilledRun:
        """Returns the run of a row with all its steps."""
        row, config = self.row, self.row.config()
        if run := self.brought():
            return run
        with self.interruption.at_once():
            experts = self._experts(clock)
        with clock.on("distilling"):
            run = distill.run(
                config,
                self._run_folder,
                self.data_dir,
                experts,
                evaluate_every=row.evaluate_every,
                interruption=self.interruption,
            )
        if self.interruption.signal:
            raise interruptions.Stopped
        return run

    def brought(self) -> DistilledRun | None:
        """Returns the run of a row if it has all its steps.

        Raises:
            ValueError: it has not, and is made elsewhere.
        """
        config, folder = self.row.config(), self._run_folder
        run = self._complete(config, folder)
        if run is None and self.row.elsewhere:
            self._refuse_elsewhere(config, folder)
        return run

    def _complete(
        self, config: config_lib.Config, folder: pathlib.Path
    ) -> DistilledRun | None:
        """Returns the run of a folder if it is ours and has all its steps."""
        try:
            run = DistilledRun.restore(folder)
        except FileNotFoundError:
            return None
        facts = self.data.facts
        trained_on = dataclasses.replace(
            run.facts, test=facts.test, tested_on=facts.tested_on
        )
        ours = (
            run.config == recorded(config, self.data)
            and trained_on == self.data.facts
        )
        return run if ours and run.step == config.outer_steps else None

    def _refuse_elsewhere(
        self, config: config_lib.Config, folder: pathlib.Path
    ) -> None:
        way_out = (
            "This row is made where there is an accelerator: make a pack of "
            f"--row={self.row.run_of or self.name}, run it there and bring it "
            "back, see `trainers.elsewhere`."
        )
        records.continued(
            folder / run_folder.CONFIG,
            run_folder.KIND,
            distilled_run.identity(recorded(config, self.data), jit=True),
            self.data.facts.to_json(),
            records.OF_TEST,
            way_out,
        )
        raise ValueError(f"{folder} does not hold the row's run. {way_out}")

    def _experts(self, clock: Clock) -> str | None:
        """Returns the trained experts of a row, if it needs any."""
        config = self.row.config()
        if not OBJECTIVES[config.objective.name].needs_experts:
            return None
        # Rows of one data set and network share them; what is unusual splits.
        names = ["dataset", "network", "augmentation", "experts", "seed"]
        usual = {"normalization": "standardize", "convolutions": "float32"}
        names += [
            n for n, value in usual.items() if getattr(config, n) != value
        ]
        wanted = {name: config_lib.to_json(config)[name] for name in names}
        key = files.digest(repr(wanted).encode())[:8]
        experts = str(self.runs_dir / f"experts_{key}")
        with clock.on("experts"):
            train_experts.run(config, experts, self.data_dir)
        return experts
