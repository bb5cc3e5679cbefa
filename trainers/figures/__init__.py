"""Figures of runs, for papers and talks."""
