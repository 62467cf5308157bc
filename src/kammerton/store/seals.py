"""Each commit, and each lot of doubts, carries a hash of what was stored and of the one before.

What is hashed is read back in the transaction that stored it: what the database made of a number
is what later reads are compared with. `kammerton.verify` has code of its own for the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, text

from kammerton.model import StoreError
from kammerton.store import schema

Ask = Callable[[str], Sequence[Sequence[Any]]]
"""Runs one SELECT and returns its rows."""

Seal = tuple[int, int | None, int | None, int | None, str, str]
"""A row: number, run, revision, doubt, previous, hash."""

OF_A_RUN = (
    "SELECT number, calibration, started, ended, instrument_seconds, program, shots, data, "
    "committed FROM run WHERE number = {run}",
    "SELECT target, position, kind, verdict, status, reason, chi2_reduced, window_times, "
    "shots_times, centre_on, extend_window_to, axis FROM fit WHERE run = {run}",
    "SELECT target, name, position, value, stderr, unit FROM fitted WHERE run = {run}",
)
OF_A_REVISION = (
    "SELECT number, run, reverts, committed, who, why FROM revision WHERE number = {revision}",
    "SELECT name, value, stderr, unit, time, valid_until, run FROM change "
    "WHERE revision = {revision}",
)
OF_DOUBTS = (
    "SELECT number, name, revision, sigma, time, why FROM doubt WHERE number <= {doubt} "
    "AND number > (SELECT coalesce(max(doubt), 0) FROM seal WHERE doubt < {doubt})",
)
"""What is sealed. Columns that a later schema adds belong into seals of a new form."""


def seal(
    connection: Connection,
    *,
    run: int | None = None,
    revision: int | None = None,
    doubt: int | None = None,
) -> None:
    """Seal what the present transaction stored. doubt: the last; all since the seal before are."""
    made = _sealed(_asking(connection), (run, revision, doubt))
    connection.execute(insert(schema.seal).values(made))


def seal_rest(ask: Ask, write: Callable[[Seal], object]) -> None:
    """Seal what has no seal, in its order: what an older schema left, and doubts carried over."""
    commits = ask(
        "SELECT run, revision FROM outbox WHERE NOT EXISTS (SELECT 1 FROM seal WHERE "
        "seal.run = outbox.run OR seal.revision = outbox.revision) ORDER BY number"
    )
    for run, revision in commits:
        write(_sealed(ask, (run, revision, None)))
    ((last,), (sealed,)) = (
        *ask("SELECT max(number) FROM doubt"),
        *ask("SELECT max(doubt) FROM seal"),
    )
    if last != sealed:
        write(_sealed(ask, (None, None, last)))


def seal_rest_of(connection: Connection) -> None:
    """Do `seal_rest` in a transaction of SQLAlchemy's."""
    columns = "number", "run", "revision", "doubt", "previous", "hash"
    put = text(f"INSERT INTO seal VALUES ({', '.join(f':{name}' for name in columns)})")

    def write(row: Seal) -> None:
        connection.execute(put, dict(zip(columns, row, strict=True)))

    seal_rest(_asking(connection), write)


def demand_as_sealed(connection: Connection, revisions: Collection[int]) -> None:
    """Raise StoreError where a revision, or the run that made it, is not what was stored."""
    table, ask = schema.seal, _asking(connection)
    rows = connection.execute(select(table).where(table.c.revision.in_(revisions)))
    whole = {row.revision for row in rows if row.hash == _hash(ask, tuple(row)[:5])}
    if changed := sorted(set(revisions) - whole):
        those = ", ".join(map(str, changed))
        raise StoreError(
            f"revision {those} is not what was stored then: the database was damaged or changed. "
            "`kammerton verify` says what is wrong, `kammerton backup --list` what can come back"
        )


def _sealed(ask: Ask, of: tuple[int | None, int | None, int | None]) -> Seal:
    last = ask("SELECT number, hash FROM seal ORDER BY number DESC LIMIT 1")
    number, previous = last[0] if last else (0, ask("SELECT epoch FROM identity")[0][0])
    row = (number + 1, *of, previous)
    return (*row, _hash(ask, row))


def _hash(ask: Ask, row: tuple[int, int | None, int | None, int | None, str]) -> str:
    """Return SHA-256 of a seal's own columns and what it seals, as JSON without spaces, ASCII."""
    number, run, revision, doubt, previous = row
    parts = [
        *_rows(ask, OF_A_RUN, run=run),
        *_rows(ask, OF_A_REVISION, revision=revision),
        *_rows(ask, OF_DOUBTS, doubt=doubt),
    ]
    said = [number, run, revision, doubt, previous, parts]
    text = json.dumps(said, separators=(",", ":"), default=repr)  # damage may be of any type
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _rows(ask: Ask, queries: tuple[str, ...], **of: int | None) -> Iterator[list[list[Any]]]:
    """Yield each query's rows, in the order of their first columns whatever the database's is."""
    if None in of.values():
        return
    for query in queries:
        rows = [[_exact(each) for each in row] for row in ask(query.format(**of))]
        yield sorted(rows, key=lambda row: [str(each) for each in row])


def _exact(value: object) -> object:
    """Return a number with a point in hexadecimal: no database and no library rounds that."""
    return value.hex() if isinstance(value, float) else value


def _asking(connection: Connection) -> Ask:
    def ask(statement: str) -> Sequence[Sequence[Any]]:
        return connection.exec_driver_sql(statement).all()

    return ask
