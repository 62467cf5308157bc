"""Is SQLite itself sound? Some versions have a fault that can damage a database."""

from __future__ import annotations

import sqlite3

Version = tuple[int, int, int]

INSTALLED: Version = sqlite3.sqlite_version_info[:3]
FIRST, FIXED = (3, 7, 0), (3, 51, 3)
"""The race when a write-ahead log starts anew (sqlite.org/wal.html#walresetbug) was in between."""

MENDED = {(3, 44): 6, (3, 50): 7}
"""Older series in which it is mended too, from this patch on."""


def library_warning(version: Version = INSTALLED) -> str | None:
    """Return a warning where this SQLite can damage a database that two connections write."""
    mended = MENDED.get((version[0], version[1]))
    if not FIRST <= version < FIXED or (mended is not None and version[2] >= mended):
        return None
    said, fixed = (".".join(map(str, each)) for each in (version, FIXED))
    return (
        f"SQLite {said} has a rare race (WAL reset, mended in {fixed}) that can damage a database "
        "when two connections write or checkpoint it at one moment. Kammerton writes with one "
        "connection: let no other program write it, or use a newer SQLite"
    )
