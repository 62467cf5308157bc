"""The tables. Times are integer microseconds since 1970, UTC; NULL stands for "not a number"."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
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

VERSION = 1
"""Written to PRAGMA user_version; a database with a higher number is refused."""

APPLICATION = 0x4B746F6E
"""Written to PRAGMA application_id ("Kton"), so that a foreign database is never written to."""

metadata = MetaData()


def _estimate() -> tuple[Column[Any], ...]:
    return (
        Column("value", Float, nullable=False),
        Column("stderr", Float, CheckConstraint("stderr >= 0"), nullable=False),
        Column("unit", Text, nullable=False),
        Column("time", Integer, nullable=False),
        Column("valid_until", Integer),
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
    Column("created", Integer, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("calibration", Text, nullable=False),
    Column("started", Integer, nullable=False),
    Column("ended", Integer, nullable=False),
    Column("instrument_seconds", Float, nullable=False),
    Column("program", Text, nullable=False),
    Column("shots", Integer, nullable=False),
    Column("data", Text),
    Column("committed", Integer, nullable=False),  # wall time, where the others are laboratory time
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
    Column("run", Integer, ForeignKey("run.number"), nullable=False, unique=True),
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
    Column("run", Integer, ForeignKey("run.number"), nullable=False),
    Column("revision", Integer, ForeignKey("revision.number")),
    Column("sent", Integer),
)
Index("outbox_waiting", outbox.c.number, sqlite_where=outbox.c.sent.is_(None))

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("time", Integer, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
    Column("why", Text, nullable=False),
)

activity = Table(
    "activity",
    metadata,
    _single_row(),
    Column("what", Text),
    Column("pid", Integer, nullable=False),
    Column("time", Integer, nullable=False),
)

APPEND_ONLY = ("run", "fit", "fitted", "revision", "change", "audit")


def create(connection: Connection) -> None:
    """Create all tables, and the triggers that keep history from being changed."""
    metadata.create_all(connection)
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
