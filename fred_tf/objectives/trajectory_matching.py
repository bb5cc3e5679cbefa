"""Trajectory matching: train like an expert, on synthetic images."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from fred_tf import seeds
from fred_tf.objectives.objective import Health, Objective, drawn_view
from fred_tf.objectives.student import STUDENT_MEMORY, Student, chunks_of
from fred_tf.optimizers import SGD, Group
from fred_tf.paper import Paper
from fred_tf.settings import (
    MOST_PASSES,
    MOST_RATE,
    Settings,
    check_least,
    check_one_of,
    check_positive,
    check_share,
    later,
)
from fred_tf.training.network_training import cross_entropy

# Losses from here on tell of images that teach nothing. Those of runs that
# were lost are between 0.98 and 1.01 for most experts, and above 2 for others.
_NOTHING_LEARNED = 0.95


@dataclasses.dataclass(frozen=True)
class TrajectoryMatchingSettings(Settings):
    """Settings of `TrajectoryMatching`.

    Attributes:
        student_steps: N, at least 1.
        expert_epochs: M, at least 1.
        max_start_epoch: t is drawn from [0, max_start_epoch).
        start_epochs_grow_over: references over which that range grows, from
            the first epoch alone; 0 begins with all of it. Easy epochs first,
            as in Guo et al. 2024 (DATM, arXiv 2310.05773).
        student_batch: images a student step; 0 means all.
        student_learning_rate: starting value of a.
        student_learning_rate_step: step size with which a is learned.
        student_learning_rate_momentum: of that; 0 means that of the memory.
        minimum_student_learning_rate: lower bound of a, at most its start.
        student_memory: `"recompute"`, `"store"` or `"tesla"`, see
            `student.py`.
        student_chunk: images of a student step that are treated at a time, to
            save memory; a divisor of the images in a step, 0 means all.
    """

    name: ClassVar[str] = "trajectory_matching"
    student_steps: int = 50
    expert_epochs: int = 2
    max_start_epoch: int = 5
    start_epochs_grow_over: int = 0
    student_batch: int = 0
    student_learning_rate: float = 0.01
    student_learning_rate_step: float = 1e-7
    minimum_student_learning_rate: float = 1e-3
    student_memory: str = "recompute"
    student_chunk: int = 0
    student_learning_rate_momentum: float = later(0.0)

    def __post_init__(self):
        for name in ("student_steps", "expert_epochs", "max_start_epoch"):
            check_least(name, getattr(self, name), 1, MOST_PASSES)
        check_least("start_epochs_grow_over", self.start_epochs_grow_over, 0)
        check_least("student_batch", self.student_batch, 0)
        for name in ("student_learning_rate", "minimum_student_learning_rate"):
            check_positive(name, getattr(self, name), MOST_RATE)
        start, least = (
            self.student_learning_rate,
            self.minimum_student_learning_rate,
        )
        if start < least:
            raise ValueError(
                "Students begin at their lower bound or above it. Received: "
                f"`student_learning_rate` {start} and "
                f"`minimum_student_learning_rate` {least}. Lower the latter."
            )
        step = self.student_learning_rate_step
        check_least("student_learning_rate_step", step, 0, MOST_RATE)
        check_share(
            "student_learning_rate_momentum",
            self.student_learning_rate_momentum,
            "a decay",
        )
        check_one_of("student_memory", self.student_memory, STUDENT_MEMORY)
        check_least("student_chunk", self.student_chunk, 0)

    @property
    def last_epoch(self) -> int:
        """The last epoch of experts that a student aims at."""
        return self.max_start_epoch - 1 + self.expert_epochs

    def check_run(self, config, instances):
        if instances is not None:
            seen = config.parameterization.seen_at_once(instances)
            chunks_of(seen, self.student_batch, self.student_chunk)
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
    first and nothing else is decoded. Where images have `views`, all this is
    of the originals, and a step sees them by one view, drawn for it.

    Args:
        network: the student's architecture, the experts' own.
        augmentation: applied per image, independently in each step.
        source: the expert store.
        settings: see `TrajectoryMatchingSettings`.

    Raises:
        ValueError: the experts are too short or have other parameters, or the
            network has batch statistics.
    """

    Settings = TrajectoryMatchingSettings
    settings: TrajectoryMatchingSettings
    short_name = "TM"
    paper = Paper(
        "cazenavette2022trajectories",
        "Cazenavette, George and Wang, Tongzhou and Torralba, Antonio and "
        "Efros, Alexei A. and Zhu, Jun-Yan",
        "Dataset Distillation by Matching Training Trajectories",
        "CVPR",
        2022,
        "2203.11932",
    )
    needs_experts = True
    label_kinds = ("probabilities",)
    weight_names = ("student_learning_rate",)

    def __init__(self, network, augmentation, source, settings=None, **kwargs):
        super().__init__(network, augmentation, source, settings, **kwargs)
        self._check()
        first = self.settings.student_learning_rate
        self.student_learning_rate = self.add_weight(
            name="student_learning_rate",
            shape=(),
            initializer=lambda shape, dtype: tf.constant(first, dtype),
        )

    def _check(self) -> None:
        settings, experts = self.settings, self.source
        if settings.last_epoch > experts.epochs:
            raise ValueError(
                "`max_start_epoch` - 1 + `expert_epochs` must not exceed the "
                f"epochs that {experts.path} stores ({experts.epochs}). "
                f"Received: {settings.max_start_epoch} - 1 + "
                f"{settings.expert_epochs} = {settings.last_epoch}. Lower one "
                "of them, or train experts with more `experts.epochs` or "
                "`experts.stored_epochs`."
            )
        if self.network.size != experts.parameters:
            raise ValueError(
                f"The network has {self.network.size} parameters, the experts "
                f"have {experts.parameters}. Use the network that the experts "
                "were trained with."
            )
        self.network.refuse_statistics(
            "Trajectory matching",
            "they have no gradient along the student's steps",
        )

    def groups(self, momentum):
        rate = self.settings.student_learning_rate_step
        weights = [self.student_learning_rate]
        own = self.settings.student_learning_rate_momentum or momentum
        return [Group("student", weights, SGD(own), rate)]

    def recipe(self):
        return {
            "kind": "expert_segments",
            "max_start_epoch": self.settings.max_start_epoch,
            "start_epochs_grow_over": self.settings.start_epochs_grow_over,
            "expert_epochs": self.settings.expert_epochs,
            "epochs": self.settings.last_epoch,
        }

    def references(self, seed, numbers):
        stream = seeds.named(seed, "expert segments")

        @tf.autograph.experimental.do_not_convert
        def draw(position):
            draw_seed = seeds.fold(stream, position)
            # One pass takes every expert once, in an order of its own.
            count, number = len(self.source), tf.cast(position, tf.int32)
            order = seeds.permutation(
                seeds.fold(stream, -1 - number // count), count
            )
            expert = order[number % count]
            start = tf.random.stateless_uniform(
                [], draw_seed, 0, self._start_epochs(number), tf.int32
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

    def _start_epochs(self, number: tf.Tensor) -> tf.Tensor:
        """Returns how many epochs reference `number` may start at."""
        most, over = (
            self.settings.max_start_epoch,
            self.settings.start_epochs_grow_over,
        )
        if not over:
            return tf.constant(most)
        # In whole epochs, each for as many references; products of both are
        # beyond 32 bits.
        grown = 1 + tf.cast(tf.maximum(number, 0), tf.int64) * most // over
        return tf.cast(tf.minimum(grown, most), tf.int32)

    def _segment(self, expert: int, start: int):
        return self.source.segment(
            int(expert), int(start), self.settings.expert_epochs
        )

    def used(self, instances, seed):
        drawn = self.settings.student_steps * self.settings.student_batch
        count = instances // self.views
        if not 0 < drawn < count:
            return tf.range(instances)
        rows = seeds.permutation(seeds.fold(seed, 2), count)[:drawn]
        every = rows[:, None] * self.views + tf.range(self.views)
        return tf.reshape(every, [-1])

    def call(self, images, labels, reference, seed):
        start, target = reference["start"], reference["target"]
        student = self._student(labels.shape[0] // self.views, seed)
        end = STUDENT_MEMORY[self.settings.student_memory](
            student,
            start,
            tf.convert_to_tensor(self.student_learning_rate),
            images,
            labels,
        )
        moved = tf.reduce_sum((start - target) ** 2)
        # An expert that did not move gives 0 / tiny instead of 0 / 0.
        smallest = tf.constant(1e-30, moved.dtype)
        return tf.reduce_sum((end - target) ** 2) / tf.maximum(moved, smallest)

    def _student(self, instances: int, seed) -> Student:
        order_seed, augment_seed = seeds.fold(seed, 0), seeds.fold(seed, 1)

        def batch(images, labels, position):
            images, labels = self._minibatch(
                images, labels, order_seed, position
            )
            seed = seeds.fold(augment_seed, position)
            return self.augmentation(images, seed), labels

        def loss(theta, images, labels):
            logits = self.network.logits(self.network.unflatten(theta), images)
            return tf.reduce_mean(cross_entropy(labels, logits))

        chunks = chunks_of(
            instances, self.settings.student_batch, self.settings.student_chunk
        )
        return Student(batch, loss, self.settings.student_steps, chunks)

    def _minibatch(self, images, labels, seed, position):
        views, size = self.views, self.settings.student_batch
        count = images.shape[0] // views
        rows = tf.range(count)
        if 0 < size < count:
            per_pass = count // size
            turn, place = position // per_pass, position % per_pass
            order = seeds.permutation(seeds.fold(seed, turn), count)
            rows = tf.slice(order, [place * size], [size])
        elif views == 1:
            return images, labels
        if views > 1:
            view = drawn_view(views, seeds.fold(seed, -1 - position))
            rows = rows * views + view
        return tf.gather(images, rows), tf.gather(labels, rows)

    def constrain(self, weights):
        (rate,) = weights
        return [tf.maximum(rate, self.settings.minimum_student_learning_rate)]

    def health(self, loss, weights):
        """A student that does not move has loss 1, and one that learns less.

        Where it ends no nearer to the expert although its step size has been
        lowered as far as it can be, the images have nothing to teach. One that
        is not learned says nothing: few small steps end near their start.
        """
        (rate,) = weights
        bound = 1.001 * self.settings.minimum_student_learning_rate
        learned = loss < _NOTHING_LEARNED
        lowered = rate <= bound
        if not self.settings.student_learning_rate_step:
            lowered = tf.zeros_like(lowered)
        return Health(learned, ~learned & lowered)
