"""Revisions as they are read: what they changed, and after which run they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from kammerton.store import schema
from kammerton.store.rows import Revision, moment, run_name


def revisions() -> Select[Any]:
    """Select revisions, each with the last run that was committed before, or its own.

    The outbox is joined, not asked once for each: it has no index by revision.
    """
    table, outbox, earlier = schema.revision, schema.outbox, schema.outbox.alias()
    after = (
        select(earlier.c.run)
        .where(earlier.c.number <= outbox.c.number, earlier.c.run.is_not(None))
        .order_by(earlier.c.number.desc())
        .limit(1)
        .correlate(outbox)
        .scalar_subquery()
    )
    query = select(table, after.label("after"))
    return query.outerjoin(outbox, outbox.c.revision == table.c.number)


def revised(connection: Connection, rows: Sequence[Row[Any]]) -> list[Revision]:
    """Return rows as the store hands them out, with the parameters that each changed."""
    table, names = schema.change, dict[int, list[str]]()
    numbers = [row.number for row in rows] or [0]  # one after the other
    query = select(table.c.revision, table.c.name)
    query = query.where(table.c.revision.between(min(numbers), max(numbers)))
    for row in connection.execute(query.order_by(table.c.name)):
        names.setdefault(row.revision, []).append(row.name)
    return [_one_revised(row, tuple(names.get(row.number, ()))) for row in rows]


def _one_revised(row: Row[Any], names: tuple[str, ...]) -> Revision:
    run, after = (None if n is None else run_name(n) for n in (row.run, row.after))
    made = moment(row.committed)
    return Revision(row.number, run, row.reverts, after, made, row.who, row.why, names)
