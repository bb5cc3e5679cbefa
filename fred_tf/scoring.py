"""Evaluations that continue: one network after the other, kept in a record."""

import dataclasses
import pathlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from absl import logging

from fred_tf import assembly, progress, seeds
from fred_tf.assignments import uncounted
from fred_tf.config import Config, to_json
from fred_tf.datasets import DataFacts, ImageData, Split
from fred_tf.datasets.data_facts import on_split
from fred_tf.datasets.holdout import warn_of_seen
from fred_tf.disk import arrays, evaluation_files, files, records
from fred_tf.distillation import devices
from fred_tf.foreign import KerasNetwork
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluation import Evaluation

# The settings that say how networks are trained; not all are always stated.
HOW = ("network", "convolutions", "norm_layout", "augmentation", "evaluation")
# Of an identity, the same, and what kernel scores in place of networks.
TOLD = (*HOW, "kernel")

# Of these, what no kernel looks at; and what says nothing of a foreign network.
_OF_TRAINING = "network", "convolutions", "norm_layout", "augmentation"
OF_NETWORK = "network", "norm_layout"

# What loads the data; images are normalised as the set is.
OF_DATA = ("dataset", "holdout", "preparation")


def score(
    config: Config,
    synthetic_set: SyntheticSet,
    data: ImageData,
    path: files.Path | None = None,
    corrupted: Mapping[str, Split] | None = None,
    facts: Mapping[str, Any] | None = None,
    network: KerasNetwork | None = None,
) -> Evaluation:
    """Evaluates a set, continuing what `path` holds of the same evaluation.

    More networks than the file holds are added to it; fewer are the first of
    it, and the file stays as it is. What another process adds meanwhile stays,
    too, and is not trained again.

    Args:
        config: its `evaluation`, `network`, `convolutions`, `augmentation` and
            `seed` count.
        synthetic_set: what to train on.
        data: its test split scores the networks.
        path: JSON file that is written after each network; None keeps nothing.
        corrupted: more test images by name; every network is scored on them,
            too.
        facts: what else tells one evaluation from another, e.g. where the
            corrupted images come from; fit for JSON.
        network: what is trained in place of the config's.

    Raises:
        ValueError: the data have no test images, or images or classes that are
            not those of the set; XLA chooses by itself what it compiles; or the
            file is of another evaluation, and the message names the first
            difference.
        OSError: `path` cannot be written; no network is trained.
    """
    devices.refuse_auto_jit()
    corrupted = dict(corrupted or {})
    synthetic_set = fitted_on(data, synthetic_set, corrupted)
    wanted = config.evaluation.networks
    about = description(config, synthetic_set, corrupted, facts)
    about["tested_classes"] = data.tested_classes
    identity, stated = about.pop("identity"), data.facts.to_json()
    if network is not None:
        identity["network"] = network.description
        identity.pop("norm_layout", None)  # Its norms are its own.
    work: records.Work | None = None
    if path is not None:
        work = pathlib.Path(path), evaluation_files.KIND, identity, stated
    clean, others = evaluation_files.begun(work, corrupted, wanted)
    evaluator = assembly.evaluator(config, data, network)
    rate = evaluator.rate_for(synthetic_set)
    missing = range(len(clean), wanted)
    for number in progress.each(missing, "network", wanted, len(clean)):
        if number < len(clean):
            continue  # Another process has added it to the file.
        state = evaluator.train(synthetic_set, network_seed(config, number))
        clean.append(evaluator.score(state, synthetic_set))
        more = corrupted.items(), "other test images", len(corrupted)
        for name, split in progress.each(*more):
            others.setdefault(name, []).append(
                evaluator.score(state, synthetic_set, split)
            )
        logging.info(
            "%s, network %d of %d: test accuracy%s %.4f",
            identity["network"]["name"],
            number + 1,
            wanted,
            on_split(data.tested_on),
            clean[-1],
        )
        if work is not None:
            scores = Evaluation(tuple(clean), rate, others).to_json()
            told = {**about, **scores, "networks": wanted}
            clean, others = evaluation_files.extended(
                work, clean, others, **told
            )
    return Evaluation(
        tuple(clean[:wanted]),
        rate,
        {name: tuple(values[:wanted]) for name, values in others.items()},
    )


