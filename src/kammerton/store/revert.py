"""Going back: a new revision with the values of an old one. Numbers only rise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from kammerton.model import StoreError
from kammerton.store import leases, records, schema, seals
from kammerton.store.clock import Instant
from kammerton.store.unknown_then import unknown_then

COPIED = ("name", "value", "stderr", "unit", "time", "valid_until", "run")


def insert_revert(
    connection: Connection, to: int, names: Sequence[str], who: str, why: str,
    now: Instant | None, expected: int | None = None,
) -> int:  # fmt: skip
    """Insert a revision with the values of revision `to`.

    names: elements or parameters; all of the computer when empty. What was first measured after
    `to` stays as it is. now: when it must not be held by another person; None: it may be.
    expected: the newest revision that the caller looked at; None: whichever it is.

    Raises
    ------
    Overtaken
        There is a newer revision than `expected`.
    StoreError
        There is no such revision or name, everything already is as it was then, it is held, or
        what would come back is not what was stored.
    """
    if expected is not None:
        records.demand_newest(connection, expected)
    head = {row.name: row for row in connection.execute(select(schema.parameter))}
    there = rows_at(connection, to)
    then = _chosen(connection, there, names, to)
    back = [row for row in then if not _same(row, head[row.name])]
    changes = [{column: getattr(row, column) for column in COPIED} for row in back]
    if not changes:
        new = sorted(n for n in head.keys() - {row.name for row in there} if meant(n, names))
        kept = f"; measured for the first time since, and kept: {', '.join(new)}" if new else ""
        of = ", ".join(names) or "everything"
        raise StoreError(f"of {of}, what was known at revision {to} has not changed since{kept}")
    if now is not None:
        leases.demand_free(connection, {change["name"] for change in changes}, who, now)
    seals.demand_as_sealed(connection, {row.revision for row in back})
    made_by = {"reverts": to, "who": who, "why": why}
    number = records.insert_revision(connection, made_by, changes)
    records.conclude(connection, None, number)
    return number


def rows_at(connection: Connection, revision: int) -> list[Row[Any]]:
    """Return the newest change of every parameter at a revision, by name.

    Raises
    ------
    StoreError
        There is no such revision.
    """
    last = connection.execute(select(func.max(schema.revision.c.number))).scalar_one() or 0
    if not 0 < revision <= last:
        raise StoreError(f"there is no revision r{revision}; the newest is r{last}")
    table = schema.change
    newest = (
        select(table.c.name, func.max(table.c.revision).label("revision"))
        .where(table.c.revision <= revision)
        .group_by(table.c.name)
        .subquery()
    )
    same = (table.c.name == newest.c.name) & (table.c.revision == newest.c.revision)
    return list(connection.execute(select(table).join(newest, same).order_by(table.c.name)))


def _chosen(
    connection: Connection, rows: list[Row[Any]], names: Sequence[str], to: int
) -> list[Row[Any]]:
    known = {name for row in rows for name in (row.name, row.name.split(".")[0])}
    if unknown := sorted(set(names) - known):
        raise StoreError(unknown_then(connection, unknown, to))
    return [row for row in rows if meant(row.name, names)]


def meant(name: str, names: Sequence[str]) -> bool:
    """Whether a parameter is among names of elements and parameters; all are where none is said."""
    return not names or bool({name, name.partition(".")[0]} & set(names))


def _same(one: Row[Any], other: Row[Any]) -> bool:
    return all(getattr(one, column) == getattr(other, column) for column in COPIED)
