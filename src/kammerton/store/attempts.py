"""Attempts: calibrations that have begun, so that what a dying process left open is seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from kammerton.store import checks, records, schema
from kammerton.store.rows import Attempt, Commit, moment, run_number

ABORTED = "aborted"

table = schema.attempt


def attempt(row: Row[Any]) -> Attempt:
    """Return a row as the store hands it out."""
    return Attempt(
        row.number,
        row.calibration,
        tuple(json.loads(row.targets)),
        row.again,
        moment(row.started),
        None if row.ended is None else moment(row.ended),
        row.outcome,
    )


def insert_attempt(
    connection: Connection, calibration: str, targets: Sequence[str], again: int | None, now: int
) -> int:
    """Insert an attempt that begins now; return its number."""
    number = records.next_number(connection, table)
    named = json.dumps([checks.plain(target) for target in targets])
    row = {"calibration": checks.plain(calibration), "targets": named, "again": again}
    connection.execute(insert(table).values(number=number, started=now, **row))
    return number


def end_attempt(connection: Connection, number: int, outcome: str, now: int) -> None:
    """Close an attempt; one that is closed already stays as it is."""
    mine = table.c.number == number, table.c.outcome.is_(None)
    connection.execute(update(table).where(*mine).values(ended=now, outcome=checks.plain(outcome)))


def commit_of(connection: Connection, number: int) -> Commit | None:
    """Return the commit that closed an attempt; None where none has."""
    query = select(table.c.outcome).where(table.c.number == number)
    run_id = connection.execute(query).scalar_one_or_none()
    run = run_number(run_id or "")
    if run_id is None or run is None:
        return None
    revision = schema.revision
    made = select(revision.c.number).where(revision.c.run == run)
    return Commit(run_id, connection.execute(made).scalar_one_or_none())


def abort_all(connection: Connection, now: int) -> list[Attempt]:
    """Close as aborted what is open; return it, oldest first."""
    query = select(table).where(table.c.outcome.is_(None)).order_by(table.c.number)
    found = list(connection.execute(query))
    for row in found:
        end_attempt(connection, row.number, ABORTED, now)
    numbers = [row.number for row in found]
    closed = select(table).where(table.c.number.in_(numbers)).order_by(table.c.number)
    return [attempt(row) for row in connection.execute(closed)]
