"""The training of fresh networks, and what it says of a set."""
