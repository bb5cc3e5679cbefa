"""FreD's frequency memory: few coefficients, many images."""

import contextlib
import contextvars
import dataclasses

import keras
import numpy as np
import tensorflow as tf

from fred_tf import budget, seeds
from fred_tf.coding import colours, quantizer, rate
from fred_tf.coding.labels import LABEL_BYTES
from fred_tf.coding.straight_through import straight_through
from fred_tf.coresets import chosen_rows
from fred_tf.paper import Paper
from fred_tf.parameterizations import byte_budget, frequency_bands, rounding
from fred_tf.parameterizations.frequency_mask import choose_mask
from fred_tf.parameterizations.frequency_settings import (
    FrequencySettings,
    mask_size,
    spectrum_shape,
)
from fred_tf.parameterizations.parameterization import Parameterization

# Whether images are decoded of values as they are stored.
_UNROUNDED = contextvars.ContextVar("decoding unrounded", default=False)


@keras.saving.register_keras_serializable("fred_tf")
class Frequency(Parameterization):
    """Images as inverse(M * F), with only the kept entries of F stored.

    F are the trainable frequency coefficients and M is the binary mask of a
    class, the same for its instances and for every channel (Shin et al. 2023,
    arXiv 2311.08819). Masked entries never receive a gradient, so instead of
    full planes times zeros the memory keeps

        values  `[instances, kept, channels]`   trainable: the whole budget
        table   `[classes, kept]`               flat positions of kept entries

    With `channels="joint"`, which is ours, the channels are one more axis of
    the transform: an image is a volume `[height, width, channels, 1]` of one
    channel. The DCT of three colours is their sum and two differences, of which
    natural images vary in the first mostly; the same number of floats keeps
    more of them, because the mask shares them out among the three.

    `adapt` draws distinct real images per class, transforms them, chooses the
    mask of each class by explained variance ratio and keeps what it selects:
    the first decoded images are band-limited real ones.

    Args:
        image_shape: `[height, width, channels]`, or more spatial axes; the
            axes may differ in length.
        classes: number of classes.
        instances_per_class: decoded images per class; see
            `budget.instances_per_class`.
        settings: see `FrequencySettings`.

    Raises:
        ValueError: `coefficients_per_channel` exceeds the positions.
    """

    Settings = FrequencySettings
    settings: FrequencySettings
    title = "FreD"
    paper = Paper(
        "shin2023frequency",
        "Shin, Donghyeok and Shin, Seungjae and Moon, Il-Chul",
        "Frequency Domain-Based Dataset Distillation",
        "NeurIPS",
        2023,
        "2311.08819",
    )

    def __init__(
        self, image_shape, classes, instances_per_class, settings=None, **kwargs
    ):
        super().__init__(
            image_shape, classes, instances_per_class, settings, **kwargs
        )
        settings = self.settings
        count = settings.coefficients_per_channel
        budget.check_coefficients(self.image_shape, count)
        self.transform = settings.make_transform()
        self.spectrum_shape = spectrum_shape(
            self.image_shape, settings.channels
        )
        self.mask_size = mask_size(self.image_shape, settings.channels, count)
        self.values = self.add_weight(
            name="values",
            shape=(self.instances, self.mask_size, self.spectrum_shape[-1]),
            initializer="zeros",
        )
        self.table = self.add_weight(
            name="table",
            shape=(self.classes, self.mask_size),
            dtype="int32",
            initializer="zeros",
            trainable=False,
        )

    @classmethod
    def instances_within(cls, settings, image_shape, classes, ipc):
        settings.check_axes(image_shape)
        if settings.budget_bytes:
            return byte_budget.instances(settings, image_shape, classes)
        count = settings.sized(image_shape).coefficients_per_channel
        available = budget.positions(image_shape)
        label = settings.label_floats(classes)
        instances = budget.instances_per_class(image_shape, ipc, count, label)
        if instances < 2 and count < available and settings.needs_variance:
            floats = budget.floats_per_class(image_shape, ipc, label)
            most = (floats // 2 - label) // image_shape[-1]
            keep = f"Keep at most {most}, or raise" if most >= 1 else "Raise"
            raise ValueError(
                f"`coefficients_per_channel` {count} leaves {instances} "
                f"instance per class at `ipc` {ipc}, and explained variance "
                f"needs 2. {keep} `ipc`."
            )
        return instances

    @classmethod
    def shrunk(cls, settings, image_shape, classes, ipc, images):
        """Keeps more of fewer images: the budget stays what it is."""
        if settings.budget_bytes:  # Which says what an image keeps.
            return settings
        everything = budget.positions(image_shape)
        asked = settings.coefficients_per_channel
        label = settings.label_floats(classes)
        enough = budget.coefficients_of(image_shape, ipc, images, label)
        count = min(max(asked, enough), everything)
        if count != asked and settings.needs_variance:
            if budget.instances_per_class(image_shape, ipc, count, label) < 2:
                count = everything
        return dataclasses.replace(settings, coefficients_per_channel=count)

    @classmethod
    def step_gain(cls, settings, image_shape):
        spectrum = spectrum_shape(image_shape, settings.channels)
        return settings.make_transform().gain(spectrum[:-1])

    def adapt(self, images, labels, seed, choose=None):
        rows_of_classes = chosen_rows(
            choose, labels, self.instances_per_class, self.classes, seed
        ).reshape(self.classes, -1)
        values, table = [], []
        for label, rows in enumerate(rows_of_classes):
            initial = self._transform(images[rows])
            if self.settings.mask_statistics == "whole_class":
                pool = self._transform(images[labels == label])
            else:
                pool = initial
            generator = np.random.default_rng(
                seeds.integer(seed, "random mask", label)
            )
            positions = self._chosen_positions(pool, generator)
            flat = initial.reshape(len(rows), -1, self.spectrum_shape[-1])
            values.append(flat[:, positions])
            table.append(positions)
        self.values.assign(np.concatenate(values))
        self.table.assign(np.stack(table))

    def check_weights(self):
        table = np.sort(self.table.numpy(), axis=1)
        everything = budget.positions(self.spectrum_shape)
        if table.min() < 0 or table.max() >= everything:
            raise ValueError(
                "Every position of `table` lies within the spectrum, in [0, "
                f"{everything}). Received: {table.min()} to {table.max()}."
            )
        if (np.diff(table, axis=1) == 0).any():
            raise ValueError(
                "The positions of a class in `table` differ from each other. "
                "Received: one that occurs twice."
            )

    def _transform(self, images: np.ndarray) -> np.ndarray:
        images = tf.convert_to_tensor(images, tf.float32)
        return self.transform(
            tf.reshape(images, [-1, *self.spectrum_shape])
        ).numpy()

    def _chosen_positions(
        self, coefficients: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        everything = budget.positions(self.spectrum_shape)
        if self.mask_size == everything:
            return np.arange(everything, dtype=np.int32)
        return choose_mask(
            self.settings.mask_rule,
            self.mask_size,
            coefficients,
            self.transform,
            generator,
        )

    def call(self, indices):
        indices = tf.cast(indices, tf.int32)
        values = self.coefficients()
        values = tf.gather(tf.reshape(values, [-1, *values.shape[2:]]), indices)
        positions = tf.gather(
            tf.convert_to_tensor(self.table),
            indices // self.instances_per_class,
        )
        count = tf.shape(indices)[0]
        rows = tf.broadcast_to(tf.range(count)[:, None], tf.shape(positions))
        planes = tf.scatter_nd(
            tf.stack([rows, positions], axis=-1),
            values,
            [
                count,
                budget.positions(self.spectrum_shape),
                self.spectrum_shape[-1],
            ],
        )
        images = self.transform.inverse(
            tf.reshape(planes, [-1, *self.spectrum_shape])
        )
        return tf.reshape(images, [-1, *self.image_shape])

    @contextlib.contextmanager
    def unrounded(self):
        token = _UNROUNDED.set(True)
        try:
            yield
        finally:
            _UNROUNDED.reset(token)

    def coefficients(self) -> tf.Tensor:
        """Returns `[classes, instances, kept, channels]`, as images have them.

        Rounded, if the settings say so, straight through.
        """
        values = self._unrounded()
        if _UNROUNDED.get():
            return values
        if bits := self.settings.bits:
            stored = rounding.quantize(values, bits)
            return straight_through(values, rounding.dequantize(*stored))
        return self._through_step(values, self.settings.trained_step)

    def _unrounded(self) -> tf.Tensor:
        return self._by_class(tf.convert_to_tensor(self.values))

    def _by_class(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reshape(values, [self.classes, -1, *self.values.shape[1:]])

    def _through_step(self, values: tf.Tensor, step: float) -> tf.Tensor:
        """Returns the nearest levels, straight through; values at step 0."""
        if not step:
            return values
        units, scales = self._units(), self._scales()
        levels = quantizer.levels(values, units, step * scales)
        scaled = tf.cast(levels, values.dtype) * scales
        return straight_through(
            values, quantizer.coefficients(scaled, units, step)
        )

    def _units(self) -> tf.Tensor:
        """Returns `units` by ops, so that steps are not made for one table."""
        everywhere = self.transform.units(self.spectrum_shape[:-1])
        return tf.gather(
            tf.constant(everywhere.ravel()), tf.convert_to_tensor(self.table)
        )

    def _scales(self) -> tf.Tensor | float:
        """Returns what the step of each coefficient is multiplied by.

        `[classes, 1, kept, channels]`, or 1 for all.
        """
        if (scales := self._scales_of_colours()) is None:
            return 1.0
        table = tf.convert_to_tensor(self.table)
        sizes = self.spectrum_shape[-1], self.image_shape[-1]
        return tf.gather(scales, colours.of(table, *sizes))[:, None]

    def _scales_of_colours(self) -> tf.Tensor | None:
        """Returns `step_scales` by ops; they follow the memory."""
        if self.settings.steps != "by_colour":
            return None
        values = quantizer.orthonormal(self._unrounded(), self._units())
        energies = colours.energies(values, self.table, self.image_shape[-1])
        return tf.stop_gradient(colours.scales(energies))

    def penalty(self):
        """Returns `rate_weight` times the mean bits of a coefficient.

        And what the coded set takes as it is, whatever the weight.
        """
        if not (step := self.settings.step):
            return None, {}
        values = self._through_step(self._unrounded(), step)
        levels = quantizer.orthonormal(values, self._units())
        levels /= step * self._scales()
        table = tf.convert_to_tensor(self.table)
        positions = budget.positions(self.spectrum_shape)
        bits = rate.mean_bits(levels, table, positions)
        sizes = self.mask_size, self.spectrum_shape[-1], self.classes
        fixed = rate.bytes_around(positions, *sizes)
        each = LABEL_BYTES * self.settings.label_floats(self.classes)
        fixed += self.instances * each
        weight = self.settings.rate_weight
        return weight * bits if weight else None, {
            "bits_per_coefficient": bits,
            "rate_bytes": bits * (levels.shape.num_elements() / 8) + fixed,
        }

    def gradient_norms(self, gradients):
        """Returns the norm in each band of frequency; pixels have none."""
        if not self.transform.has_frequencies:
            return {}
        heights = self.transform.frequencies(self.spectrum_shape[:-1]).ravel()
        gradient = self._by_class(gradients[-1])
        return frequency_bands.norms(gradient, self.table.value, heights)

    @property
    def units(self) -> np.ndarray:
        """What one orthonormal unit is of each kept coefficient.

        float64 `[classes, kept]`; see `Transform.units`.
        """
        return self._units().numpy()

    @property
    def step_scales(self) -> np.ndarray | None:
        """What the settings' step is multiplied by for each colour.

        float32 `[colours]`; None where all have the same step.
        """
        scales = self._scales_of_colours()
        return None if scales is None else scales.numpy()

    @property
    def masks(self) -> np.ndarray:
        """The masks as bool `[classes, *image_shape[:-1]]`.

        Of joint channels `[classes, channels, *image_shape[:-1]]`.
        """
        flat = np.zeros(
            (self.classes, budget.positions(self.spectrum_shape)), bool
        )
        np.put_along_axis(flat, np.asarray(self.table.numpy()), True, axis=1)
        masks = flat.reshape(self.classes, *self.spectrum_shape[:-1])
        return (
            np.moveaxis(masks, -1, 1)
            if self.settings.channels == "joint"
            else masks
        )
