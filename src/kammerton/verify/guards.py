"""What keeps history from being changed is there itself: every table, every trigger."""

from __future__ import annotations

from collections.abc import Iterator

from kammerton.verify.report import Query

APPEND_ONLY = ("run", "fit", "fitted", "revision", "change", "audit", "doubt", "seal")
CLOSED_ONCE = {"lease": "released", "attempt": "outcome"}
CHANGING = ("identity", "parameter", "outbox", "activity")
TABLES = frozenset((*APPEND_ONLY, *CLOSED_ONCE, *CHANGING))

FORBID = "BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0]; END"


def guards_of_a_file(query: Query, triggers: bool = True) -> Iterator[str]:
    """Yield the tables and triggers of an SQLite file that are missing, changed or not ours.

    triggers: False where only damage counts: a missing table is that.
    """
    kept = query(
        "SELECT type, name, sql FROM sqlite_master "
        "WHERE type IN ('table', 'trigger') AND name NOT LIKE 'sqlite%'"
    )
    yield from _missing(name for kind, name, _ in kept if kind == "table")
    if not triggers:
        return
    there = {name: " ".join(sql.replace('"', "").split()) for k, name, sql in kept if k != "table"}
    wanted = dict(_triggers())
    for name in sorted(wanted.keys() | there.keys()):
        if name not in there:
            yield f"the trigger {name} is missing: history can be changed"
        elif name not in wanted:
            yield f"the trigger {name} is none of Kammerton"
        elif there[name] != wanted[name]:
            yield f"the trigger {name} was changed: history can be changed"


def guards_of_a_server(query: Query, schema: str) -> Iterator[str]:
    """Yield the tables and triggers of a schema that are missing or switched off."""
    named = f"'{schema.replace(chr(39), '')}'"
    tables = query(f"SELECT tablename FROM pg_tables WHERE schemaname = {named}")
    yield from _missing(name for (name,) in tables)
    triggers = query(
        "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        f"WHERE nspname = {named} AND NOT tgisinternal AND tgenabled IN ('O', 'A')"
    )
    on = {name for (name,) in triggers}
    for name in sorted(set(_server_triggers()) - on):
        yield f"the trigger {name} is missing or switched off: history can be changed"
    bodies = query(
        "SELECT prosrc FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace "
        f"WHERE proname = 'forbid' AND nspname = {named}"
    )
    if [" ".join(body.split()) for (body,) in bodies] != [FORBID]:
        yield "the function forbid of the triggers was changed: history can be changed"


def _missing(there: Iterator[str]) -> Iterator[str]:
    for name in sorted(TABLES - set(there)):
        yield f"the table {name} is missing"


def _triggers() -> Iterator[tuple[str, str]]:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            yield _trigger(table, verb, f"{table} is append-only")
    for table, column in CLOSED_ONCE.items():
        closed = f" WHEN OLD.{column} IS NOT NULL"
        yield _trigger(table, "UPDATE", f"a closed {table} is history", closed)
        yield _trigger(table, "DELETE", f"{table} is append-only")


def _trigger(table: str, verb: str, words: str, when: str = "") -> tuple[str, str]:
    name = f"{table}_no_{verb.lower()}"
    return name, (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table}{when} "
        f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
    )


def _server_triggers() -> Iterator[str]:
    for table in (*APPEND_ONLY, *CLOSED_ONCE):
        yield f"{table}_no_update"  # of an append-only table: DELETE, too
        yield f"{table}_no_truncate"
    for table in CLOSED_ONCE:
        yield f"{table}_no_delete"
