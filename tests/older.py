"""Databases as older programs left them: what a step between schemas adds is taken away again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

UNDO = {
    4: ("ALTER TABLE lease DROP COLUMN boot", "ALTER TABLE lease DROP COLUMN ends"),
    3: (
        "DROP TABLE seal",
        "ALTER TABLE fit DROP COLUMN axis",
        "ALTER TABLE fit DROP COLUMN extend_window_to",
    ),
    2: ("DROP TABLE doubt",),
}
"""What leads from the schema above to this one; SQLite and PostgreSQL understand it alike."""


def undone(to: int) -> tuple[str, ...]:
    """Return the statements that lead from the present schema back to an older one."""
    return tuple(each for number, step in UNDO.items() if number >= to for each in step)


def make_old(database: Path, to: int) -> None:
    """Take an SQLite file back to an older schema."""
    with closing(sqlite3.connect(database, isolation_level=None)) as older:
        for statement in undone(to):
            older.execute(statement)
        older.execute(f"PRAGMA user_version = {to}")
