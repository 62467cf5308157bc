"""Copies of the database: made while it is in use, looked at before they count, a few kept.

A backup is `<database>.backup-<number>-<UTC time>-<why>` in the folder "backups" beside the
database. It has been read whole before it gets this name; a file with this name is a good one.
The number tells which is the newest: a clock may jump.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from kammerton.model import StoreError
from kammerton.store.disk import to_disk

HOURLY = "hourly"
PAGES = 1000
"""Pages copied at a time; others may write in between."""


def beside(database: Path) -> Path:
    """Return the folder of a database's backups."""
    return database.parent / "backups"


def backups(database: Path, folder: Path | None = None) -> list[Path]:
    """Return the backups of a database, oldest first."""
    place = beside(database) if folder is None else folder
    names = place.glob(f"{_escaped(database.name)}.backup-*")
    return sorted(path for path in names if not path.name.endswith(".part"))


def keep(
    database: Path,
    folder: Path,
    why: str = HOURLY,
    look: Callable[[Path], list[str]] | None = None,
) -> Path:
    """Copy a database, verify the copy, and give it its name; return that.

    look: says what is wrong with the copy, nothing when it is sound; SQLite's own checks when None.

    Raises
    ------
    StoreError
        The disk refuses, or the copy is not sound; then no backup has the name of one.
    """
    final = folder / _next_name(database, folder, why)
    part = final.with_name(f"{final.name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _copy(database, part)
        if wrong := (look or _unsound)(part):
            raise StoreError(f"the backup of {database} is not sound: {'; '.join(wrong[:3])}")
        part.replace(final)
        to_disk(folder)
    except (sqlite3.Error, OSError) as problem:
        raise StoreError(f"cannot back up {database} to {folder}: {problem}") from problem
    finally:
        part.unlink(missing_ok=True)
    return final


def _next_name(database: Path, folder: Path, why: str) -> str:
    taken = [
        path.name.removeprefix(f"{database.name}.backup-") for path in backups(database, folder)
    ]
    last = max((int(name[:6]) for name in taken if name[:6].isdigit()), default=0)
    return f"{database.name}.backup-{last + 1:06d}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{why}"


def _copy(database: Path, target: Path) -> None:
    source = f"{database.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(source, uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new, pages=PAGES)
        # A backup is one file: nothing of it may be left in a write-ahead log.
        new.execute("PRAGMA journal_mode = DELETE")
    to_disk(target)


def _unsound(copy: Path) -> list[str]:
    with closing(sqlite3.connect(copy)) as connection:
        said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    wrong = [] if said == ["ok"] else said
    return wrong + [f"{table} row {row} refers to nothing" for table, row, *_ in broken]


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
