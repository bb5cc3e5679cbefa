"""RESULTS.md and the rows that it is made of."""
