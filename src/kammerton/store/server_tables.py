"""What keeps history from being changed on a PostgreSQL server, and steps between schemas."""

from __future__ import annotations

from collections.abc import Iterator

from kammerton.store import schema

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
