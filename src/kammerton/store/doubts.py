"""Doubts: how much less is believed of a present value than its own error bar says."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from kammerton.store import checks, records, schema, seals
from kammerton.store.rows import Doubt, Doubted, moment, run_number

table = schema.doubt


def insert_doubts(connection: Connection, doubts: Mapping[str, Doubt], now: int) -> None:
    """Insert doubts of present values; what was replaced since it was doubted is left out.

    A few statements, however many values: whoever asks for a hold waits for this transaction.
    """
    head = schema.parameter
    query = select(head.c.name, head.c.run, head.c.revision).where(head.c.name.in_(list(doubts)))
    first, rows = records.next_number(connection, table), list[dict[str, object]]()
    for name, run, revision in connection.execute(query):
        doubt = doubts[name]
        if run == run_number(doubt.run):
            sigma = checks.finite(doubt.sigma, f"the doubt of {name}")
            row = {"name": name, "revision": revision, "time": now, "why": checks.plain(doubt.why)}
            rows.append({**row, "number": first + len(rows), "sigma": sigma})
    if rows:
        connection.execute(insert(table), rows)
        seals.seal(connection, doubt=first + len(rows) - 1)


def present(connection: Connection) -> dict[str, Doubted]:
    """Return what is doubted of each present value, by full name."""
    head, found = schema.parameter, dict[str, Doubted]()
    query = (
        select(table)
        .join(head, (head.c.name == table.c.name) & (head.c.revision == table.c.revision))
        .order_by(table.c.number)
    )
    for row in connection.execute(query):
        before = found[row.name].sigma if row.name in found else 0.0
        found[row.name] = Doubted(max(row.sigma, before), row.why, moment(row.time))
    return found
