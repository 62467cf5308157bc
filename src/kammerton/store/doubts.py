"""Doubts: how much less is believed of a present value than its own error bar says."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, insert, select

from kammerton.store import checks, records, schema
from kammerton.store.rows import Doubt, run_number

table = schema.doubt


def insert_doubts(connection: Connection, doubts: Mapping[str, Doubt], now: int) -> None:
    """Insert doubts of present values; what was replaced since it was doubted is left out."""
    head = schema.parameter
    for name, doubt in doubts.items():
        mine = head.c.name == name, head.c.run == run_number(doubt.run)
        revision = connection.execute(select(head.c.revision).where(*mine)).scalar_one_or_none()
        if revision is not None:
            number = records.next_number(connection, table)
            row = {"name": name, "revision": revision, "time": now, "why": checks.plain(doubt.why)}
            sigma = checks.finite(doubt.sigma, f"the doubt of {name}")
            connection.execute(insert(table).values(number=number, sigma=sigma, **row))


def present(connection: Connection) -> dict[str, float]:
    """Return the widest sigma that each present value was doubted to, by full name."""
    head = schema.parameter
    query = (
        select(table.c.name, func.max(table.c.sigma).label("sigma"))
        .join(head, (head.c.name == table.c.name) & (head.c.revision == table.c.revision))
        .group_by(table.c.name)
    )
    return {row.name: row.sigma for row in connection.execute(query)}
