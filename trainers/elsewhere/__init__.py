"""Runs on machines that have JAX but no TensorFlow."""
