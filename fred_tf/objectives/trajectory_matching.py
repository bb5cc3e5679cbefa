"""Trajectory matching: train like an expert, on synthetic images."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.experts.store import ExpertStore
from fred_tf.networks import Functional
from fred_tf.objectives.objective import Objective
from fred_tf.objectives.student import STUDENT_MEMORY, Student, chunks_of
from fred_tf.settings import (
    Settings,
    check_least,
    check_one_of,
    check_positive,
)


@dataclasses.dataclass(frozen=True)
class TrajectoryMatchingSettings(Settings):
    """Arguments of `TrajectoryMatching`."""

    name: ClassVar[str] = "trajectory_matching"
    student_steps: int = 50
    expert_epochs: int = 2
    max_start_epoch: int = 5
    student_batch: int = 0
    student_learning_rate: float = 0.01
    student_learning_rate_step: float = 1e-7
    minimum_student_learning_rate: float = 1e-3
    student_memory: str = "recompute"
    student_chunk: int = 0
    segments_per_step: int = 0

    def __post_init__(self):
        check_least("student_steps", self.student_steps, 1)
        check_least("expert_epochs", self.expert_epochs, 1)
        check_least("max_start_epoch", self.max_start_epoch, 1)
        check_least("student_batch", self.student_batch, 0)
        check_positive("student_learning_rate", self.student_learning_rate)
        check_least(
            "student_learning_rate_step", self.student_learning_rate_step, 0
        )
        check_positive(
            "minimum_student_learning_rate", self.minimum_student_learning_rate
        )
        check_one_of("student_memory", self.student_memory, STUDENT_MEMORY)
        check_least("student_chunk", self.student_chunk, 0)
        check_least("segments_per_step", self.segments_per_step, 0)

    @property
    def last_epoch(self) -> int:
        """The last epoch of experts that a student aims at."""
        return self.max_start_epoch - 1 + self.expert_epochs

    def check_run(self, config, instances):
        if instances is not None:
            chunks_of(instances, self.student_batch, self.student_chunk)
        start, length = self.max_start_epoch, self.expert_epochs
        last, experts = self.last_epoch, config.experts
        if last > experts.epochs_on_disk:
            raise ValueError(
                "`max_start_epoch` - 1 + `expert_epochs` must not exceed the "
                f"{experts.epochs_on_disk} stored epochs of the experts. "
                f"Received: {start} - 1 + {length} = {last}, with "
                f"`experts.stored_epochs` {experts.stored_epochs} (0 means "
                f"all) and `experts.epochs` {experts.epochs}. Lower one of "
                "the former or raise the latter."
            )


class TrajectoryMatching(Objective):
    """Ends where the expert went, in far fewer steps.

        L = || theta_N - theta*_{t+M} ||^2 / || theta*_t - theta*_{t+M} ||^2

    (Cazenavette et al. 2022, eq. 2, arXiv 2203.11932): a student starts at an
    expert's parameters of epoch t, takes N = `student_steps` steps of SGD on
    the augmented synthetic images with a learned step size a, and is compared
    with the expert M = `expert_epochs` epochs later. L is exactly 1 for a = 0.

    The step size is this objective's own weight. It is kept within
    `[minimum_student_learning_rate, inf)`, as in FreD's code.

    Where the synthetic set is larger than `student_batch`, each pass over it
    is a permutation cut into whole minibatches; a remainder waits for the
    next permutation (the authors' code also uses it, as a smaller batch).
    Where all steps together see a part of the set only, that part is drawn
    first and nothing else is decoded.

    Args:
        network: the student's architecture, the experts' own.
        augmentation: applied per image, independently in each step.
        experts: the expert store.
        student_steps: N, at least 1.
        expert_epochs: M, at least 1.
        max_start_epoch: t is drawn from [0, max_start_epoch).
        student_batch: images a student step; 0 means all.
        student_learning_rate: starting value of a.
        student_learning_rate_step: step size with which a is learned.
        minimum_student_learning_rate: lower bound of a.
        student_memory: `"recompute"`, `"store"` or `"tesla"`, see
            `student.py`.
        student_chunk: images of a student step that are treated at a time, to
            save memory; a divisor of the images in a step, 0 means all.
        segments_per_step: expert segments averaged in a step, over all
            replicas; 0 means one per replica.

    Raises:
        ValueError: an argument is out of its range, the experts are too short
            or have other parameters, or the network has batch statistics.
    """

    Settings = TrajectoryMatchingSettings
    needs_experts = True
    weight_names = ("student_learning_rate",)
    references_per_step_name = "segments_per_step"

    def __init__(
        self,
        network: Functional,
        augmentation: SiameseAugmentation,
        experts: ExpertStore,
        student_steps: int,
        expert_epochs: int,
        max_start_epoch: int,
        student_batch: int = 0,
        student_learning_rate: float = 0.01,
        student_learning_rate_step: float = 1e-7,
        minimum_student_learning_rate: float = 1e-3,
        student_memory: str = "recompute",
        student_chunk: int = 0,
        segments_per_step: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.network = network
        self.augmentation = augmentation
        self.experts = experts
        self.student_steps = student_steps
        self.expert_epochs = expert_epochs
        self.max_start_epoch = max_start_epoch
        self.student_batch = student_batch
        self.weight_step = student_learning_rate_step
        self.minimum_student_learning_rate = minimum_student_learning_rate
        self.student_memory = student_memory
        self.student_chunk = student_chunk
        self.references_per_step = segments_per_step
        self._check()
        self.student_learning_rate = self.add_weight(
            name="student_learning_rate",
            shape=(),
            initializer=lambda shape, dtype: tf.constant(
                student_learning_rate, dtype
            ),
        )

    def _check(self) -> None:
        if self.student_memory not in STUDENT_MEMORY:
            raise ValueError(
                f"`student_memory` must be one of {sorted(STUDENT_MEMORY)}. "
                f"Received: {self.student_memory!r}."
            )
        last = self.max_start_epoch - 1 + self.expert_epochs
        if last > self.experts.epochs:
            raise ValueError(
                "`max_start_epoch` - 1 + `expert_epochs` must not exceed the "
                f"epochs that {self.experts.path} stores "
                f"({self.experts.epochs}). Received: "
                f"{self.max_start_epoch} - 1 + {self.expert_epochs} = {last}. "
                "Lower one of them, or train experts with more "
                "`experts.epochs` or `experts.stored_epochs`."
            )
        if self.network.size != self.experts.parameters:
            raise ValueError(
                f"The network has {self.network.size} parameters, the experts "
                f"have {self.experts.parameters}. Use the network that the "
                "experts were trained with."
            )
        if self.network.initial_statistics():
            raise ValueError(
                "Trajectory matching needs a network without moving "
                "statistics: they have no gradient along the student's steps. "
                'Use `norm` "instance", "group" or "none".'
            )

    def references(self, seed, numbers):
        stream = seeds.named(seed, "expert segments")

        def draw(position):
            draw_seed = seeds.fold(stream, position)
            # One pass takes every expert once, in an order of its own.
            count, number = len(self.experts), tf.cast(position, tf.int32)
            order = _permutation(
                count, seeds.fold(stream, -1 - number // count)
            )
            expert = order[number % count]
            start = tf.random.stateless_uniform(
                [], draw_seed, 0, self.max_start_epoch, tf.int32
            )
            # Op determinism takes read-ahead from pipelines that are stateful.
            vectors = tf.numpy_function(
                self._segment,
                [expert, start],
                [tf.float32, tf.float32],
                stateful=False,
            )
            for vector in vectors:
                vector.set_shape([self.network.size])
            return dict(zip(("start", "target"), vectors))

        return numbers.map(draw)

    def _segment(self, expert: int, start: int):
        return self.experts.segment(int(expert), int(start), self.expert_epochs)

    def used(self, instances, seed):
        drawn = self.student_steps * self.student_batch
        if not 0 < drawn < instances:
            return tf.range(instances)
        return _permutation(instances, seeds.fold(seed, 2))[:drawn]

    def call(self, images, labels, reference, seed):
        start, target = reference["start"], reference["target"]
        student = self._student(labels, seed)
        end = STUDENT_MEMORY[self.student_memory](
            student,
            start,
            tf.convert_to_tensor(self.student_learning_rate),
            images,
        )
        moved = tf.reduce_sum((start - target) ** 2)
        # An expert that did not move gives 0 / tiny instead of 0 / 0.
        smallest = tf.constant(1e-30, moved.dtype)
        return tf.reduce_sum((end - target) ** 2) / tf.maximum(moved, smallest)

    def _student(self, labels, seed) -> Student:
        order_seed, augment_seed = seeds.fold(seed, 0), seeds.fold(seed, 1)

        def batch(images, position):
            chosen, classes = self._minibatch(
                images, labels, order_seed, position
            )
            chosen_seed = seeds.fold(augment_seed, position)
            return self.augmentation(chosen, chosen_seed), classes

        def loss(theta, images, classes):
            logits = self.network.logits(self.network.unflatten(theta), images)
            return tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
            )

        chunks = chunks_of(
            labels.shape[0], self.student_batch, self.student_chunk
        )
        return Student(batch, loss, self.student_steps, chunks)

    def _minibatch(self, images, labels, seed, position):
        count, size = images.shape[0], self.student_batch
        if not 0 < size < count:
            return images, labels
        per_pass = count // size
        turn, place = position // per_pass, position % per_pass
        order = _permutation(count, seeds.fold(seed, turn))
        chosen = tf.slice(order, [place * size], [size])
        return tf.gather(images, chosen), tf.gather(labels, chosen)

    def constrain(self, weights):
        (rate,) = weights
        return [tf.maximum(rate, self.minimum_student_learning_rate)]


def _permutation(count: int, seed: tf.Tensor) -> tf.Tensor:
    # `index_shuffle` would need no sorting, but its permutations are too few
    # to be uniform over small sets.
    return tf.argsort(tf.random.stateless_uniform([count], seed))
