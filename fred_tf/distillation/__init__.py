"""The outer step, and what makes a run of steps."""
