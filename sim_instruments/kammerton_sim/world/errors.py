"""What the world refuses."""

from __future__ import annotations


class WorldError(ValueError):
    """A question or a set of outputs that has no physical answer."""
