"""Any Keras model as the network that evaluations train."""

import contextlib
import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from fred_tf.disk import files
from fred_tf.disk.paths import Path
from fred_tf.foreign import keras_file
from fred_tf.networks import Functional, Parameters

# Networks to try: their weights must come from the seed, and from it alone.
_SEEDS = (0, 0, 1)


class KerasNetwork(Functional):
    """A Keras model of somebody else, with fresh weights for each network.

    Unlike the library's own, whose weights are drawn as functions of a seed, a
    model is made anew for each network, by its factory or from its config, with
    the global seeds of Keras, Python, NumPy and TensorFlow set by the network's
    own; those of Python and NumPy are restored. What a model starts with is
    what its initialisers draw; weights that it was given are not kept, nor are
    optimisers, metrics and losses of its own, such as regularisers.

    It is trained and scored by evaluations. Objectives need features, maps and
    weights drawn within a step, which it refuses.

    Args:
        given: a function without arguments that returns a new model; a model;
            or the path of a `.keras` file, see `keras_file`.
        image_shape: `[*sizes, channels]` of the images, which come normalised.
        classes: number of logits that it must give.

    Raises:
        TypeError: it is none of these.
        ValueError: it does not take the images, gives no logits `[batch,
            classes]`, or starts with weights that do not follow from the seed.
    """

    traceable = False

    def __init__(
        self,
        given: Callable[[], keras.Model] | keras.Model | Path,
        image_shape: Sequence[int],
        classes: int,
    ):
        self._make = _maker(given, image_shape)
        self._image_shape = tuple(image_shape)
        self._classes = classes
        first, again, other = (self._new(seed) for seed in _SEEDS)
        _check_fresh(first, again, other)
        super().__init__(first)
        self.description = _description(first)
        if any(v.regularizer for v in first.trainable_variables):
            logging.warning(
                "Regularisers of the Keras model are left out: the evaluation "
                "has a weight decay of its own, `evaluation.weight_decay`."
            )

    @property
    def classes(self) -> int:
        return self._classes

    def fresh(self, seed):
        model = self._new(int(np.asarray(seed)[0]) & 0x7FFFFFFF)
        shapes = [tuple(w.shape) for w in model.trainable_variables]
        if shapes != self.shapes:
            raise ValueError(
                "A factory must make the same architecture each time. "
                f"Received: weights {shapes[:5]} after {self.shapes[:5]}."
            )
        return (
            [tf.identity(w.value) for w in model.trainable_variables],
            [tf.identity(w.value) for w in model.non_trainable_variables],
        )

    def initialize(self, seed) -> NoReturn:
        self.check_functional()

    def initial_statistics(self) -> NoReturn:
        self.check_functional()

    def embed(self, parameters, images, statistics=None) -> NoReturn:
        self.check_functional()

    def maps(self, parameters, images) -> NoReturn:
        self.check_functional()

    def logits(self, parameters: Parameters, images: tf.Tensor) -> NoReturn:
        self.check_functional()

    def check_functional(self) -> NoReturn:
        raise TypeError(
            "Methods that distil need the functional form of a network: "
            "features, maps, and weights that are drawn within a step, as "
            "those of `fred_tf.NETWORKS` have it. Received: a Keras model of "
            "others. Evaluate with it, or write it as a `Network`, see "
            "docs/extending.md."
        )

    def _new(self, seed: int) -> keras.Model:
        """Returns a new model that was tried on images."""
        with _seeded(seed):
            model = self._make()
            if not isinstance(model, keras.Model):
                raise TypeError(
                    "A factory must return a `keras.Model`. Received: "
                    f"{type(model).__name__}."
                )
            _check_outputs(model, self._image_shape, self._classes)
        return model


