"""Packs: what a machine that has JAX, but no TensorFlow, needs for a run."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf import assembly, chosen_images
from fred_tf import config as config_lib
from fred_tf.config import Config
from fred_tf.coresets import RANDOM
from fred_tf.datasets import ImageData
from fred_tf.disk import claims, files, paths
from fred_tf.distillation.distiller import Distiller
from fred_tf.experts.store import ExpertStore
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations.labels import CLASSES, EXPERTS
from fred_tf.presets import fitting
from fred_tf.scoring import description, fitted_on
from fred_tf.synthetic_set import SyntheticSet
from trainers import evaluate, within_bytes
from trainers.elsewhere import (
    pack_folder,
    packed_experts,
    packed_images,
    packed_scoring,
)
from trainers.elsewhere.lowering import check_jax, lower
from trainers.elsewhere.packed_images import Shared
from trainers.elsewhere.runner import arrays

# How references call what packs hold as it was before it was normalised.
_IMAGES = "images"


def pack(
    config: Config,
    folder: files.Path,
    data_dir: str | None = None,
    download: bool = False,
    networks: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Writes the pack of a run, see `run.py` for what is in it.

    Args:
        config: the run.
        folder: the pack; made, or left as it is where it is there already.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether missing data may be downloaded.
        networks: those that score the result; the config's own if empty.
        overwrite: whether a pack that is there is replaced, with all that was
            made of it.

    Raises:
        ImportError: JAX is not installed.
        ValueError: the folder holds a pack of other settings or data, or
            experts choose what the run begins with, or see
            `packed_scoring.check`.
        FileExistsError: the folder holds something else.
        BlockingIOError: a runner makes the pack that is to be replaced.
    """
    check_jax()
    folder = paths.folder(folder, "--pack")
    _check_start(config)
    assembly.check_network(config)
    scored = evaluate.configs(config, networks)
    packed_scoring.check(config.evaluation)
    data = assembly.load_data(config, data_dir, download)
    pack_run(config, folder, data, scored, overwrite=overwrite)


def pack_run(
    config: Config,
    folder: files.Path,
    data: ImageData,
    scored: Mapping[str, Config],
    shared: Shared | None = None,
    overwrite: bool = False,
) -> None:
    """Writes the pack of a run, as `pack` does.

    Args:
        config: the run.
        folder: the pack; made, or left as it is where it is there already.
        data: the real data.
        scored: settings of the evaluations, by network.
        shared: where images and experts go; the pack itself if None.
        overwrite: whether a pack that is there is replaced.

    Raises:
        ValueError: the folder holds a pack of other settings or data.
        FileExistsError: the folder holds something else.
        BlockingIOError: a runner makes the pack that is to be replaced.
    """
    config = fitting.fitted(config, data)
    scored = {k: fitting.fitted(v, data) for k, v in scored.items()}
    evaluations = {k: config_lib.to_json(v) for k, v in scored.items()}
    work = pack_folder.work(folder, config, data, scored=evaluations)
    shared = shared or Shared()
    if pack_folder.is_there(work, overwrite):
        return
    _check_start(config)
    within_bytes.tell(config, "RUN_DIR")
    distiller = _begun(config, data)
    recipe = distiller.objective.recipe()
    count = max(1, config.distiller.references_per_step)
    with pack_folder.replacing(folder, overwrite) as temporary:
        root = shared.folder or temporary
        labels, leaves = _lower_run(
            config, data, distiller, recipe, count, temporary
        )
        if recipe["kind"] == "expert_segments":
            recipe |= packed_experts.write(config, data, root, recipe)
        if config.parameterization.initial_labels == EXPERTS:
            recipe |= packed_experts.write_taught(
                config, data, distiller, temporary
            )
        images = {
            "train": packed_images.write(root, data.train, shared.part_bytes),
            "test": packed_images.write(root, data.scored, shared.part_bytes),
        }
        scoring = packed_scoring.write(
            temporary,
            scored,
            data,
            labels,
            distiller.parameterization.label_kind,
            data.normalization,
        )
        pack_folder.finish(
            temporary,
            work,
            overwrite,
            leaves,
            images=images,
            shared="../.." if shared.folder else ".",
            seed=config.seed,
            outer_steps=config.outer_steps,
            references_per_step=count,
            reference=recipe,
            scoring=scoring,
        )


