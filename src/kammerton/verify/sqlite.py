"""One SQLite file, read through Python's own driver and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from kammerton.verify.data import unreadable
from kammerton.verify.guards import guards_of_a_file
from kammerton.verify.report import Query, Report, Tell, silent
from kammerton.verify.rules import broken, tip_is_there

APPLICATION = 0x4B746F6E
HDF = b"\x89HDF"
SCHEMA, CHAINED, SEALED = 5, 2, 4
"""This program's schema, the first that all rules but that of seals are for, and of seals."""


def verify(
    database: Path,
    *,
    data: bool = True,
    guards: bool = True,
    tell: Tell = silent,
    tip: str | None = None,
) -> Report:
    """Look at a whole database, also while a daemon writes it; say everything that is wrong.

    data: read every run's file of raw traces too; that takes about a millisecond a file.
    guards: look for triggers that are missing, changed or not ours; they are no damage to history.
    tell: hears how far it has come, where that takes a while. tip: the end that the audit log had
    once; it must still hold that line.
    """
    if not database.is_file():
        return Report((f"there is no database at {database}",))
    uri = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.text_factory = _text
            connection.execute("BEGIN")
            root = _root(database.resolve()) if data else None
            return _report(_query(connection), root, guards, tell, tip)
    except sqlite3.Error as problem:
        if database.read_bytes()[:4] == HDF:
            return Report((f"{database} is a file of raw traces, and no database",))
        back = "a backup comes back with: kammerton restore BACKUP"
        return Report((f"{database} cannot be read: {problem}; {back}",))


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")  # damaged text is a finding, not an end


def _root(database: Path) -> Path:
    """Return the folder that data files are named from; a backup lies one folder deeper."""
    return database.parent.parent if ".backup-" in database.name else database.parent


def _query(connection: sqlite3.Connection) -> Query:
    def rows(statement: str) -> list[Any]:
        try:
            return connection.execute(statement).fetchall()
        except UnicodeDecodeError as problem:  # of SQLite's own message, which quotes the damage
            raise sqlite3.DatabaseError(f"damaged text: {problem}") from problem

    return rows


def _report(query: Query, root: Path | None, guards: bool, tell: Tell, tip: str | None) -> Report:
    if foreign := _foreign(query):
        return Report((foreign,))
    findings = [*_damaged(query)]
    ((version,),) = query("PRAGMA user_version")
    if version >= CHAINED:
        findings += broken(query, sqlite3.Error, tell, sealed=version >= SEALED)
        findings += tip_is_there(query, tip)
    if version >= SEALED:
        findings += guards_of_a_file(query, guards)
    if root is not None:
        findings += unreadable(query, root)
    return described(query, tuple(findings), audit=version >= CHAINED)


def _foreign(query: Query) -> str | None:
    ((application,),) = query("PRAGMA application_id")
    ((version,),) = query("PRAGMA user_version")
    if application != APPLICATION:
        return "this is no database of Kammerton"
    if version > SCHEMA:
        return f"this database has schema {version}; only schemas up to {SCHEMA} are known here"
    return None


def _damaged(query: Query) -> Iterator[str]:
    """Yield what SQLite itself finds: damaged pages, and rows that refer to nothing."""
    for (said,) in query("PRAGMA integrity_check"):
        if said != "ok":
            yield str(said)
    for table, row, parent, _ in query("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} refers to a {parent} that is not there"


def described(query: Query, findings: tuple[str, ...], *, audit: bool = True) -> Report:
    """Return the report with what the database says of itself."""
    ((computer, epoch),) = query("SELECT computer, epoch FROM identity")
    ((revision,),) = query("SELECT coalesce(max(number), 0) FROM revision")
    ((runs,),) = query("SELECT count(*) FROM run")
    ((lines,),) = query("SELECT count(*) FROM audit")
    last = query("SELECT hash FROM audit ORDER BY number DESC LIMIT 1") if audit else []
    return Report(findings, computer, epoch, revision, runs, lines, last[0][0] if last else "")