def fitted_on(
    data: ImageData,
    synthetic_set: SyntheticSet,
    corrupted: Mapping[str, Split] | None = None,
) -> SyntheticSet:
    """Returns a set whose normalisation can be applied to test images.

    The names of the data sets may differ, as of a copy, and so may what they
    are normalised by: test images are normalised as the set is. That the set
    was, or may have been, distilled from these images is warned of.

    Args:
        data: what is to score the set.
        synthetic_set: the set.
        corrupted: more test images by name.

    Raises:
        ValueError: the set stands for other data, or its whitening was fitted
            on other training images.
    """
    check_alike(synthetic_set, data, corrupted or {})
    stated = synthetic_set.details.get("data")
    warn_of_seen(synthetic_set.dataset, data, stated)
    own = data.fit_of(synthetic_set.normalization)
    return dataclasses.replace(synthetic_set, normalization=own)


def check_alike(
    synthetic_set: SyntheticSet, data: ImageData, corrupted: Mapping[str, Split]
) -> None:
    """Refuses to score a set on what it does not stand for, see `fitted_on`."""
    shape = synthetic_set.images.shape[1:]
    tested = {data.name: data.scored, **corrupted}
    for name, split in tested.items():
        if split.images.shape[1:] != shape:
            raise ValueError(
                f"A set is scored on images like its own, which are {shape} of "
                f"{synthetic_set.classes} classes. Received: "
                f"{split.images.shape[1:]} of {data.classes} in {name!r}. Give "
                f"the data set that it stands for, {synthetic_set.dataset!r}."
            )
    own, theirs = synthetic_set.class_names, data.class_names
    if own != theirs:
        raise ValueError(
            "A set is scored on its own classes, in their order, which are "
            f"{_shortened(own)}. Received: {_shortened(theirs)} in "
            f"{data.name!r}. Give the data set that it stands for, "
            f"{synthetic_set.dataset!r}, or name the classes of arrays with "
            "`class_names` of `load_data`."
        )
    for name, split in corrupted.items():
        if split.labels.max() >= len(own):
            raise ValueError(
                f"Labels must lie in [0, {len(own)}), one per class. Received: "
                f"{split.labels.max()} in {name!r}. Leave these images out."
            )


def _shortened(names: tuple[str, ...]) -> str:
    more = f", ... ({len(names)})" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def network_seed(config: Config, number: int) -> int:
    """Returns the seed of an evaluation's network by its number."""
    return seeds.integer(config.seed, "network", number)


