"""The tables, schema 5. Times are integer microseconds since 1970, UTC; NULL is "not a number"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

VERSION = 5
"""Written to PRAGMA user_version; a database with a higher number is refused."""

APPLICATION = 0x4B746F6E
"""Written to PRAGMA application_id ("Kton"), so that a foreign database is never written to."""

metadata = MetaData()

# 32 bits hold 36 minutes of microseconds; SQLite has no such limit and wants its one integer.
Moment = Integer().with_variant(BigInteger, "postgresql")


def _estimate() -> tuple[Column[Any], ...]:
    return (
        Column("value", Float, nullable=False),
        Column("stderr", Float, CheckConstraint("stderr >= 0"), nullable=False),
        Column("unit", Text, nullable=False),
        Column("time", Moment, nullable=False),
        Column("valid_until", Moment),
        Column("run", Integer, ForeignKey("run.number"), nullable=False),
    )


def _single_row() -> Column[int]:
    return Column("id", Integer, CheckConstraint("id = 1"), primary_key=True)


identity = Table(
    "identity",
    metadata,
    _single_row(),
    Column("computer", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("created", Moment, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("calibration", Text, nullable=False),
    Column("started", Moment, nullable=False),
    Column("ended", Moment, nullable=False),
    Column("instrument_seconds", Float, nullable=False),
    Column("program", Text, nullable=False),
    Column("shots", Integer, nullable=False),
    Column("data", Text),
    Column("committed", Moment, nullable=False),  # wall time, where the others are laboratory time
)

fit = Table(
    "fit",
    metadata,
    Column("run", Integer, ForeignKey("run.number"), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("chi2_reduced", Float),
    Column("window_times", Float),
    Column("shots_times", Float),
    Column("centre_on", Float),
    Column("extend_window_to", Float),
    Column("axis", Integer),  # of a map: which one the advice speaks of; NULL is the first
)

fitted = Table(
    "fitted",
    metadata,
    Column("run", Integer, ForeignKey("run.number"), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("value", Float),
    Column("stderr", Float),
    Column("unit", Text, nullable=False),
)

revision = Table(
    "revision",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run", Integer, ForeignKey("run.number"), unique=True),
    Column("reverts", Integer, ForeignKey("revision.number")),  # whose values came back
    Column("committed", Moment, nullable=False),  # wall time; the number alone gives the order
    Column("who", Text),
    Column("why", Text),
    CheckConstraint("(run IS NULL) <> (reverts IS NULL)"),
)

change = Table(
    "change",
    metadata,
    Column("revision", Integer, ForeignKey("revision.number"), primary_key=True),
    Column("name", Text, primary_key=True),
    *_estimate(),
    Index("change_by_name", "name", "revision"),
)

# The newest row of `change` for each name: the head is read in one step, however long the history.
parameter = Table(
    "parameter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("revision", Integer, ForeignKey("revision.number"), nullable=False),
    *_estimate(),
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run", Integer, ForeignKey("run.number")),
    Column("revision", Integer, ForeignKey("revision.number")),
    Column("sent", Moment),
    CheckConstraint("run IS NOT NULL OR revision IS NOT NULL"),
)
_waiting = outbox.c.sent.is_(None)
Index("outbox_waiting", outbox.c.number, sqlite_where=_waiting, postgresql_where=_waiting)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("time", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("previous", Text, nullable=False),  # the hash of the row before; the epoch at the first
    Column("hash", Text, nullable=False),
)

# What the loop came to doubt of a present value: it counts as long as that revision's value stays.
doubt = Table(
    "doubt",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("revision", Integer, ForeignKey("revision.number"), nullable=False),
    Column("sigma", Float, CheckConstraint("sigma > 0"), nullable=False),
    Column("time", Moment, nullable=False),  # wall time
    Column("why", Text, nullable=False),
    Index("doubt_by_name", "name", "revision"),
)

# What a commit stored, or a doubt, is as it was: see `seals`. One row for each, in their order.
seal = Table(
    "seal",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run", Integer, ForeignKey("run.number"), unique=True),
    Column("revision", Integer, ForeignKey("revision.number"), unique=True),
    Column("doubt", Integer, ForeignKey("doubt.number"), unique=True),
    Column("previous", Text, nullable=False),  # the hash of the row before; the epoch at the first
    Column("hash", Text, nullable=False),
    CheckConstraint("run IS NOT NULL OR revision IS NOT NULL OR doubt IS NOT NULL"),
)

# "Hands off": an open row forbids the scope (an element, an instrument, "computer") to the loop.
lease = Table(
    "lease",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment),
    Column("released", Moment),
    Column("released_by", Text),
    Column("boot", Text),  # by whose clock it ends, at `ends`: see `leases.lasts`
    Column("ends", Moment),
)
_held = lease.c.released.is_(None)
Index("lease_held", lease.c.scope, unique=True, sqlite_where=_held, postgresql_where=_held)

# A calibration that has begun; without an outcome it runs, or its process died.
attempt = Table(
    "attempt",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("calibration", Text, nullable=False),
    Column("targets", Text, nullable=False),  # JSON list
    Column("again", Integer, ForeignKey("attempt.number")),  # the aborted one that this repeats
    Column("started", Moment, nullable=False),
    Column("ended", Moment),
    Column("outcome", Text),
)
_running = attempt.c.outcome.is_(None)
Index("attempt_open", attempt.c.number, sqlite_where=_running, postgresql_where=_running)

activity = Table(
    "activity",
    metadata,
    _single_row(),
    Column("what", Text),
    Column("pid", Integer, nullable=False),  # negative: another one has opened the database since
    Column("time", Moment, nullable=False),
)

APPEND_ONLY = ("run", "fit", "fitted", "revision", "change", "audit", "doubt", "seal")
CLOSED_ONCE = {"lease": "released", "attempt": "outcome"}
"""Rows that may be changed as long as this column is NULL, and are history afterwards."""


def create(connection: Connection) -> None:
    """Create all tables, and the triggers that keep history from being changed."""
    metadata.create_all(connection)
    for statement in triggers():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")


def triggers() -> Iterator[str]:
    """Yield the statements that make history unchangeable in SQLite."""
    for table in APPEND_ONLY:
        yield _trigger(table, "UPDATE", f"{table} is append-only")
        yield _trigger(table, "DELETE", f"{table} is append-only")
    for table, column in CLOSED_ONCE.items():
        closed = f" WHEN OLD.{column} IS NOT NULL"
        yield _trigger(table, "UPDATE", f"a closed {table} is history", closed)
        yield _trigger(table, "DELETE", f"{table} is append-only")


def _trigger(table: str, verb: str, message: str, when: str = "") -> str:
    return (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}{when} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )
