"""How tensors move against their gradients."""
