"""What is copied into packs, see `run.py`; there it has no package."""
