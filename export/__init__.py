"""Puts exports together: choice of forms, measuring, sizes, the program."""

from export import loading as loading