def _maker(given: Any, image_shape: Sequence[int]) -> Callable[[], keras.Model]:
    """Returns what makes a new model, untrained."""
    if isinstance(given, keras.Model):
        _check_trainable(given)

        def again() -> keras.Model:
            try:
                return keras.models.clone_model(given)
            except (ValueError, TypeError, NotImplementedError) as error:
                raise ValueError(
                    "A model is made anew for each network from its config, "
                    f"and this one cannot: {error} Give a function that makes "
                    "it."
                ) from error

        return again
    if callable(given):
        return given
    if not isinstance(given, str) and not hasattr(given, "__fspath__"):
        raise TypeError(
            "`network` must be a function that makes a Keras model, a model, "
            f"or a `.keras` file. Received: {type(given).__name__}."
        )
    config = keras_file.read(given)
    with _taking(image_shape):
        keras_file.check_sizes_on(config, image_shape)
    _check_trainable(keras_file.made(config))
    return lambda: keras_file.made(config)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Lets all that is drawn within follow from a seed."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        keras.utils.set_random_seed(seed)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _check_trainable(model: keras.Model) -> None:
    """Refuses weights that the config alone does not give back."""
    for layer in model._flatten_layers(include_self=False):
        adapted = isinstance(layer, keras.layers.Normalization)
        if adapted or (layer.weights and not layer.trainable):
            raise ValueError(
                "A model is made anew for each network, without the weights "
                "that it was given: no layer may be frozen or adapted to data. "
                f"Received: {type(layer).__name__} {layer.name!r}. Give a "
                "function that makes the model, in Python; images come "
                "normalised."
            )


@contextlib.contextmanager
def _taking(image_shape: Sequence[int]) -> Iterator[None]:
    """Within it, whatever a model raises says that it does not take images."""
    try:
        yield
    except (
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        NotImplementedError,
        tf.errors.OpError,
    ) as error:
        raise ValueError(
            f"The model must take a batch of images {list(image_shape)}. "
            f"Received: {type(error).__name__}: {str(error)[:500]}"
        ) from error


def _check_outputs(
    model: keras.Model, image_shape: tuple[int, ...], classes: int
) -> None:
    """Refuses what does not give logits of the images."""
    images = np.random.default_rng(0).normal(size=(2, *image_shape))
    with _taking(image_shape):
        outputs = model(images.astype(np.float32), training=False)
    shape = getattr(outputs, "shape", None)
    if shape is None or tuple(shape) != (2, classes):
        raise ValueError(
            f"The model must give logits [batch, {classes}], one per class. "
            f"Received: {type(outputs).__name__} of shape {shape} for 2 images."
        )
    rows = np.asarray(tf.cast(outputs, tf.float32))
    if classes > 1 and (rows >= 0).all() and np.allclose(rows.sum(-1), 1):
        raise ValueError(
            "The model must give logits, of which the loss takes the softmax. "
            "Received: rows that sum to 1. Leave its last softmax out."
        )
    for weight in model.trainable_variables:
        if weight.dtype != "float32":
            raise ValueError(
                "Weights of the model must be float32. Received: "
                f"{weight.dtype} of {weight.path}. Set its dtype policy."
            )
    if not model.trainable_variables:
        raise ValueError(
            "The model must have weights to train. Received: none. Set "
            "`trainable`."
        )


def _check_fresh(
    first: keras.Model, again: keras.Model, other: keras.Model
) -> None:
    """Refuses weights that do not follow from the seed and from it alone."""
    weights = zip(*(x.trainable_variables for x in (first, again, other)))
    for one, same, drawn in weights:
        a, b, c = (np.asarray(w.value) for w in (one, same, drawn))
        if not np.array_equal(a, b):
            raise ValueError(
                "A model must start with weights that follow from the global "
                "seeds of Keras, Python and NumPy. Received: others for the "
                f"same seed, of {one.path}. Draw them with Keras' initializers."
            )
        if np.array_equal(a, c) and a.min() != a.max():
            raise ValueError(
                "Each network must start with fresh weights. Received: the "
                f"same ones for two seeds, of {one.path}. Give initializers "
                "without a `seed`, and make a new model in each call of the "
                "function; pre-trained layers are frozen (`trainable=False`)."
            )


def _description(model: keras.Model) -> dict[str, Any]:
    """Returns what tells an architecture from others, fit for JSON.

    Names of layers count up within a process, and are left out.
    """
    layers = []
    for layer in model._flatten_layers(include_self=False):
        try:
            config = {**layer.get_config(), "name": None}
        except NotImplementedError:  # Of a class that does not say it.
            config = {}
        inner = list(layer._flatten_layers(include_self=False))
        layers.append([type(layer).__name__, {} if inner else config])
    shapes = [list(w.shape) for w in model.variables]
    told = json.dumps(
        [layers, shapes], sort_keys=True, default=lambda x: type(x).__name__
    )
    sizes = [math.prod(w.shape) for w in model.trainable_variables]
    return {
        "name": "keras",
        "model": type(model).__name__,
        "architecture": files.digest(told.encode()),
        "parameters": sum(sizes),
    }
