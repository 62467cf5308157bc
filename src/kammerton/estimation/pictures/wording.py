"""Values as one would say them at the bench."""

from __future__ import annotations

from kammerton.model import Value

COUNTED = ("lines",)
"""Values that are counts, which have no error either."""


def given(name: str, value: Value) -> str:
    """Return what to say of a value that was given and not measured."""
    return " (known)" if value.stderr == 0 and name not in COUNTED else ""
