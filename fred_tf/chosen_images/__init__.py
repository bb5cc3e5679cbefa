"""Real images chosen by what a network sees in them."""

from fred_tf.chosen_images.choice import begin, choice

__all__ = ["begin", "choice"]
