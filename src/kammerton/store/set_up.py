"""A connection to SQLite as it is wanted, and read back: what is asked for may not be given."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any


def set_up(
    connection: sqlite3.Connection, wanted: Mapping[str, tuple[str, Any]]
) -> sqlite3.Connection:
    """Return a connection as it is wanted: what to set, and how it reads back; closed otherwise."""
    try:
        for pragma, (value, reads) in wanted.items():
            _demand(connection, pragma, value, reads)
    except BaseException:
        connection.close()  # a file that is open can be deleted by nobody on Windows
        raise
    return connection


def _demand(connection: sqlite3.Connection, pragma: str, value: str, reads: Any = None) -> None:
    connection.execute(f"PRAGMA {pragma} = {value}")
    (got,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    if got != (value if reads is None else reads):
        raise sqlite3.OperationalError(f"{pragma} is {got!r}, not {value}; is this a local disk?")


def for_good(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a connection whose commits are on the disk before they return, read back."""
    return set_up(connection, {"synchronous": ("FULL", 2)})
