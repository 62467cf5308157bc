"""Laboratory time as the database knows it, and what is done where a computer's clock was wrong.

Numbers give the order, so that times may be moved back: by a revision that gives every present
value the time that it has by the clock as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from kammerton.model.clock import APART
from kammerton.store import clock, doubts, records, schema
from kammerton.store.revert import COPIED
from kammerton.store.rows import Doubt, micros, moment, run_name

CLOCK = "the clock"
"""Who makes a revision that moves times."""

FRIDGE = "the refrigerator"
"""Who makes a revision after which nothing holds that was measured before it was warm."""

NOBODY = frozenset({CLOCK, FRIDGE})
"""Who makes revisions of the present values, and is no person who went back to others."""

AHEAD = "laboratory time"
"""What the audit log calls by how far that is ahead of the wall, where a restore keeps it so."""

_TOLERATED = timedelta(seconds=APART)


def now(connection: Connection, wall: datetime) -> datetime:
    """Return laboratory time at a wall time, as far as a reader knows it.

    A simulated laboratory may run ahead of the wall; the end of its last run, and when that
    was committed by the wall, tell how far. It steps back behind its last run only where the
    computer's clock was set back since, by more than moments.
    """
    columns = schema.run.c.ended, schema.run.c.committed
    query = select(*columns).order_by(schema.run.c.number.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    if last is None:
        return wall
    ended, committed = moment(last.ended), moment(last.committed)
    since, none = wall - committed, timedelta()
    if since < -_TOLERATED:
        return wall + max(ended - committed, none)
    return max(wall, ended + max(since, none))


def set_back(connection: Connection, wall: datetime) -> timedelta:
    """Return by how much a wall time is behind the last commit's; 0 where by moments only."""
    table, run, revision = schema.outbox, schema.run, schema.revision
    query = (
        select(func.coalesce(revision.c.committed, run.c.committed))
        .select_from(table.outerjoin(run, run.c.number == table.c.run))
        .outerjoin(revision, revision.c.number == table.c.revision)
        .order_by(table.c.number.desc())
        .limit(1)
    )
    last = connection.execute(query).scalar_one_or_none()
    behind = timedelta() if last is None else moment(last) - wall
    return behind if behind > _TOLERATED else timedelta()


def moved(
    connection: Connection,
    by: timedelta,
    why: str,
    expected: int,
    ends: datetime | None,
    epoch: str,
    doubted: Mapping[str, Doubt] | None,
) -> int:
    """Make a revision that moves the times of all present values; see `Store.move_times`.

    Doubts stay. Returns its number; `expected` where nothing is known.
    """
    records.demand_newest(connection, expected)
    head = connection.execute(select(schema.parameter)).all()
    if not head:
        return expected
    wall, before = micros(clock.wall()), doubts.present(connection)
    who = CLOCK if doubted is None else FRIDGE
    made_by = {"reverts": expected, "who": who, "why": why}
    number = records.insert_revision(connection, made_by, [_moved(row, by, ends) for row in head])
    records.conclude(connection, None, number)
    runs = {row.name: run_name(row.run) for row in head}
    again = {name: Doubt(runs[name], each.sigma, each.why) for name, each in before.items()}
    doubts.insert_doubts(connection, again | dict(doubted or {}), wall)
    texts = (who, "revision of all", str(expected), str(number), why)
    records.insert_audit(connection, texts, wall, epoch)
    return number


def _moved(row: Any, by: timedelta, ends: datetime | None) -> dict[str, Any]:
    step = by // timedelta(microseconds=1)
    until = None if row.valid_until is None else row.valid_until + step
    if until is not None and ends is not None:
        until = min(until, micros(ends))
    same = {column: getattr(row, column) for column in COPIED}
    return {**same, "time": row.time + step, "valid_until": until}
