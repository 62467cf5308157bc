"""The nearest known name to a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, or None: close to it, or begun by it."""
    names = list(known)
    found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    begun = [each for each in names if len(name) > 2 and each.startswith(name.lower())]
    return found[0] if found else begun[0] if len(begun) == 1 else None


def hint(name: str, known: Iterable[str]) -> str:
    """Return the end of a message: the name that was meant, or all there are."""
    names = sorted(known)
    meant = nearest(name, names)
    if meant is not None:
        return f'; did you mean "{meant}"?'
    return f"; known: {', '.join(names)}" if names else "; there are none"
