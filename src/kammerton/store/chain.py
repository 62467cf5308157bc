"""The audit log's chain: each row carries a hash of itself and of the row before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence


def link(number: int, time: int, texts: Sequence[str], previous: str) -> str:
    """Return the hash of a row of the audit log: SHA-256, hexadecimal.

    texts: who, what, old, new, why. previous: the hash of the row before; for the first row the
    epoch in which the database began. The canonical text is a JSON list without spaces, ASCII.

    >>> link(1, 0, ("gate", "awg1", "0", "1", "allowed"), "e")[:8]
    '621bf027'
    """
    canonical = json.dumps([number, time, *texts, previous], separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
