"""ConvNet3D in graphs that TensorFlow rewrites, as programs have them."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.networks import ConvNet3D


@pytest.fixture
def rewritten():
    """Lets TensorFlow rewrite graphs, which other tests do without."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": False}
    )
    yield
    tf.config.optimizer.set_experimental_options(before)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_rewritten_graph_gives_what_the_layers_give(
    channels, rewritten, generator
):
    """oneDNN's op for a pad and a Conv3D forgets the padding of "same"."""
    shape = (8, 7, 6, channels)
    network = ConvNet3D(shape, 3, ConvNet3D.Settings(width=4, depth=1))
    volumes = generator.normal(size=(2, *shape)).astype(np.float32)
    in_graph = tf.function(network, autograph=False)(volumes)
    np.testing.assert_allclose(in_graph, network(volumes), atol=1e-5)
