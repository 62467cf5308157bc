"""What is said of an axis whose unit nobody named."""

from __future__ import annotations


def taken_as(column: str, unit: str) -> str:
    """Return the note that a column is taken to be in an SI unit."""
    return f"x, column {column!r}, names no unit: taken as {unit} (--x-unit chooses another)"
