"""A distilled set as `tf.data` and Keras take it; needs none of fred_tf."""

import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds


class Distilled:
    """An export of images, `images_float32` of `python -m export`.

    Attributes:
        images: float32 `[n, height, width, channels]`, normalised.
        labels: int64 `[n]`.
        classes: number of classes.
        dataset: name of the data set that it stands for.
        preparation: what was done to the images of that.
        holdout: share of its training images that are its test images.
        learning_rate: what it was made for, or 0.01.
    """

    def __init__(self, folder: str):
        builder = tfds.builder_from_directory(folder)
        metadata = builder.info.metadata
        if metadata["encoding"] != "float32":
            sys.exit(f"Give the folder images_float32 instead of {folder}.")
        split = builder.as_dataset(
            split="train", as_supervised=True, batch_size=-1
        )
        self.images, self.labels = tfds.as_numpy(split)
        self.classes = builder.info.features["label"].num_classes
        self.dataset = metadata["dataset"]
        data = metadata["details"].get("data", {})
        self.preparation = data.get("preparation", {})
        self.holdout = metadata["details"].get("config", {}).get("holdout", 0.0)
        self.learning_rate = (
            metadata["numbers"]["student_learning_rate"] or 0.01
        )
        self._normalization = metadata["normalization"]
        self._folder = pathlib.Path(folder)

    def normalize(self, images: np.ndarray) -> np.ndarray:
        """Returns real images, uint8 or in [0, 1], as the set's own are."""
        pixels = images / 255 if images.dtype == np.uint8 else images
        if self._normalization["name"] != "standardize":
            return self._whiten(np.float32(pixels))
        mean, deviation = (
            np.float32(self._normalization[name])
            for name in ("mean", "deviation")
        )
        return (np.float32(pixels) - mean) / deviation

    def _whiten(self, pixels: np.ndarray) -> np.ndarray:
        folder = self._folder.parent / "whitening"
        if not folder.is_dir():
            sys.exit(
                f"Images are whitened by {self._normalization['name']}: export "
                "--forms=images_float32,whitening."
            )
        stated = json.loads(
            (folder / "manifest.json").read_text(encoding="utf-8")
        )
        if stated["normalization"] != self._normalization:
            sys.exit(
                f"{folder} is of other training images. Export the set again: "
                "--forms=images_float32,whitening."
            )
        center, matrix = (
            np.load(folder / f"{name}.npy") for name in ("center", "matrix")
        )
        rows = pixels.reshape(len(pixels), -1)
        return ((rows - center) @ matrix).reshape(pixels.shape)


def network(
    image_shape: tuple[int, ...], classes: int, width: int = 64
) -> keras.Model:
    """Returns the ConvNet of the distillation papers, not compiled yet.

    Blocks of convolution, instance norm (group norm with a group per channel),
    ReLU and average pooling, at most 3 and down to 2 pixels.
    """
    inputs = x = keras.Input(image_shape)
    for _ in range(3):
        if min(x.shape[1:-1]) <= 2:
            break
        x = keras.layers.Conv2D(width, 3, padding="same")(x)
        x = keras.layers.GroupNormalization(-1, epsilon=1e-5)(x)
        x = keras.layers.ReLU()(x)
        x = keras.layers.AveragePooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(classes)(x))


def compiled(model: keras.Model, learning_rate: float) -> keras.Model:
    """Returns the model, ready for `fit` by SGD with momentum."""
    model.compile(
        keras.optimizers.SGD(learning_rate, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def batches(
    images: np.ndarray, labels: np.ndarray, size: int, seed: int = 0
) -> tf.data.Dataset:
    """Streams shuffled batches without end."""
    whole = tf.data.Dataset.from_tensor_slices((images, labels))
    return whole.shuffle(len(labels), seed).repeat().batch(size)
