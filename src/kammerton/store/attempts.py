"""Attempts: calibrations that have begun, so that what a dying process left open is seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from kammerton.store import checks, records, schema
from kammerton.store.rows import Attempt, Commit, moment, run_number

ABORTED = "aborted"

HUNG = "hung: "
"""What the outcome of an attempt begins with whose own code did not return."""

PASSED_OVER = "not repeated: it is not ready"

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


def targets(connection: Connection) -> frozenset[str]:
    """Return every target of an attempt, whatever became of it."""
    named = connection.execute(select(table.c.targets).distinct()).scalars()
    return frozenset(name for each in named for name in json.loads(each))


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
    """Close as aborted what is open; return it, oldest first.

    With it what was aborted earlier and neither begun again since nor passed over, however often a
    process died between, and the newest if it hung.
    """
    mine = list(connection.scalars(select(table.c.number).where(table.c.outcome.is_(None))))
    for number in mine:
        end_attempt(connection, number, ABORTED, now)
    repeated = select(table.c.again).where(table.c.again.is_not(None))
    owed = and_(
        table.c.outcome == ABORTED, table.c.again.is_(None), table.c.number.not_in(repeated)
    )
    newest = table.c.number == select(func.max(table.c.number)).scalar_subquery()
    hung = and_(newest, table.c.outcome.startswith(HUNG))
    query = select(table).where(or_(table.c.number.in_(mine), owed, hung))
    return [attempt(row) for row in connection.execute(query.order_by(table.c.number))]


def insert_passed_over(connection: Connection, left: Attempt, now: int) -> None:
    """Insert what closes an attempt that is not repeated."""
    number = insert_attempt(connection, left.calibration, left.targets, left.number, now)
    end_attempt(connection, number, PASSED_OVER, now)
