"""Puts exports together: choice of forms, measuring, sizes, the program."""
