"""Leases: who has said "hands off", and until when.

What is to last for a while does so by the clock of a boot, which nobody sets: a step of the wall's
clock must not put outputs on under a person's hands, nor keep them off for a year.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from kammerton.model import StoreError, StoreUnavailable
from kammerton.model.clock import APART
from kammerton.store import checks, clock, records, schema
from kammerton.store.clock import Instant
from kammerton.store.rows import Lease, micros, moment

table = schema.lease

DAEMON = "the daemon"
"""The owner of a hold on what the daemon has set aside; any person may release or take it."""

LONGEST = timedelta(days=3653)
"""What ends later than this from now is not meant: ten years."""


def active(connection: Connection, now: Instant, *which: ColumnElement[bool]) -> list[Row[Any]]:
    """Return the rows of the leases that hold, oldest first."""
    query = select(table).where(table.c.released.is_(None), *which).order_by(table.c.number)
    return [row for row in connection.execute(query) if lasts(row, now)]


def lasts(row: Any, now: Instant) -> bool:
    """Say whether a lease that nobody has released holds.

    Of this boot, until so much has passed; of another one or another computer, or of a database
    of before it was kept, by the wall as it is, until `go_on`.
    """
    if row.until is None:
        return True
    if _of_this_boot(row, now):
        return bool(row.ends > now.ticks)
    return bool(row.until > now.wall)


def _of_this_boot(row: Any, now: Instant) -> bool:
    """Say whether a lease ends by the clock that is read now.

    What that clock has not come to yet was before the computer was started.
    """
    if getattr(row, "boot", None) != now.boot:
        return False
    return bool(row.ends - (row.until - row.since) <= now.ticks)


def go_on(
    reading: Callable[[], AbstractContextManager[Connection]],
    writing: Callable[[], AbstractContextManager[Connection]],
) -> None:
    """Let what another boot's clock was to end, or another computer's, end by this one's.

    What is left of it by the wall as it is now passes whatever that is set to afterwards; where
    that is behind, as without a battery, no more is left than what it was to last in all.
    """
    now = clock.instant()
    with reading() as connection:
        others = active(connection, now, table.c.until.is_not(None))
    others = [row for row in others if not _of_this_boot(row, now)]
    if others:
        with suppress(StoreUnavailable), writing() as connection:
            for row in others:
                left = min(row.until - now.wall, row.until - row.since)
                mine = update(table).where(table.c.number == row.number)
                connection.execute(mine.values(boot=now.boot, ends=now.ticks + left))


def lease(row: Row[Any], now: Instant) -> Lease:
    """Return a row as the store hands it out."""
    return Lease(row.number, row.scope, row.owner, row.why, moment(row.since), _end(row, now))


def _end(row: Row[Any], now: Instant) -> datetime | None:
    """Return when a lease ends, by the wall as it is now; an end after all calendars is none."""
    if row.until is None:
        return None
    try:
        return moment(row.until) + timedelta(seconds=_set_since(row, now))
    except OverflowError:
        return None


def _set_since(row: Row[Any], now: Instant) -> int:
    """Return by how much the wall was set since a lease began, s; 0 where by moments only."""
    if not _of_this_boot(row, now):
        return 0
    by = (row.ends - now.ticks + now.wall - row.until) / 1e6
    return round(by) if abs(by) >= APART else 0


def checked_end(until: datetime | None, now: int) -> int | None:
    """Return the end of a lease in microseconds.

    Raises
    ------
    StoreError
        It has no time zone, is not ahead, or is more than ten years ahead.
    """
    if until is None:
        return None
    end = micros(checks.aware(until, "the end of the lease"))
    if end <= now:
        raise StoreError(f"nothing is held: the hold was to end {_past(until)}")
    if end > now + LONGEST // timedelta(microseconds=1):
        raise StoreError("nothing is held: the hold would last longer than ten years")
    return end


def shown(until: datetime) -> str:
    """Return when a hold ends, to the second, since a hold may be short."""
    return f"{until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _past(until: datetime) -> str:
    try:
        return f"at {shown(until)}, which is over"
    except OverflowError:  # of a year that UTC has not
        return "long ago"


def ends(held: Lease) -> str:
    """Return how long a hold lasts, in words."""
    return f"until {shown(held.until)}" if held.until else "until released"


def change(before: Lease | None, until: datetime | None) -> tuple[str, str]:
    """Return what the audit log says that a hold was before, and is."""
    new = "held" if until is None else f"held until {shown(until)}"
    return "" if before is None else f"held {ends(before)}", new


def demand_own(connection: Connection, scopes: Collection[str], owner: str, now: Instant) -> None:
    """Refuse to hold what another person holds.

    Raises
    ------
    StoreError
        Names who holds which, and why.
    """
    others = active(connection, now, table.c.owner.not_in((owner, DAEMON)))
    theirs = [(row.scope, row.owner, row.why) for row in others if row.scope in scopes]
    if theirs:
        raise StoreError(whose(theirs, scopes))


def whose(theirs: Iterable[tuple[str, str, str]], scopes: Collection[str]) -> str:
    """Say who else holds which of the scopes that somebody wants, and why."""
    said = "; ".join(f"{scope} is held by {owner}: {why}" for scope, owner, why in theirs)
    return f"{said}; nothing is held" if len(scopes) > 1 else said


def insert_lease(
    connection: Connection, scope: str, owner: str, why: str, now: Instant, until: datetime | None
) -> Lease | None:
    """Insert a lease; return the one of the same owner, or of the daemon, that it replaces.

    One that has run out is closed. Nobody else may hold it: see `demand_own`.

    Raises
    ------
    StoreError
        The end makes no sense.
    """
    end = checked_end(until, now.wall)
    held = next(iter(active(connection, now, table.c.scope == scope)), None)
    close(connection, scope, owner, now.wall)
    row = {"scope": scope, "owner": owner, "why": why, "since": now.wall, "until": end}
    if end is not None:
        row |= {"boot": now.boot, "ends": now.ticks + end - now.wall}
    number = records.next_number(connection, table)
    connection.execute(insert(table).values(number=number, **row))
    return None if held is None else lease(held, now)


def objection(
    connection: Connection, scope: str, who: str, now: Instant, number: int | None, *, force: bool
) -> str:
    """Say why the lease of a scope cannot be ended, "": it can.

    Nobody holds it; or not under this number any more; or, without `force`, another person.
    """
    held = next(iter(active(connection, now, table.c.scope == scope)), None)
    if held is None:
        others = [each.scope for each in active(connection, now)]
        return f"nobody holds {scope}" + f"; held: {', '.join(others)}" * bool(others)
    if number is not None and held.number != number:
        return f"{scope} is held anew by {held.owner}: {held.why}"
    if held.owner not in (who, DAEMON) and not force:
        return f"{scope} is held by {held.owner}: {held.why}; `kammerton release --force` takes it"
    return ""


def demand_free(connection: Connection, names: Collection[str], who: str, now: Instant) -> None:
    """Refuse to set back parameters that another person holds, by element or all of the computer.

    Raises
    ------
    StoreError
        Names who holds them, and why.
    """
    scopes = {"computer", *names, *(name.partition(".")[0] for name in names)}
    for held in active(connection, now, table.c.owner.not_in((who, DAEMON))):
        if held.scope in scopes:
            raise StoreError(
                f"{held.scope} is held by {held.owner}: {held.why}; nothing is set back; "
                "`kammerton revert --force` does it all the same"
            )


def close(connection: Connection, scope: str, who: str, now: int) -> None:
    """Close the lease of a scope, if there is one."""
    mine = table.c.released.is_(None), table.c.scope == scope
    closed = update(table).where(*mine).values(released=now, released_by=who)
    connection.execute(closed)
