"""Holds that are over: what a person has given back was in a person's hands.

Order is that of the audit log's lines, whatever the computer's clock was set to.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, or_, select

from kammerton.store import schema
from kammerton.store.clock import Instant
from kammerton.store.leases import DAEMON, active, table
from kammerton.store.rows import GivenBack

GIVEN_BACK = "given back"
"""What the audit log says has become of a hold once all that it doubts is noted."""

audit = schema.audit


def given_back(connection: Connection, now: Instant) -> list[GivenBack]:
    """Return the last hold on each scope that is over, unless that was noted already.

    What is held again is not given back. What the daemon held is where a person has released it:
    it was asked to see to something. The loop notes all this before anything is measured again:
    all that is known is older then.
    """
    held = {row.scope for row in active(connection, now)}
    persons = or_(table.c.owner != DAEMON, table.c.released_by != DAEMON)
    rows = connection.execute(select(table).where(persons).order_by(table.c.number))
    last = {row.scope: row for row in rows if row.scope not in held}
    noted = _noted(connection)
    older = frozenset(connection.scalars(select(schema.parameter.c.name)))
    return [
        GivenBack(row.scope, _person(row), row.why, older, note(row.number, row.scope))
        for row in last.values()
        if note(row.number, row.scope) != noted.get(row.scope)
    ]


def note(number: int, scope: str) -> str:
    """Return what the audit log calls a hold that is over."""
    return f"hold {number} of {scope}"


def _person(row: Any) -> str:
    return str(row.released_by if row.owner == DAEMON else row.owner)


def _noted(connection: Connection) -> dict[str, str]:
    """Return the note of the last hold of each scope that was noted, and of which nothing is since.

    A person's line after it is of another hold, or of that one, which held again.
    """
    what, noted = audit.c.what, dict[str, str]()
    query = select(audit.c.who, what, audit.c.new).order_by(audit.c.number)
    for row in connection.execute(query.where(or_(what.like("hold %"), what.like("lease of %")))):
        kind, _, scope = row.what.partition(" of ")
        if row.new == GIVEN_BACK:
            noted[scope] = row.what
        elif kind != "lease" or row.who != DAEMON:
            noted.pop(scope, None)
    return noted
