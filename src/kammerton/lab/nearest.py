"""The nearest known name to a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, or None."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def hint(name: str, known: Iterable[str]) -> str:
    """Return the end of a message: the name that was meant, or all there are."""
    names = sorted(known)
    meant = nearest(name, names)
    if meant is not None:
        return f'; did you mean "{meant}"?'
    return f"; known: {', '.join(names)}" if names else "; there are none"