def description(
    config: Config,
    synthetic_set: SyntheticSet,
    corrupted: Mapping[str, Split] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns what the file of an evaluation says beside its accuracies.

    Args:
        config: as `score` takes it.
        synthetic_set: what is trained on.
        corrupted: as `score` takes them.
        facts: as `score` takes them.

    Returns:
        `identity`, which evaluations that continue one another share; and the
        set's `images`, `floats_stored` and `details`.
    """
    identity = {
        **how(config),
        "seed": config.seed,
        "corrupted": {
            name: {"images": len(split), "test": split.digest}
            for name, split in (corrupted or {}).items()
        },
        **(facts or {}),
        **_of_set(synthetic_set),
    }
    return {
        "identity": identity,
        "images": len(synthetic_set.labels),
        "floats_stored": synthetic_set.floats_stored,
        "details": dict(synthetic_set.details),
    }


def how(config: Config) -> dict[str, Any]:
    """Returns how networks are trained, whatever they are trained on.

    It does not count how many: evaluations that continue may have more.
    """
    told = to_json(config)
    del told["evaluation"]["networks"]
    return {n: told[n] for n in HOW if n in told} | _kernel(config)


def are_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Returns whether accuracies of two evaluations can be compared.

    Args:
        one: what `how` or `measured` tells of one, or the identity in its file.
        other: of the other one.
    """
    told, others = (
        {name: x[name] for name in TOLD if name in x} for x in (one, other)
    )
    return not records.differences(told, others)


def by_own_network(
    found: Iterable[dict[str, Any]], config: Config
) -> list[dict[str, Any]]:
    """Returns the evaluations by the network that a set was distilled with.

    Args:
        found: from `measured`.
        config: of the run that made the set; what was trained as it says
            comes first.
    """
    name, usual = config.network.name, how(config)
    own = [x for x in found if x["network"]["name"] == name]
    return sorted(own, key=lambda x: not are_alike(x, usual))


def check_changes(
    own: Config, changed: Config, *others: str, replaced: Collection[str] = ()
) -> None:
    """Refuses overrides that an evaluation does not look at.

    Args:
        own: the settings before.
        changed: the same with overrides.
        *others: settings and sections that the caller looks at besides.
        replaced: those in whose place it takes something else.

    Raises:
        ValueError: there is such an override.
    """
    looked_at = {*HOW, "seed", *others} - {*replaced}
    if changed.evaluation.by != "networks":  # By the kernel of the objective.
        looked_at = looked_at - {*_OF_TRAINING} | {"objective"}
        # Steps of the memory start anew with another objective.
        others = ("distiller", "parameterization", *others)
    counting = [*looked_at, *others]
    if unused := uncounted(to_json(own), to_json(changed), counting):
        names = ", ".join(f"`{name}`" for name in sorted(looked_at))
        raise ValueError(
            f"An evaluation like this one looks at the settings {names}. "
            f"Received: {', '.join(unused)}. Leave out what it does not look "
            "at, or distil with it."
        )


def _kernel(config: Config) -> dict[str, Any]:
    """Returns what tells a kernel from others, where one is what scores."""
    if config.evaluation.by == "networks":
        return {}
    told = assembly.kernel_settings(config).to_json().items()
    training = ("real_batch_per_class", "loss")
    return {"kernel": {k: v for k, v in told if k not in training}}


def measured(
    folder: files.Path, synthetic_set: SyntheticSet, facts: DataFacts
) -> list[dict[str, Any]]:
    """Returns what the `evaluation*.json` of a folder say of a set.

    What `trainers.distill` wrote for its curve is left out, and so is what was
    measured on other test images than those of the set's own data: corrected
    labels, a holdout, another data set.

    Args:
        folder: where the files are.
        synthetic_set: the set.
        facts: of the data that it stands for.

    Returns:
        The network, the settings of the training, and the accuracies of each;
        of what was stopped before, how many `networks` there were to be.
    """
    measured, own = [], _of_set(synthetic_set)
    for path in evaluation_files.beside_curve(folder):
        record = records.read(path, evaluation_files.KIND)
        identity, data = record["identity"], record["data"] or {}
        of_others = facts.test is None or data.get("test") != facts.test
        if of_others or any(identity.get(k) != v for k, v in own.items()):
            continue
        accuracies, _ = evaluation_files.accuracies(path, record)
        evaluation = Evaluation(tuple(accuracies), 0.0)
        told = {
            **{name: identity[name] for name in TOLD if name in identity},
            "mean": evaluation.mean,
            "deviation": evaluation.deviation,
            "accuracies": accuracies,
            **evaluation_files.wanted(path, record),
        }
        # The same networks may have been scored on other images, too.
        if told not in measured:
            measured.append(told)
    return measured


def _of_set(synthetic_set: SyntheticSet) -> dict[str, Any]:
    """Returns what tells a set from others, as far as networks see it."""
    return {
        "student_learning_rate": synthetic_set.student_learning_rate,
        "normalization": synthetic_set.normalization.get_config(),
        "set": arrays.bytes_digest(synthetic_set.images),
        "targets": arrays.bytes_digest(synthetic_set.targets),
        # Where nothing is told, they are classes or probabilities.
        **(
            {"label_kind": synthetic_set.label_kind}
            if synthetic_set.kind_of_soft_labels == "scores"
            else {}
        ),
    }
