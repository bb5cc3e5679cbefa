"""Random batches of real images, as many of each class."""

import numpy as np
import tensorflow as tf

from fred_tf import seeds
from fred_tf.datasets.disk_images import DiskImages
from fred_tf.datasets.image_data import Split
from fred_tf.normalizations import Normalization

# What references call images of any class, and their labels.
ANY = ("any_images", "any_labels")
# Of all images in float32: CIFAR's take 614 MB.
_MOST_BYTES = 2**31


class ClassBatches:
    """Draws normalised images of every class at once.

    Images stay on the host as they are stored, once, or on the disk; a drawn
    batch is normalised. Only where that costs a product with a matrix for each
    image, and memory allows, all are normalised before. `draw` is made of
    stateless ops, fit for `tf.function` and `tf.data.Dataset.map`, which
    capture the images instead of copying them into their graphs.

    ```python
    batches = ClassBatches(data.train, data.normalization, data.classes)
    images = batches.draw(seeds.named(0, "batch"), per_class=64)
    ```

    Args:
        split: real images with labels.
        normalization: applied to each batch.
        classes: number of classes.
    """

    def __init__(
        self, split: Split, normalization: Normalization, classes: int
    ):
        self.counts = np.bincount(split.labels, minlength=classes)
        # Row c lists the images of class c, then zeros that are never drawn.
        table = np.zeros((classes, self.counts.max()), np.int32)
        for label in range(classes):
            members = split.indices_of(label)
            table[label, : len(members)] = members
        with tf.device("CPU:0"):
            self._normalize = normalization
            if isinstance(split.images, DiskImages):
                self._images, rows = split.images.tensor()
                table = rows.astype(np.int32)[table]
            elif normalization.whole and 4 * split.images.size <= _MOST_BYTES:
                self._images = tf.constant(normalization(split.images))
                self._normalize = tf.identity
            else:
                self._images = tf.constant(split.images)
            self._table = tf.constant(table)
            self._occupied = tf.constant(
                np.arange(table.shape[1]) < self.counts[:, None]
            )

    def check(self, per_class: int) -> None:
        """Raises ValueError unless every class has `per_class` images."""
        smallest = int(self.counts.argmin())
        if not 1 <= per_class <= self.counts[smallest]:
            raise ValueError(
                "`per_class` must be between 1 and the images of the smallest "
                f"class (class {smallest}: {self.counts[smallest]}). "
                f"Received: {per_class}. Lower `real_batch_per_class`, or add "
                "images of that class."
            )

    def draw(self, seed: tf.Tensor | np.ndarray, per_class: int) -> tf.Tensor:
        """Draws `per_class` distinct images of each class, all equally likely.

        Args:
            seed: int32 `[2]`; equal seeds draw equal images.
            per_class: images of each class.

        Returns:
            Normalised float32 `[classes, per_class, height, width, channels]`.

        Raises:
            ValueError: a class has fewer images than `per_class`.
        """
        self.check(per_class)
        with tf.device("CPU:0"):
            numbers = self._numbers(seed)
            places = tf.math.top_k(numbers, per_class, sorted=False).indices
            indices = tf.gather(self._table, places, batch_dims=1)
            return self._normalize(tf.gather(self._images, indices))

    def draw_any(
        self, seed: tf.Tensor | np.ndarray, count: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws distinct images of any class, all equally likely.

        Args:
            seed: as for `draw`.
            count: images, no more than there are.

        Returns:
            Normalised images `[count, ...]`, and their classes, int32.
        """
        with tf.device("CPU:0"):
            numbers = tf.reshape(self._numbers(seed), [-1])
            places = tf.math.top_k(numbers, count, sorted=False).indices
            indices = tf.gather(tf.reshape(self._table, [-1]), places)
            images = self._normalize(tf.gather(self._images, indices))
            return images, places // self._table.shape[1]

    def _numbers(self, seed: tf.Tensor | np.ndarray) -> tf.Tensor:
        """Returns a random number for each place of the table, -1 for empty.

        The places of the highest of independent random numbers are a draw
        without replacement. `index_shuffle` would be cheaper, but knows too few
        permutations: some images come up more often.
        """
        numbers = tf.random.stateless_uniform(self._table.shape, seed)
        return tf.where(self._occupied, numbers, -1.0)

    def stream(
        self,
        seed: int,
        numbers: tf.data.Dataset,
        per_class: int,
        of_any: int = 0,
    ) -> tf.data.Dataset:
        """Streams draws as references, one for each number.

        Args:
            seed: the run's integer seed.
            numbers: int64 scalars; a draw depends on its own alone.
            per_class: images of each class.
            of_any: images of any class beside them.

        Returns:
            `{"images": draw}`, and if there are others `any_images` and
            `any_labels`.
        """
        stream = seeds.named(seed, "class batches")
        others = seeds.named(seed, "images of any class")

        # Made of ops: looking for Python to convert takes half a second.
        @tf.autograph.experimental.do_not_convert
        def reference(number):
            images = self.draw(seeds.fold(stream, number), per_class)
            if not of_any:
                return {"images": images}
            drawn = self.draw_any(seeds.fold(others, number), of_any)
            return {"images": images, **dict(zip(ANY, drawn))}

        drawn = numbers.map(reference)
        # TensorFlow rewrites a pipeline by way of its graph, into which it
        # would copy all the images.
        options = tf.data.Options()
        options.experimental_optimization.apply_default_optimizations = False
        options.autotune.enabled = False
        return drawn.with_options(options)
