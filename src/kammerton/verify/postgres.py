"""One computer's schema on a PostgreSQL server, read through psycopg and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kammerton.verify.data import unreadable
from kammerton.verify.guards import guards_of_a_server
from kammerton.verify.report import Query, Report, Tell, silent
from kammerton.verify.rules import broken, tip_is_there
from kammerton.verify.sqlite import SCHEMA, described


def verify_server(
    url: str, *, data: bool = True, tell: Tell = silent, tip: str | None = None
) -> Report:
    """Look at "postgresql+psycopg://host/database#computer"; say everything that is wrong."""
    try:
        import psycopg
    except ImportError:
        return Report(("PostgreSQL needs its driver: pip install 'kammerton[postgresql]'",))
    where, _, computer = url.partition("#")
    name = f'"kammerton_{computer}"'
    try:
        with psycopg.connect(where.replace("+psycopg", "", 1)) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute(f"SET search_path = {name}".encode())

            def query(statement: str) -> list[tuple[object, ...]]:
                with connection.transaction():  # a rule that fails must not end the others
                    rows: list[tuple[object, ...]] = connection.execute(
                        statement.encode()
                    ).fetchall()
                return rows

            report = _report(query, f"kammerton_{computer}", psycopg.Error, data, tell)
            if report.computer:
                said = (*report.findings, *tip_is_there(query, tip))
                return replace(report, findings=said)
            return report
    except psycopg.Error as problem:
        return Report((f"the database cannot be read: {type(problem).__name__}",))


def _report(query: Query, name: str, errors: type[Exception], data: bool, tell: Tell) -> Report:
    said = query(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace "
        f"WHERE nspname = '{name.replace(chr(39), '')}'"
    )
    if said != [(f"kammerton {SCHEMA}",)]:
        return Report((f"there is no schema {name} of Kammerton {SCHEMA}",))
    findings = [*broken(query, errors, tell), *guards_of_a_server(query, name)]
    if data:
        findings += unreadable(query, Path())
    return described(query, tuple(findings))
