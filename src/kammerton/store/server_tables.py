"""What keeps history from being changed on a PostgreSQL server, and steps between schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection

from kammerton.store import schema
from kammerton.store.seals import seal_rest_of

TO_3 = (
    """CREATE TABLE doubt (
        number INTEGER PRIMARY KEY, name TEXT NOT NULL,
        revision INTEGER NOT NULL REFERENCES revision (number),
        sigma FLOAT NOT NULL CHECK (sigma > 0), time BIGINT NOT NULL, why TEXT NOT NULL)""",
    "CREATE INDEX doubt_by_name ON doubt (name, revision)",
    "CREATE TRIGGER doubt_no_update BEFORE UPDATE OR DELETE ON doubt FOR EACH ROW "
    "EXECUTE FUNCTION forbid('doubt is append-only')",
    "CREATE TRIGGER doubt_no_truncate BEFORE TRUNCATE ON doubt "
    "EXECUTE FUNCTION forbid('doubt is append-only')",
)

TO_4 = (
    "ALTER TABLE fit ADD COLUMN extend_window_to FLOAT",
    "ALTER TABLE fit ADD COLUMN axis INTEGER",
    """CREATE TABLE seal (
        number INTEGER PRIMARY KEY, run INTEGER UNIQUE REFERENCES run (number),
        revision INTEGER UNIQUE REFERENCES revision (number),
        doubt INTEGER UNIQUE REFERENCES doubt (number),
        previous TEXT NOT NULL, hash TEXT NOT NULL,
        CHECK (run IS NOT NULL OR revision IS NOT NULL OR doubt IS NOT NULL))""",
    "CREATE TRIGGER seal_no_update BEFORE UPDATE OR DELETE ON seal FOR EACH ROW "
    "EXECUTE FUNCTION forbid('seal is append-only')",
    "CREATE TRIGGER seal_no_truncate BEFORE TRUNCATE ON seal "
    "EXECUTE FUNCTION forbid('seal is append-only')",
)

TO_5 = ("ALTER TABLE lease ADD COLUMN boot TEXT", "ALTER TABLE lease ADD COLUMN ends BIGINT")


def _to_3(connection: Connection) -> None:
    _do(connection, TO_3)


def _to_4(connection: Connection) -> None:
    _do(connection, TO_4)
    seal_rest_of(connection)


def _to_5(connection: Connection) -> None:
    _do(connection, TO_5)


def _do(connection: Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


STEPS: tuple[Callable[[Connection], None], ...] = (_to_3, _to_4, _to_5)
"""What leads from schema 2 to 3, and so on: no server ever had schema 1."""


def triggers() -> Iterator[str]:
    """Yield the statements that make history unchangeable."""
    yield (
        "CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0]; END $$"
    )
    for table in schema.APPEND_ONLY:
        yield _trigger(table, "UPDATE OR DELETE", f"{table} is append-only")
    for table, column in schema.CLOSED_ONCE.items():
        closed = f"WHEN (OLD.{column} IS NOT NULL) "
        yield _trigger(table, "UPDATE", f"a closed {table} is history", closed)
        yield _trigger(table, "DELETE", f"{table} is append-only")
    for table in (*schema.APPEND_ONLY, *schema.CLOSED_ONCE):
        yield (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            f"EXECUTE FUNCTION forbid('{table} is append-only')"
        )


def _trigger(table: str, verb: str, message: str, when: str = "") -> str:
    name = f"{table}_no_{verb.split()[0].lower()}"
    return (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW {when}"
        f"EXECUTE FUNCTION forbid('{message}')"
    )
