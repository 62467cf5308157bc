"""What a restore carries over of holds: nothing that a person had in hand is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

from kammerton.store import clock, leases
from kammerton.store.leases import DAEMON
from kammerton.store.set_up import for_good

COLUMNS = "scope", "owner", "why", "since", "until", "boot", "ends", "released", "released_by"


def stay_held(path: Path, before: Path, who: str) -> None:
    """Hold in a restored database what the one holds that it replaces, and nothing else.

    What was held since the backup and is over counts as given back: all that the backup knows was
    measured before. Where the other database does not tell, the computer is held.
    """
    now, there = clock.instant(), _leases(before)
    if there is None:
        why = "restored from a backup: what was held since is not known"
        unknown = {"scope": "computer", "owner": who, "why": why, "since": now.wall, "until": None}
        there = [SimpleNamespace(**unknown, released=None)]
    held = [row for row in there if row.released is None and leases.lasts(row, now)]
    with closing(for_good(sqlite3.connect(path))) as connection, connection:
        ended = "UPDATE lease SET released = ?, released_by = ? WHERE released IS NULL"
        connection.execute(ended, (now.wall, who))
        known = set(connection.execute("SELECT scope, owner, since FROM lease"))
        _insert(connection, [*_over(there, held, known, now.wall), *held])


def _leases(path: Path) -> list[SimpleNamespace] | None:
    """Return all leases of a database of any schema; None where they cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute("SELECT * FROM lease ORDER BY number")
            return [SimpleNamespace(**dict(row)) for row in rows]
    except sqlite3.Error:
        return None


def _over(
    there: Iterable[SimpleNamespace],
    held: Iterable[SimpleNamespace],
    known: set[tuple[str, str, int]],
    now: int,
) -> list[SimpleNamespace]:
    """Return the last hold of each scope that was in a person's hands since the backup."""
    persons = (row for row in there if row.owner != DAEMON or row.released_by not in (None, DAEMON))
    last = {row.scope: row for row in persons}
    for row in held:
        last.pop(row.scope, None)
    new = [row for row in last.values() if (row.scope, row.owner, row.since) not in known]
    for row in new:
        if row.released is None:  # it ended by itself
            row.released, row.released_by = now, row.owner
    return new


def _insert(connection: sqlite3.Connection, rows: Iterable[SimpleNamespace]) -> None:
    (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM lease").fetchone()
    marks = ", ".join("?" * (1 + len(COLUMNS)))
    for number, row in enumerate(rows, last + 1):
        values = (getattr(row, name, None) for name in COLUMNS)
        statement = f"INSERT INTO lease (number, {', '.join(COLUMNS)}) VALUES ({marks})"
        connection.execute(statement, (number, *values))
