"""What is said to be so, or not, of the traces that are to be fitted."""

from __future__ import annotations

import numpy as np

from kammerton.model import TraceError


def interleaved(known: dict[str, object]) -> bool:
    """Return whether it is known that every turn of a sweep visited all points."""
    return said(known, "interleaved")


def said(known: dict[str, object], name: str) -> bool:
    """Return whether something is said to be so."""
    so = False if known.get(name) is None else known[name]
    if not isinstance(so, (bool, np.bool_)):
        raise TraceError(f"{name} is True or False")
    return bool(so)
