"""Networks trained on real data, and the ways that they took."""