def _lower_run(
    config: Config,
    data: ImageData,
    distiller: Distiller,
    recipe: Mapping[str, Any],
    count: int,
    folder: pathlib.Path,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Writes the step, how its result is decoded, and the constants of both.

    Args:
        config: the run.
        data: the real data.
        distiller: its memory as it begins.
        recipe: of its references.
        count: references of a step.
        folder: of the pack.

    Returns:
        The labels of the images, and the state as it begins.
    """
    outer_step = distiller.outer_step
    state, constants = distiller.tensors()
    # As NumPy arrays they are written into the functions.
    constants = [constant.numpy() for constant in constants]
    there = arrays.numbered(constants)
    arrays.write(folder / pack_folder.CONSTANTS, "constants", **there)

    def begin(leaves):
        """Returns what the distiller's pure functions begin with."""
        return (
            tf.nest.pack_sequence_as(state, leaves),
            [tf.constant(constant) for constant in constants],
        )

    raw = recipe["kind"] == "class_batches"
    images_type = data.train.images.dtype if raw else None
    examples = _examples(distiller, images_type, count)

    def step(leaves, references, number):
        if raw:
            references = {
                name: data.normalization(value)
                if name.endswith(_IMAGES)
                else value
                for name, value in references.items()
            }
        new, scalars = outer_step(*begin(leaves), references, number)
        return tf.nest.flatten(new), scalars

    evaluator = packed_scoring.evaluator(config, data)
    memory = outer_step.parameterization

    def targets(labels):
        """Returns what networks are trained on."""
        soft = labels if memory.label_kind else None
        return evaluator.targets(memory.labels, soft, memory.label_kind)

    def decode(leaves):
        images, labels, learned = outer_step.result(*begin(leaves))
        labels = tf.convert_to_tensor(targets(labels))
        return images, labels, tf.cast(evaluator.rate(learned), tf.float32)

    leaves = tf.nest.flatten(state)
    lower(step, (leaves, examples, np.int32(0)), folder / "step.jax")
    lower(decode, (leaves,), folder / "decode.jax")
    labels = outer_step.decoded(state.memory, list(constants))[1]
    return np.asarray(targets(labels)), [leaf.numpy() for leaf in leaves]


def pack_set(
    config: Config,
    folder: files.Path,
    synthetic_set: SyntheticSet,
    data: ImageData,
    word: str = "",
    networks: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Writes a pack that only scores a set.

    Args:
        config: says how, as for `scoring.score`.
        folder: the pack; made, or left as it is where it is there already.
        synthetic_set: the set.
        data: its test split scores.
        word: what the set is, for the names of files; empty for a run's own.
        networks: those that are trained; the config's own if empty.
        overwrite: whether a pack that is there is replaced.

    Raises:
        ImportError: JAX is not installed.
        ValueError: the folder holds a pack of other settings or data, or
            `word` is fit for no name of a file.
        FileExistsError: the folder holds something else.
        BlockingIOError: a runner makes the pack that is to be replaced.
    """
    check_jax()
    synthetic_set = fitted_on(data, synthetic_set)
    folder = paths.folder(folder, "--pack")
    claims.word({"word": word}, "word", may_be_empty=True)
    scored = evaluate.configs(config, networks)
    described = {
        network: description(settings, synthetic_set)
        for network, settings in scored.items()
    }
    evaluations = {k: about["identity"] for k, about in described.items()}
    work = pack_folder.work(folder, config, data, evaluations=evaluations)
    if pack_folder.is_there(work, overwrite):
        return
    evaluator = packed_scoring.evaluator(config, data)
    kind = synthetic_set.kind_of_soft_labels
    targets = np.asarray(
        evaluator.targets(synthetic_set.labels, synthetic_set.soft_labels, kind)
    )
    with pack_folder.replacing(folder, overwrite) as temporary:
        rate = evaluator.rate_for(synthetic_set)
        packed_scoring.write_set(temporary, rate, synthetic_set.images, targets)
        scoring = packed_scoring.write(
            temporary,
            scored,
            data,
            targets,
            kind,
            synthetic_set.normalization,
        )
        pack_folder.finish(
            temporary,
            work,
            overwrite,
            images={"test": packed_images.write(temporary, data.scored)},
            scoring={**scoring, "word": word, "described": described},
        )


def _check_start(config: Config) -> None:
    """Refuses images chosen by experts, which are trained there."""
    chosen = config.parameterization.initial_images
    if chosen != RANDOM and OBJECTIVES[config.objective.name].needs_experts:
        raise ValueError(
            "A run whose experts are trained elsewhere begins with "
            f"`parameterization.initial_images` {RANDOM!r}: what else it "
            f"chooses follows from them. Received: {chosen!r}. Distil it here, "
            "or leave that out."
        )


def _begun(config: Config, data: ImageData) -> Distiller:
    """Returns the distiller of a run, its memory as it begins.

    Labels that experts give are given there, see `packed_experts.write_taught`.
    """
    with untrained_experts(config, data) as experts:
        distiller = assembly.distiller(config, data, experts, jit=True)
    untaught = {"parameterization.initial_labels": CLASSES}
    chosen_images.begin(distiller, config_lib.replace(config, untaught), data)
    return distiller


@contextlib.contextmanager
def untrained_experts(
    config: Config, data: ImageData
) -> Iterator[ExpertStore | None]:
    """Yields the store of a config without experts, None if none is needed."""
    if not OBJECTIVES[config.objective.name].needs_experts:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        yield assembly.expert_store(config, data, folder)


def _examples(
    distiller: Distiller, image_type: np.dtype | None, count: int
) -> dict[str, np.ndarray]:
    """Returns zeros in the shapes of a step's references.

    Args:
        distiller: its objective makes references.
        image_type: that of images as packs hold them; None for what references
            are made of.
        count: references of a step.
    """
    numbers = tf.data.Dataset.range(1)
    specs = distiller.objective.references(0, numbers).element_spec
    return {
        name: np.zeros(
            (count, *spec.shape),
            image_type
            if image_type and name.endswith(_IMAGES)
            else spec.dtype.as_numpy_dtype,
        )
        for name, spec in specs.items()
    }
